//! The system's clock and randomness. The only place where either is read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{Clock, Entropy},
    store,
};

/// How often the demo offset is read again, so that `simulate` moves a running server too.
const OFFSET_READ_EVERY: Duration = Duration::from_millis(200);

/// The system's calendar, moved forward by the demo offset (0 on every real database).
pub struct DemoClock {
    offset_seconds: AtomicI64,
}

impl DemoClock {
    /// A clock that is `offset_seconds` ahead.
    pub fn new(offset_seconds: i64) -> Self {
        Self { offset_seconds: AtomicI64::new(offset_seconds) }
    }
}

impl Clock for DemoClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where calendar time is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.offset_seconds.load(Ordering::Relaxed))
    }
}

/// Follows the demo offset for ever. A database that is away for a moment changes nothing.
pub(super) async fn follow_offset(clock: Arc<DemoClock>, queue: store::Pool) {
    loop {
        if let Ok(client) = queue.client().await
            && let Ok(offset) = store::deployment::demo_offset_seconds(&client).await
        {
            clock.offset_seconds.store(offset, Ordering::Relaxed);
        }
        tokio::time::sleep(OFFSET_READ_EVERY).await;
    }
}

/// The operating system's randomness, by way of aws-lc.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    }
}
