//! The worker: claims pending events and due jobs, runs them, renews leases, and sweeps.
//!
//! ```text
//!            ┌─ wake-up (optimization) or poll (truth) ─┐
//!            ▼                                          │
//!   claim events ─▶ interpret ─▶ outcome                │   any number of processes over one database:
//!   claim jobs ──▶ run + heartbeat ─▶ done,later,parked │   FOR UPDATE SKIP LOCKED, leases by database time,
//!   every minute: sweep, ask who does not tell           │   the attempt number as fencing token
//! ```
//!
//! Promises: no work is lost when a worker dies (its lease expires), none is done by two workers at once (a stale one
//! cannot commit), and shutting down lets running work end first. It decides nothing: that is the business of `app`.

mod run;

#[cfg(feature = "testing")]
pub use run::{Drained, drain};
pub use run::{Settings, run};
