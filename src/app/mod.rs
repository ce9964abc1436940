//! The use cases: one public function for each verb. Owns transactions, knows no HTTP.
//!
//! ```text
//! accept_event ─▶ commit_events          (a delivery becomes a pending event; acknowledged means committed)
//! interpret ─▶ person, record_hours ─▶ offboard      (an event becomes its consequences, in one commit)
//!           ─▶ offboard_tenant ─▶ timeline           (the same for a whole customer)
//!           ─▶ rectify                               (what the product has copied of an account is corrected)
//! take_access, mark, erase, erase_tenant ─▶ certify  (jobs; each may run twice and die at any line)
//! call_back, accounts                                (telling identity providers, of a person or of a whole customer)
//! replay, report, find_subject, sources, verify_audit, demo_clock   (what operators do)
//! poll ─▶ report_accounts, reconcile_hours, watch_installations   (asking senders that do not tell)
//! sweep                                              (retention, key epochs, audit chain, lost jobs, gauges)
//! ```

pub mod accept_event;
pub mod accounts;
mod audit;
mod call_back;
mod certify;
mod commit_events;
pub mod demo_clock;
pub mod erase;
pub mod erase_tenant;
mod error;
mod fan_out;
mod fences;
pub mod find_subject;
mod forget_tenant;
mod gateway;
pub mod interpret;
mod offboard;
pub mod offboard_tenant;
mod person;
pub mod poll;
mod reconcile_hours;
mod record_hours;
mod record_tree;
mod rectify;
pub mod rejections;
pub mod replay;
pub mod report;
mod report_accounts;
pub mod run_job;
pub mod sources;
pub mod sweep;
mod take_access;
mod timeline;
mod vault;
pub mod verify_audit;
mod watch_installations;

/// Keys that senders' parties publish, as [`Gateway::keys`] gives them.
pub use crate::outbound::{KeyAnswer, KeySets};
/// What a sender is told; re-exported because `http` never sees a sender's contract.
pub use crate::sources::{cloudevents::handshake, contract, contracts, headers_read, reply_status};
/// What a worker claims; re-exported because `worker` never sees storage.
pub use crate::store::{event::ClaimedEvent, job::ClaimedJob};
pub use call_back::CallBacks;
pub use commit_events::{CommitQueue, run_committer};
pub use error::{Error, JobFailure};
pub use gateway::{Databases, Gateway, GatewayParts, Leases, Trust};
pub use sources::SourceCache;
pub use vault::Vault;
