//! What one sweep has done, and how far back it looks.

use crate::{app::ground::error::Error, domain::metric};

/// Rounds of one part for one tenant in one sweep; the next sweep goes on.
pub(super) const ROUNDS_MAX: usize = 1_000;

/// How far back a sweep looks for audit entries without a place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Where new entries are: shortly before the newest link.
    Recent,
    /// Everywhere; costs a pass over all entries.
    Whole,
}

/// What one sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Partitions of raw deliveries dropped.
    pub partitions_dropped: i32,
    /// Body keys destroyed.
    pub body_keys_destroyed: u64,
    /// Deliveries whose repetition would not be recognised any more.
    pub event_keys_forgotten: u64,
    /// Months of events and audit entries dropped.
    pub months_dropped: i32,
    /// Key epochs destroyed.
    pub epochs_destroyed: u64,
    /// Audit entries given their place in the chain.
    pub entries_linked: u64,
    /// Fences that have outlived their time.
    pub fences_forgotten: u64,
    /// Tenants of whom nothing was heard for too long.
    pub silences_recorded: u64,
    /// Jobs given back to requests that had lost them.
    pub jobs_restored: u64,
    /// Parts that failed; each was logged, and the next sweep tries again.
    pub failures: u32,
}

impl Swept {
    /// The result of one part, or nothing done and one failure more.
    pub(super) fn took<T: Default>(&mut self, part: &'static str, result: Result<T, Error>) -> T {
        result.unwrap_or_else(|error| {
            tracing::warn!(part, error = %error.chain(), "a part of the sweep failed; the next sweep tries again");
            metrics::counter!(metric::SWEEP_FAILURES_TOTAL).increment(1);
            self.failures += 1;
            T::default()
        })
    }
}
