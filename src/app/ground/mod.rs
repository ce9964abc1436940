//! What every use case stands on: errors, keys at work, the audit, identities, tenants and fences. It knows no other room of `app`.

pub mod audit;
pub mod error;
pub mod fence;
pub mod identities;
pub mod tenants;
pub mod vault;
