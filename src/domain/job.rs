//! Queued work: kinds, states and the verdict that a failed attempt carries.

use std::{fmt, time::Duration};

use jiff::SignedDuration;

use super::{RequestId, RunId, back_off, words::closed_words};

closed_words! {
    /// What a job does. Jobs hold ids only.
    pub enum JobKind {
        /// Revoke access in the product: sessions end, the restricted mark is set.
        RevokeAccess = "revoke_access",
        /// Restore access after a return: what was revoked and flagged is taken back.
        RestoreAccess = "restore_access",
        /// Day 30: flag the data for deletion.
        FlagForDeletion = "flag_for_deletion",
        /// Fence, execute, verify, tell, destroy the key, certify.
        Erasure = "erasure",
        /// Tell identity providers what was decided here.
        ProviderCalls = "provider_calls",
    }
}

closed_words! {
    /// Work that never waits for work of another lane.
    pub enum Lane {
        /// Due at once and short.
        Quick = "quick",
        /// May take long.
        Long = "long",
        /// Waits for other systems.
        Calling = "calling",
    }
}

impl JobKind {
    /// The lane that it runs in.
    pub const fn lane(self) -> Lane {
        match self {
            Self::RevokeAccess | Self::RestoreAccess | Self::FlagForDeletion => Lane::Quick,
            Self::Erasure => Lane::Long,
            Self::ProviderCalls => Lane::Calling,
        }
    }

    /// True when it still has something to do after its request was cancelled.
    pub const fn survives_cancel(self) -> bool {
        match self {
            Self::RestoreAccess => true,
            Self::RevokeAccess | Self::FlagForDeletion | Self::Erasure | Self::ProviderCalls => false,
        }
    }
}

impl Lane {
    /// The kinds that run in it.
    pub fn kinds(self) -> Vec<JobKind> {
        JobKind::ALL.into_iter().filter(|kind| kind.lane() == self).collect()
    }
}

/// What a job works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobSubject {
    /// One run.
    Run(RunId),
    /// A privacy request.
    Request(RequestId),
    /// The tenant itself.
    Tenant,
    /// A rule of the policy, by its word.
    Rule(String),
}

impl JobSubject {
    /// The word of what it is, used in SQL and JSON.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Request(_) => "request",
            Self::Tenant => "tenant",
            Self::Rule(_) => "rule",
        }
    }

    /// The run, if it is one.
    pub const fn run(&self) -> Option<RunId> {
        match self {
            Self::Run(run) => Some(*run),
            Self::Request(_) | Self::Tenant | Self::Rule(_) => None,
        }
    }

    /// The request, if it is one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Request(request) => Some(*request),
            Self::Run(_) | Self::Tenant | Self::Rule(_) => None,
        }
    }

    /// The rule's word, if it is one.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Rule(word) => Some(word),
            Self::Run(_) | Self::Request(_) | Self::Tenant => None,
        }
    }
}

impl From<RequestId> for JobSubject {
    fn from(request: RequestId) -> Self {
        Self::Request(request)
    }
}

impl fmt::Display for JobSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => run.fmt(formatter),
            Self::Request(request) => request.fmt(formatter),
            Self::Tenant => formatter.write_str("tenant"),
            Self::Rule(word) => write!(formatter, "rule {word}"),
        }
    }
}

closed_words! {
    /// Why a job is parked. The sentence beside it says more.
    pub enum ParkCode {
        /// It was taken too often without an end: it may be what kills its workers.
        TakenTooOften = "taken_too_often",
        /// Our database refuses, and will not be mended by waiting.
        GatewayDatabaseRefuses = "gateway_database_refuses",
        /// The product database refuses, and will not be mended by waiting.
        ProductDatabaseRefuses = "product_database_refuses",
        /// The independent reader could not read.
        ReaderCannotRead = "reader_cannot_read",
        /// The independent reader has found something, or could see nothing.
        VerificationFailed = "verification_failed",
        /// No plan can be made, or the stored one is not what was digested.
        PlanNotUsable = "plan_not_usable",
        /// A sealed value does not open, or a key is not there.
        SealedValueUnreadable = "sealed_value_unreadable",
        /// A receipt could not be signed.
        ReceiptNotSigned = "receipt_not_signed",
        /// What is ours could not be written as JSON, or read back.
        Unserializable = "unserializable",
        /// A row that must be there is missing.
        RowMissing = "row_missing",
        /// It is not allowed now.
        NotAllowed = "not_allowed",
        /// A bound that no sound data reaches.
        BoundExceeded = "bound_exceeded",
        /// An identity provider refuses, and waiting will not mend it.
        ProviderRefuses = "provider_refuses",
        /// The job's kind does not fit what it works for.
        WrongSubject = "wrong_subject",
    }
}

/// What must become of a job whose attempt failed. Decided where the failure is understood, never guessed from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again later, as often as it takes: an outage must not end what a deadline waits for.
    Retry,
    /// A person has to look first: the job is parked until `jobs retry`.
    Park,
    /// The job has no longer anything to do.
    Discard,
}

/// Attempts that may fail, for reasons that time alone does not mend, before an event is dead-lettered.
pub const EVENT_ATTEMPTS_MAX: i32 = 20;
/// How long an event is tried again while databases are away: as long as a raw delivery is kept.
pub const EVENT_RETRY_AGE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Attempts that may crash (a panic, a worker that dies) before work waits for a person. Not so few that a
/// bad day of restarts ends innocent work, and not for ever, because the work itself may be what kills its workers.
pub const ATTEMPTS_HARD_MAX: i32 = 200;
/// The longest wait between two attempts, in seconds.
pub const RETRY_DELAY_SECONDS_MAX: u64 = 15 * 60;
/// The shortest.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);

/// Full-jitter back-off: a uniformly chosen delay in `0..=min(2^attempt, RETRY_DELAY_SECONDS_MAX)` seconds, at least
/// 100 ms, in milliseconds. `randomness` is uniform. (Brooker, "Exponential Backoff And Jitter", 2015.)
pub fn retry_delay_ms(attempt: u32, randomness: u64) -> u64 {
    let ceiling = back_off::doubled(Duration::from_secs(1), Duration::from_secs(RETRY_DELAY_SECONDS_MAX), attempt);
    let delay = back_off::part_of(ceiling, randomness).max(RETRY_DELAY_MIN);
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_runs_in_one_lane_and_what_is_cancelled_leaves_the_way_back() {
        let in_lanes: Vec<JobKind> = Lane::ALL.into_iter().flat_map(Lane::kinds).collect();
        assert_eq!(in_lanes.len(), JobKind::ALL.len());
        assert!(JobKind::ALL.into_iter().all(|kind| in_lanes.contains(&kind) && kind.as_str().parse() == Ok(kind)));
        let surviving: Vec<JobKind> = JobKind::ALL.into_iter().filter(|kind| kind.survives_cancel()).collect();
        assert_eq!(surviving, [JobKind::RestoreAccess]);
    }

    #[test]
    fn a_retry_waits_never_longer_than_the_bound_and_never_not_at_all() {
        for attempt in 0..64 {
            for randomness in [0, 1, u64::MAX / 3, u64::MAX] {
                let delay = retry_delay_ms(attempt, randomness);
                assert!((100..=RETRY_DELAY_SECONDS_MAX * 1_000).contains(&delay));
            }
        }
    }
}
