//! What every use case stands on: errors, keys at work, the audit, identities, tenants and fences. It knows no other room of `app`.

pub mod audit;
mod context;
pub mod error;
pub mod fence;
pub mod identities;
pub mod tenants;
pub mod vault;

pub(in crate::app) use context::GroundParts;
pub use context::{Databases, Ground, Leases};
