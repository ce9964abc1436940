//! A privacy request and its offboarding timeline: rights, states, deadlines and the transitions that are allowed.

use jiff::Timestamp;
use serde::Serialize;

use super::{SubjectId, words::closed_words};

/// Whom a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestScope {
    /// One person.
    Subject(SubjectId),
    /// The tenant: everything of it and everybody in it.
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

    /// The word used in SQL, JSON, receipts and logs.
    pub const fn as_str(self) -> &'static str {
        self.either("person", "tenant")
    }

    /// One of two words: what is said of a person, or what is said of a tenant.
    pub const fn either(self, of_person: &'static str, of_tenant: &'static str) -> &'static str {
        match self {
            Self::Subject(_) => of_person,
            Self::Tenant => of_tenant,
        }
    }
}

closed_words! {
    /// The right that is exercised, in GDPR's words.
    pub enum Right {
        /// Article 15: a copy of one's data.
        Access = "access",
        /// Article 16: what is wrong is put right.
        Rectification = "rectification",
        /// Article 17: everything goes.
        Erasure = "erasure",
        /// Article 18: kept, and used for nothing.
        Restriction = "restriction",
        /// Article 20: one's data in a form that other systems read.
        Portability = "portability",
        /// Article 21: against a kind of processing.
        Objection = "objection",
    }
}

closed_words! {
    /// Where a request came from.
    pub enum Origin {
        /// A sender's signals, or a sender's silence.
        Signal = "signal",
        /// An operator of the gateway.
        Operator = "operator",
        /// The person.
        Subject = "subject",
        /// The controller, for whom the tenant processes.
        Controller = "controller",
    }
}

closed_words! {
    /// The state of a privacy request. How far its run is says [`super::run::RunPhase`].
    pub enum RequestState {
        /// It has come in; nobody has looked at it.
        Received = "received",
        /// Whether they are who they say they are is not known yet.
        AwaitingIdentity = "awaiting_identity",
        /// Somebody has to approve it.
        AwaitingApproval = "awaiting_approval",
        /// Its jobs wait for their day; it can still be stopped.
        Scheduled = "scheduled",
        /// A run carries it out; for an erasure the fence is committed. Nothing stops it but the erasure of the whole tenant.
        Running = "running",
        /// Carried out.
        Completed = "completed",
        /// Not carried out, for a reason that the law knows.
        Refused = "refused",
        /// Taken back by whoever made it.
        Withdrawn = "withdrawn",
        /// A later signal has stopped it.
        Cancelled = "cancelled",
        /// The erasure of the whole tenant has taken its place.
        Superseded = "superseded",
    }
}

impl RequestState {
    /// True when nothing will become of it any more.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Received | Self::AwaitingIdentity | Self::AwaitingApproval | Self::Scheduled | Self::Running => false,
            Self::Completed | Self::Refused | Self::Withdrawn | Self::Cancelled | Self::Superseded => true,
        }
    }

    /// True when a transition from this state to `next` is allowed. Forward only.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Received => matches!(
                next,
                Self::AwaitingIdentity
                    | Self::AwaitingApproval
                    | Self::Scheduled
                    | Self::Refused
                    | Self::Withdrawn
                    | Self::Superseded
            ),
            Self::AwaitingIdentity => matches!(
                next,
                Self::AwaitingApproval | Self::Scheduled | Self::Refused | Self::Withdrawn | Self::Superseded
            ),
            Self::AwaitingApproval => {
                matches!(next, Self::Scheduled | Self::Refused | Self::Withdrawn | Self::Superseded)
            }
            Self::Scheduled => {
                matches!(next, Self::Running | Self::Refused | Self::Withdrawn | Self::Cancelled | Self::Superseded)
            }
            Self::Running => matches!(next, Self::Completed | Self::Superseded),
            Self::Completed | Self::Refused | Self::Withdrawn | Self::Cancelled | Self::Superseded => false,
        }
    }
}

/// The due times of an offboarding, all counted from one anchor in source time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// When the person or tenant left, by the source's clock (bounded, see `mapping`).
    pub anchor_at: Timestamp,
    /// Access is revoked: at once.
    pub revoke_access_due_at: Timestamp,
    /// Flagged for deletion: 30 × 24 h after the anchor.
    pub flag_due_at: Timestamp,
    /// The erasure begins: its finish less the policy's margin.
    pub erasure_start_at: Timestamp,
    /// The erasure must be finished: 90 × 24 h after the anchor.
    pub erasure_due_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_becomes_nothing_and_whatever_becomes_something_can_end() {
        for state in RequestState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            let becomes = RequestState::ALL.into_iter().filter(|next| state.may_become(*next)).count();
            assert_eq!(becomes == 0, state.is_ended(), "{state}");
            assert!(!state.may_become(state), "{state}");
            assert_eq!(state.may_become(RequestState::Superseded), !state.is_ended(), "{state}");
        }
        assert!(!RequestState::Running.may_become(RequestState::Cancelled), "nothing is cancelled behind the fence");
    }
}
