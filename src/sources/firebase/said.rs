//! What a source says of itself, whatever the shape.

use jiff::Timestamp;

use crate::{domain::Personal, sources::scalar::Raw};

/// What a source says of itself, whatever the shape.
pub(super) struct Said<'a> {
    pub(super) event_type: String,
    /// `//<service>/projects/<project>` or `projects/<project>`, where the event names one.
    pub(super) resource: Option<String>,
    /// `users/<uid>`.
    pub(super) subject: Option<Personal<String>>,
    pub(super) tenant: Option<String>,
    pub(super) at: Option<Timestamp>,
    /// The user's account, as often as the shape repeats it.
    pub(super) accounts: [Raw<'a>; 2],
}
