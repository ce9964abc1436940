//! A private PostgreSQL for people who have none yet.
//!
//! Promises: durable (fsync and checksums on), reachable only through a unix socket in a directory that nobody else may
//! enter, no TCP, no statement or parameter in its log. Several processes share one server: the first starts it, the
//! last stops it. It survives a kill -9 of the gateway (it runs in a process group of its own and the next process
//! attaches to it) and the gateway survives a kill -9 of it ([`Embedded::supervise`] starts it again).
//!
//! ```text
//!  start_or_attach ── start.lock ──┬─ runs and answers ─────────────────────────────┬─ users.lock (shared) ─▶ Embedded
//!                                  └─ absent ─ find binaries ─ initdb, once ─ start ─┘
//!  stop_if_last ───── start.lock ── leave users.lock ── nobody left? ── stop
//! ```
//!
//! It does not install PostgreSQL, upgrade a cluster to another major version, or make roles and schemas.

mod account;
mod binaries;
mod cluster;
mod error;
mod layout;
mod lock;
mod server;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is the failure of the test")]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

pub use error::EmbeddedError;

use binaries::Binaries;
use layout::{Layout, Surroundings};
use lock::{StartLock, UserLock};
use server::Postmaster;

const TEND_EVERY: Duration = Duration::from_millis(200);
const RESTART_DELAY_FIRST: Duration = Duration::from_millis(100);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
const RESTART_FAILURES_MAX: u32 = 12;
// A server that lived this long was healthy: its next death is a new story.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// What the operator may decide about the private PostgreSQL.
#[derive(Debug, Clone, Default)]
pub struct EmbeddedOptions {
    /// The folder with `initdb` and `postgres`; found by itself when absent.
    pub pg_bin: Option<PathBuf>,
    /// Where everything is kept; a place of the system's or the user's when absent. Must be empty, new, or ours.
    pub data_dir: Option<PathBuf>,
}

/// This process's use of a running private PostgreSQL.
///
/// Dropping it ends the use and leaves the server running for the next process; [`Embedded::stop_if_last`] is the
/// orderly end.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    user: UserLock,
}

#[derive(Debug)]
struct Shared {
    layout: Layout,
    pg_bin: Option<PathBuf>,
    running: Mutex<Postmaster>,
    pid: AtomicU32,
    is_stopping: AtomicBool,
}

/// Attaches to the private PostgreSQL, or starts it, making it first if there is none. Returns when it takes connections.
///
/// Fails with one sentence that says what to do: no server installed, a directory that is not ours, data of another major
/// version, or a server that does not start. Safe to repeat and to call from several processes at once.
pub async fn start_or_attach(options: EmbeddedOptions) -> Result<Embedded, EmbeddedError> {
    blocking(move || start_or_attach_here(&Surroundings::of_this_process(), options)).await
}

fn start_or_attach_here(surroundings: &Surroundings, options: EmbeddedOptions) -> Result<Embedded, EmbeddedError> {
    let mut layout = Layout::prepare(surroundings, options.data_dir.as_deref())?;
    let start = StartLock::take(&layout)?;
    let postmaster = ensure_running(&layout, options.pg_bin.as_deref())?;
    // Whoever started it may have had other run-time directories; a restart must come back at the same place.
    layout.socket_dir.clone_from(&postmaster.socket_dir);
    let user = UserLock::join(&layout, &start)?;
    let shared = Shared {
        layout,
        pg_bin: options.pg_bin,
        pid: AtomicU32::new(postmaster.pid),
        running: Mutex::new(postmaster),
        is_stopping: AtomicBool::new(false),
    };
    Ok(Embedded { shared: Arc::new(shared), user })
}

/// Finds the running server or starts one. The caller holds the start lock.
fn ensure_running(layout: &Layout, pg_bin: Option<&Path>) -> Result<Postmaster, EmbeddedError> {
    if let Some(found) = Postmaster::find(layout) {
        // It may still be starting, or stopping, for a process that was killed meanwhile.
        if let Some(ready) = found.until_ready(layout)? {
            return Ok(ready);
        }
    }
    let binaries = Binaries::find(layout, pg_bin, cluster::made_by(layout)?.as_deref())?;
    cluster::ensure(layout, &binaries)?;
    layout.make_socket_dir()?;
    Postmaster::start(layout, &binaries)
}

