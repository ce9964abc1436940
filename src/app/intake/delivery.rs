//! One delivery before its body, and how it ended.

use crate::{
    domain::{EventId, Headers, SourceKind, reason::EventReason, reply::SenderReply},
    signature::Rejection,
};

/// The reason of an event that came under the identifier of another one with another body. It is kept and never runs.
pub(in crate::app) const IDENTIFIER_REUSED: &str = EventReason::IdentifierReused.code();

/// The largest body of any sender, in bytes: Jira's (Atlassian: larger ones are not delivered).
pub use crate::sources::contract::BODY_BYTES_MAX as EVENT_BODY_BYTES_MAX;

/// What a sender should wait before it repeats, in seconds.
pub const RETRY_AFTER_SECONDS: u32 = 30;

const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

/// One delivery, before its body.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The kind of sender that its route is for.
    pub kind: SourceKind,
    /// The source's name, as the caller wrote it.
    pub source: String,
    /// What stands after the name in the path, without the slash between.
    pub tail: String,
    /// The query, without its question mark.
    pub query: String,
    /// The headers that sources read.
    pub headers: Headers,
}

/// How a delivery ended, for the sender and for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// What the sender is told.
    pub reply: SenderReply,
    /// Why it was refused; never told to the sender.
    pub rejection: Option<Rejection>,
    /// The event it became or repeated; the first of several.
    pub event_id: Option<EventId>,
    /// True when all of it had been committed before.
    pub is_duplicate: bool,
}

impl Accepted {
    pub(super) fn refused(rejection: Rejection) -> Self {
        let reply = if rejection.is_our_inability() { UNAVAILABLE } else { SenderReply::Unauthorized };
        Self { reply, rejection: Some(rejection), event_id: None, is_duplicate: false }
    }

    pub(super) fn unavailable() -> Self {
        UNAVAILABLE.into()
    }
}

/// An answer that says nothing about the credential.
impl From<SenderReply> for Accepted {
    fn from(reply: SenderReply) -> Self {
        Self { reply, rejection: None, event_id: None, is_duplicate: false }
    }
}
