//! What one round may use up: time, and less when the process is told to stop.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long a round of the worker may go on beginning things. Its last call may take the client's own bound longer.
pub const ROUND_MAX: Duration = Duration::from_secs(20);

/// What a round may use up.
pub struct Budget {
    until: Instant,
    stopped: Option<watch::Receiver<bool>>,
}

impl Budget {
    /// So much time from now.
    pub fn of(time: Duration) -> Self {
        Self { until: Instant::now() + time, stopped: None }
    }

    /// Ends also as soon as `stopped` turns true.
    #[must_use]
    pub fn unless(self, stopped: watch::Receiver<bool>) -> Self {
        Self { stopped: Some(stopped), ..self }
    }

    /// True when nothing more may be begun.
    pub(in crate::app) fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.stopped.as_ref().is_some_and(|stopped| *stopped.borrow())
    }
}
