//! What the handlers share: the gateway, its limits, and the way to the main runtime.

use std::{net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use actix_web::http::StatusCode;
use tokio::runtime::Handle;
use tracing::Instrument;

use super::{budget::Budget, recent::Recent};
use crate::app::Gateway;

/// Memory for request bodies with the copies that accepting them makes, in bytes, over all connections.
const INFLIGHT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long one body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How long readiness is believed.
const READINESS_BELIEVED_FOR: Duration = Duration::from_secs(1);
/// How long the number of waiting events is believed.
const BACKLOG_BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Renders the process's metrics as Prometheus text.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What an operator may choose about the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeSettings {
    /// Where to listen. Port 0 takes any free port; [`super::server::Listening::address`] tells which.
    pub bind: SocketAddr,
    /// Memory for request bodies with the copies that accepting them makes (three for each body), in bytes, over all
    /// connections; beyond it a sender is asked to repeat. Less than 75 MiB would refuse the largest body for ever.
    pub inflight_bytes_max: usize,
    /// How long one body may take to arrive.
    pub body_deadline: Duration,
    /// Threads that serve connections.
    pub workers: usize,
}

impl EdgeSettings {
    /// The defaults: 256 MiB for bodies and their copies, ten seconds for each, a thread for each core.
    pub fn new(bind: SocketAddr) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { bind, inflight_bytes_max: INFLIGHT_BYTES_MAX, body_deadline: BODY_DEADLINE, workers }
    }
}

/// What the handlers share. Made once, on the main runtime, and given to [`super::start`].
pub struct Edge {
    pub(super) gateway: Gateway,
    pub(super) metrics: MetricsText,
    pub(super) settings: EdgeSettings,
    pub(super) budget: Budget,
    pub(super) readiness: Recent<Result<(), StatusCode>>,
    pub(super) pending_events: Recent<Option<i64>>,
    pub(super) runtime: Handle,
}

impl Edge {
    /// Puts the parts together. `runtime` is the main multi-thread runtime, on which the connection drivers live.
    pub fn new(gateway: Gateway, metrics: MetricsText, settings: EdgeSettings, runtime: Handle) -> Self {
        Self {
            gateway,
            metrics,
            settings,
            budget: Budget::new(settings.inflight_bytes_max),
            readiness: Recent::new(READINESS_BELIEVED_FOR),
            pending_events: Recent::new(BACKLOG_BELIEVED_FOR),
            runtime,
        }
    }

    /// Runs `work` on the main runtime. `None` when it panicked or the runtime is ending.
    ///
    /// A connection's driver on one of the server's own threads would share that thread with every request there. The
    /// work goes on when the caller hangs up, so a commit is never left half waited for.
    pub(super) async fn on_main<T, W>(&self, work: W) -> Option<T>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let ended = self.runtime.spawn(work.in_current_span()).await;
        ended.inspect_err(|_| tracing::error!("a task of the edge ended without an answer")).ok()
    }
}
