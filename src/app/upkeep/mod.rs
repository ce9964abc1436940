//! Work that nobody asks for but time.

pub mod chain;
pub mod fences;
pub mod inbox;
pub mod key_epochs;
pub mod leaving;
pub mod lost_jobs;
pub mod sweep;
pub mod swept;
