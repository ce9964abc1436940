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
    "interpret.after_routing",
    "interpret.after_ledger",
    "rectify.after_product",
    "provider_call.before_call",
    "provider_call.after_call",
    "erasure.before_provider_calls",
    "erasure.after_provider_calls",
    "interpret.after_commit",
    "revoke_access.after_product",
    "flag.after_product",
    "erasure.before_fence",
    "erasure.after_identities",
    "erasure.after_fence",
    "erasure.after_fence_mirror",
    "erasure.before_batch",
    "erasure.after_batch",
    "erasure.after_execute",
    "erasure.after_verify",
    "erasure.before_told",
    "erasure.after_told",
    "erasure.before_key_destruction",
    "erasure.after_key_destruction",
    "erasure.before_certificate",
    "erasure.after_certificate",
    "tenant_flag.after_begin",
    "tenant_erasure.before_fence",
    "tenant_erasure.after_fence",
    "tenant_erasure.after_fence_mirror",
    "tenant_erasure.after_account_page",
    "tenant_erasure.after_collection",
    "tenant_erasure.before_batch",
    "tenant_erasure.after_batch",
    "tenant_erasure.after_execute",
    "tenant_erasure.after_verify",
    "tenant_erasure.before_root",
    "tenant_erasure.after_root",
    "tenant_erasure.after_absence",
    "tenant_erasure.before_accounts",
    "tenant_erasure.after_accounts",
    "tenant_erasure.after_account_results",
    "tenant_erasure.before_told",
    "tenant_erasure.after_told",
    "tenant_erasure.before_key_destruction",
    "tenant_erasure.after_forgetting",
    "tenant_erasure.after_key_destruction",
    "tenant_erasure.before_certificate",
    "tenant_erasure.after_certificate",
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
