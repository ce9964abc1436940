//! Named lines at which a test may end the work, as a power cut would.
//!
//! Without the cargo feature `crash-points` every call is empty. With it, a point armed by a test panics, which drops the
//! task with its open transactions, and a point named in `MILESTONE_CRASH_AT` aborts the whole process.

#[cfg(feature = "crash-points")]
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Every line at which the work can be ended; the crash tests visit each of them.
#[cfg(feature = "crash-points")]
pub const CRASH_POINTS: &[&str] = &[
    "intake.before_commit",
    "intake.after_commit",
    "interpret.after_claim",
    "interpret.before_commit",
    "interpret.after_product_write",
    "interpret.after_hand_over",
    "interpret.after_ledger",
    "rectify.after_product",
    "provider_call.before_call",
    "provider_call.after_call",
    "erasure.before_provider_calls",
    "erasure.after_provider_calls",
    "interpret.after_commit",
    "access_off.after_product",
    "mark.after_product",
    "deletion.before_fence",
    "deletion.after_identities",
    "deletion.after_fence",
    "deletion.after_fence_mirror",
    "deletion.before_batch",
    "deletion.after_batch",
    "deletion.after_execute",
    "deletion.after_verify",
    "deletion.before_told",
    "deletion.after_told",
    "deletion.before_key_destruction",
    "deletion.after_key_destruction",
    "deletion.before_certificate",
    "deletion.after_certificate",
    "tenant_mark.after_begin",
    "tenant_deletion.before_fence",
    "tenant_deletion.after_fence",
    "tenant_deletion.after_fence_mirror",
    "tenant_deletion.after_account_page",
    "tenant_deletion.after_collection",
    "tenant_deletion.before_batch",
    "tenant_deletion.after_batch",
    "tenant_deletion.after_execute",
    "tenant_deletion.after_verify",
    "tenant_deletion.before_root",
    "tenant_deletion.after_root",
    "tenant_deletion.after_absence",
    "tenant_deletion.before_accounts",
    "tenant_deletion.after_accounts",
    "tenant_deletion.after_account_results",
    "tenant_deletion.before_told",
    "tenant_deletion.after_told",
    "tenant_deletion.before_key_destruction",
    "tenant_deletion.after_forgetting",
    "tenant_deletion.after_key_destruction",
    "tenant_deletion.before_certificate",
    "tenant_deletion.after_certificate",
    "polls.after_report",
    "polls.before_settled",
    "polls.after_closed_told",
    "polls.after_page",
];

/// The points armed in this process, shared by every part of one gateway.
#[derive(Debug, Clone, Default)]
pub struct CrashPoints {
    #[cfg(feature = "crash-points")]
    armed: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl CrashPoints {
    /// Marks a line. Does nothing unless a test armed it.
    #[cfg(not(feature = "crash-points"))]
    #[inline(always)]
    #[allow(clippy::unused_self, clippy::inline_always, reason = "the empty twin of the test's version")]
    pub fn reach(&self, _point: &'static str) {}

    /// Marks a line. Panics if a test armed it, aborts if `MILESTONE_CRASH_AT` names it.
    #[cfg(feature = "crash-points")]
    pub fn reach(&self, point: &'static str) {
        debug_assert!(CRASH_POINTS.contains(&point), "{point} is not listed in CRASH_POINTS");
        if std::env::var("MILESTONE_CRASH_AT").is_ok_and(|named| named == point) {
            std::process::abort();
        }
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = armed.get_mut(point) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                armed.remove(point);
                drop(armed);
                panic!("crash point {point}");
            }
        }
    }

    /// Makes the `visit`-th next visit to `point` end the work.
    #[cfg(feature = "crash-points")]
    pub fn arm(&self, point: &str, visit: u32) {
        assert!(CRASH_POINTS.contains(&point), "{point} is not listed in CRASH_POINTS");
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).insert(point.to_owned(), visit);
    }

    /// True while `point` is armed and has not been reached.
    #[cfg(feature = "crash-points")]
    pub fn is_armed(&self, point: &str) -> bool {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).contains_key(point)
    }
}
