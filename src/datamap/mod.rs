//! Data maps and policies.
pub mod map;
pub mod policy;
