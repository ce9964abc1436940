//! Privacy requests as their jobs see them.

pub mod case;
pub mod job;
pub mod lease;
