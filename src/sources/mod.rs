//! The senders, one file each: how a verified body is understood and what the sender is answered.
//!
//! Promises: interpretation never panics, whatever the bytes; what it cannot believe is a [`Malformed`] that names a field
//! and no value; only ids, times and seconds come out, never names, avatars or comments. Unknown fields and unknown types
//! are tolerated, because senders add them without notice.
//!
//! [`Malformed`]: crate::domain::event::Malformed

mod admission;
pub mod atlassian_report;
pub mod jira;
pub mod minimized;
pub mod settings;

pub use admission::{Admitted, TenantRef};
pub use minimized::{from_minimized, minimize};
pub use settings::SourceSettings;
