//! A privacy request and its offboarding timeline: states, deadlines and the transitions that are allowed.

use jiff::Timestamp;
use serde::Serialize;

use super::SubjectId;

/// Whom a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestScope {
    /// One person.
    Subject(SubjectId),
    /// The customer: everything of the tenant and everybody in it.
    Tenant,
}

impl RequestScope {
    /// The person, when it is about one.
    pub const fn subject(self) -> Option<SubjectId> {
        match self {
            Self::Subject(subject) => Some(subject),
            Self::Tenant => None,
        }
    }

    /// The word used in JSON, receipts and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject(_) => "person",
            Self::Tenant => "tenant",
        }
    }
}

/// The state of a privacy request. Forward only; `Cancelled` is reachable until the fence, and for a request about a person
/// until it is verified, when the purge of the whole tenant supersedes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Opened; the timeline runs.
    Open,
    /// A later signal stopped it before the fence, or the purge of the whole tenant has taken its place.
    Cancelled,
    /// The fence is committed; nothing is cancellable any more.
    Fenced,
    /// Every step of the plan has run in every product database.
    Executed,
    /// The independent reader still found something; a person has to look.
    VerificationFailed,
    /// The independent reader found nothing.
    Verified,
    /// The subject's key is destroyed.
    KeyDestroyed,
    /// The receipt is signed.
    Completed,
}

impl RequestState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Cancelled,
        Self::Fenced,
        Self::Executed,
        Self::VerificationFailed,
        Self::Verified,
        Self::KeyDestroyed,
        Self::Completed,
    ];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Cancelled => "cancelled",
            Self::Fenced => "fenced",
            Self::Executed => "executed",
            Self::VerificationFailed => "verification_failed",
            Self::Verified => "verified",
            Self::KeyDestroyed => "key_destroyed",
            Self::Completed => "completed",
        }
    }

    /// Parses the word; `None` when this version does not know it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// True when a transition from this state to `next` is allowed.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open, Self::Cancelled | Self::Fenced)
                | (Self::Fenced | Self::VerificationFailed, Self::Executed)
                | (Self::Executed, Self::Verified | Self::VerificationFailed)
                | (Self::Verified, Self::KeyDestroyed)
                | (Self::KeyDestroyed, Self::Completed)
        )
    }
}

/// The due times of an offboarding, all counted from one anchor in source time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// When the person or customer left, by the source's clock (bounded, see `mapping`).
    pub anchor_at: Timestamp,
    /// Access off: at once.
    pub access_off_due_at: Timestamp,
    /// Marked for deletion: 30 × 24 h after the anchor.
    pub mark_due_at: Timestamp,
    /// The purge begins: its finish less the policy's margin.
    pub purge_start_at: Timestamp,
    /// The purge must be finished: 90 × 24 h after the anchor.
    pub purge_due_at: Timestamp,
}
