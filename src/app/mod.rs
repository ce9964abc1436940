//! The use cases: one public function for each verb. Owns transactions, knows no HTTP.
//!
//! Rooms, from the top; each imports only rooms below it (`tests/behaviour/architecture.rs` holds the table):
//!
//! ```text
//! jobs             claims jobs, runs an attempt, records what became of it
//! interpretation   what an event means, and its consequences in one commit
//! upkeep           retention, key epochs, audit chain, lost jobs, gauges
//! polling          polls sources that do not send
//! erasure          fence, execute, verify, tell, destroy the key, certify
//! offboarding      the timeline: access revoked, flagged for deletion, erased; and what stops it
//! accounts         accounts at identity providers, of one person or of a whole tenant
//! support          what operators and support engineers do and read
//! intake           a delivery becomes a pending event; acknowledged means committed
//! requests         privacy requests as their jobs see them
//! registry         sources, their credentials and installations
//! ground           errors, vault, audit, identities, tenants, fences
//! ```
//!
//! `gateway` puts the parts together for those who call use cases; no room imports it.

pub mod accounts;
pub mod erasure;
mod gateway;
pub mod ground;
pub mod intake;
pub mod interpretation;
pub mod jobs;
pub mod offboarding;
pub mod polling;
pub mod registry;
pub mod requests;
pub mod support;
pub mod upkeep;

pub use accounts::outgoing::Outgoing;
pub use gateway::{Gateway, GatewayParts, Reserved, Trust};
pub use ground::{
    Databases, Leases,
    error::{AttemptEnd, Error, JobFailure},
};
pub use intake::committer::run_committer;

/// What a sender is told; re-exported because `http` never sees a sender's contract.
pub use crate::sources::{cloudevents::handshake, contract, contracts, headers_read, reply_status};
/// What a worker claims; re-exported because `worker` never sees storage.
pub use crate::store::{event::ClaimedEvent, job::ClaimedJob};