impl Embedded {
    /// The directory of the server's unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.shared.layout.socket_dir
    }

    /// The directory in which the cluster, its log and the locks are.
    #[cfg(test)]
    pub fn data_dir(&self) -> &Path {
        &self.shared.layout.root
    }

    /// The process id of the server, which changes when [`Embedded::supervise`] has restarted it.
    #[cfg(test)]
    pub fn pid(&self) -> u32 {
        self.shared.pid.load(Ordering::Acquire)
    }

    /// A connection string for `tokio-postgres` (and libpq). There is no password: entering the directory is the proof.
    pub fn connection_string(&self, dbname: &str, user: &str) -> String {
        let host = self.socket_dir().to_string_lossy();
        format!("host={} port=5432 user={} dbname={}", quote(&host), quote(user), quote(dbname))
    }

    /// Starts the server again whenever it has died, with growing pauses, and keeps its log bounded.
    ///
    /// Ends only when it gives up, after a row of starts that failed; the error says why. The future borrows nothing, so
    /// it can be spawned; dropping it at any time is safe.
    pub fn supervise(&self) -> impl Future<Output = EmbeddedError> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move { supervise(shared).await }
    }

    /// Ends this process's use, and stops the server if no other process uses it. True if it was stopped.
    ///
    /// Everybody's connections should be closed by then; open ones are ended.
    pub async fn stop_if_last(self) -> Result<bool, EmbeddedError> {
        blocking(move || self.stop_if_last_here()).await
    }

    fn stop_if_last_here(self) -> Result<bool, EmbeddedError> {
        let Self { shared, user } = self;
        shared.is_stopping.store(true, Ordering::Release);
        let mut running = shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        let start = StartLock::take(&shared.layout)?;
        if !user.leave(&start) {
            return Ok(false);
        }
        let Some(mut current) = Postmaster::find(&shared.layout) else { return Ok(false) };
        // The one that this process started itself must also be collected by it.
        if current.pid == running.pid {
            std::mem::swap(&mut current, &mut running);
        }
        current.stop(&shared.layout)?;
        Ok(true)
    }
}

async fn supervise(shared: Arc<Shared>) -> EmbeddedError {
    let mut delay = RESTART_DELAY_FIRST;
    let mut failures = 0;
    let mut started = Instant::now();
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        let tended = Arc::clone(&shared);
        let error = match blocking(move || tended.tend()).await {
            Ok(false) if started.elapsed() > HEALTHY_AFTER => {
                (delay, failures) = (RESTART_DELAY_FIRST, 0);
                continue;
            }
            Ok(false) => continue,
            Ok(true) => {
                started = Instant::now();
                tracing::warn!(
                    pid = shared.pid.load(Ordering::Acquire),
                    "the private PostgreSQL had died and was restarted"
                );
                None
            }
            Err(error) => Some(error),
        };
        failures += 1;
        if let Some(error) = error {
            if failures >= RESTART_FAILURES_MAX {
                return error;
            }
            tracing::error!(
                error = &error as &dyn std::error::Error,
                failures,
                "the private PostgreSQL does not restart"
            );
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RESTART_DELAY_MAX);
    }
}

impl Shared {
    /// Looks once, and starts the server if it has died. True if it is a new one.
    fn tend(&self) -> Result<bool, EmbeddedError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        server::bound_log(&self.layout.log())?;
        if self.is_stopping.load(Ordering::Acquire) || running.is_alive(&self.layout) {
            return Ok(false);
        }
        let _start = StartLock::take(&self.layout)?;
        *running = ensure_running(&self.layout, self.pg_bin.as_deref())?;
        self.pid.store(running.pid, Ordering::Release);
        Ok(true)
    }
}

/// Quotes a value for a connection string.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| EmbeddedError::Interrupted)?
}
