//! Erasure: fence, execute, verify, tell, destroy the keys, certify. Forward only, for a person and for a whole tenant.
//!
//! [`engine`] goes through the phases; each phase is a file, and says there what a person and a tenant have in common and what
//! differs.

mod certify;
mod context;
pub mod engine;
mod execute;
mod fence;
mod forget_person;
mod forget_tenant;
mod identifiers;
mod plans;
mod tell;
mod verify;

pub use context::Erasure;
