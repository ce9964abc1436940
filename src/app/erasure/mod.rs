//! Erasure: fence, execute, verify, tell, destroy the key, certify. Forward only.

pub mod certify;
mod context;
pub mod forget_tenant;
pub mod person;
pub mod plans;
pub mod tenant;

pub use context::Erasure;
