//! The senders: which events a verified delivery holds, what each of them means, and what the sender is answered.
//!
//! ```text
//!  credential verified ─▶ admit (at intake: whose, which events, what makes each the same) ─▶ stored
//!  later, from what was stored ─▶ interpret ─▶ one LifecycleEvent, or Malformed
//! ```
//!
//! What each sender agrees to (route, headers, proof, whose its events are, whether it is asked) is its `Contract`; `senders`
//! lists them all, and nobody else asks of which kind a source is.
//!
//! Promises: neither step panics, whatever the bytes, and each does the same when it is done again; what cannot be believed
//! is a [`Malformed`] or a [`NotAdmitted`] that names a field and no value; only ids, times and seconds come out, never
//! names, avatars, addresses or comments. Unknown fields and unknown types are tolerated, because senders add them without
//! notice; a repeated field that is read is refused, because two readers could believe different ones.
//!
//! [`Malformed`]: crate::domain::event::Malformed

mod admission;
mod atlassian;
pub mod atlassian_report;
pub mod cloudevents;
pub mod connect;
pub mod contract;
pub mod firebase;
pub mod firebase_function;
pub mod forge;
pub mod google;
pub mod google_events;
pub mod jira;
pub mod minimized;
pub mod pubsub;
mod reply;
mod scalar;
mod senders;
pub mod settings;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use admission::IDENTIFIER_BYTES_MAX;
pub use admission::{Admitted, NotAdmitted, TenantRef};
pub use senders::{contract, contracts, headers_read, is_credential, reply_status};
pub use settings::SourceSettings;
