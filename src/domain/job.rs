//! Queued work: kinds, states and the verdict that a failed attempt carries.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::Serialize;

/// What a job does. Jobs hold ids only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Take the subject's access away in the product: sessions revoked, restricted mark set.
    AccessOff,
    /// Give access back after a return (removes the marks that access-off and mark have set).
    AccessOn,
    /// Day 30: mark the subject's data for deletion.
    Mark,
    /// Fence, execute, verify, call back, destroy the key, certify.
    Deletion,
    /// Tell senders' systems what was decided here.
    CallBack,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::AccessOff, Self::AccessOn, Self::Mark, Self::Deletion, Self::CallBack];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessOff => "access_off",
            Self::AccessOn => "access_on",
            Self::Mark => "mark",
            Self::Deletion => "deletion",
            Self::CallBack => "call_back",
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for JobKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownWord)
    }
}

/// A word read from the database or the command line that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

/// What must become of a job whose attempt failed. Decided where the failure is understood, never guessed from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again later, as often as it takes: an outage must not end what a deadline waits for.
    Retry,
    /// A person has to look first: the job waits in state `held` until `jobs retry`.
    Hold,
    /// The job has no longer anything to do.
    Discard,
}

/// Attempts that may fail, for reasons that time alone does not mend, before an event is dead-lettered.
pub const EVENT_ATTEMPTS_MAX: i32 = 20;
/// How long an event is tried again while databases are away: as long as a raw delivery is kept.
pub const EVENT_RETRY_AGE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Attempts that may end without a word (a panic, a worker that dies) before work waits for a person. Not so few that a
/// bad day of restarts ends innocent work, and not for ever, because the work itself may be what kills its workers.
pub const ATTEMPTS_HARD_MAX: i32 = 200;
/// Why work that has reached [`ATTEMPTS_HARD_MAX`] is not tried again.
pub const TAKEN_TOO_OFTEN: &str = "taken_too_often";
/// The longest wait between two attempts, in seconds.
pub const RETRY_DELAY_SECONDS_MAX: u64 = 15 * 60;

/// Full-jitter back-off: a uniformly chosen delay in `0..=min(2^attempt, RETRY_DELAY_SECONDS_MAX)` seconds, at least
/// 100 ms, in milliseconds. `chance` is a uniformly random number. (Brooker, "Exponential Backoff And Jitter", 2015.)
pub fn retry_delay_ms(attempt: u32, chance: u64) -> u64 {
    let ceiling_ms = 1_000_u64.saturating_mul(1_u64 << attempt.min(20)).min(RETRY_DELAY_SECONDS_MAX * 1_000);
    (chance % (ceiling_ms + 1)).max(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_waits_never_longer_than_the_bound_and_never_not_at_all() {
        for attempt in 0..64 {
            for chance in [0, 1, u64::MAX / 3, u64::MAX] {
                let delay = retry_delay_ms(attempt, chance);
                assert!((100..=RETRY_DELAY_SECONDS_MAX * 1_000).contains(&delay));
            }
        }
    }
}
