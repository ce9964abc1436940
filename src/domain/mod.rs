//! The pure words of the house: ids, time, randomness, people, events, requests, jobs, plans, catalogs and answers.
//!
//! Promises: nothing here does input or output, reads a clock or draws randomness, and nothing here knows another room.
//! Every other room may import this one.

pub mod actor;
pub mod back_off;
pub mod caller;
pub mod catalog;
pub mod clock;
pub mod crash;
pub mod database;
pub mod delivery;
pub mod entropy;
pub mod event;
pub mod evidence;
pub mod identity;
pub mod ids;
pub mod issuer;
pub mod job;
pub mod key_set;
pub mod metric;
pub mod personal;
pub mod plan;
pub mod poll;
pub mod profile;
pub mod provider_call;
pub mod reason;
pub mod reply;
pub mod request;
pub mod run;
pub mod source;
pub mod tree;
pub mod verification;
pub mod words;
pub mod worklog;

pub use actor::Actor;
pub use clock::Clock;
pub use crash::CrashPoints;
pub use delivery::Headers;
pub use entropy::Entropy;
pub use identity::{FenceKind, IdentityKind, SubjectKind};
pub use ids::{
    AuditId, CallId, EventId, EvidenceId, FenceId, IdentityId, JobId, OffboardingId, ParseIdError, PlanId, ReceiptId,
    RequestId, RunId, SourceId, SubjectId, TenantId,
};
pub use issuer::Issuer;
pub use personal::Personal;
pub use reason::Reason;
pub use source::SourceKind;
