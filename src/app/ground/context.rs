//! What every use case may touch: clock, randomness, the vault, our queue and tenants' rows, the product's rows, map and policy.
//!
//! **How far a function may reach shows in the type of its parameter `gateway`.** Each room has a context of its own that holds
//! what only this room may touch, and gives out the context below it: [`Ground`] ← `Registry` ← `Accounts` ← `Erasure`,
//! and `Registry` ← `Intake`, `Accounts` ← `Polling`. The verifier's connections, for example, are a private field of
//! `Erasure`, and the committers' of `Intake`.

use std::sync::Arc;

use super::vault::Vault;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::sync::Notify;

use crate::{
    datamap::{map::DataMap, policy::Policy},
    domain::{Clock, CrashPoints, Entropy},
    store,
};

/// Connections that every room may use, by role.
#[derive(Clone)]
pub struct Databases {
    /// Role `gw_queue` on our database.
    pub queue: store::Pool,
    /// Role `gw_tenant` on our database.
    pub tenant: store::Pool,
    /// Role `gw_tenant` on the product database.
    pub product: store::Pool,
}

/// How long work is leased, in seconds of database time.
#[derive(Debug, Clone, Copy)]
pub struct Leases {
    /// For the interpretation of one event.
    pub event_seconds: f64,
    /// For a job, renewed by heartbeats at a third of it.
    pub job_seconds: f64,
}

impl Default for Leases {
    fn default() -> Self {
        Self { event_seconds: 60.0, job_seconds: 60.0 }
    }
}

/// What [`Ground::new`] is made of.
pub(in crate::app) struct GroundParts {
    pub(in crate::app) clock: Arc<dyn Clock>,
    pub(in crate::app) entropy: Arc<dyn Entropy>,
    pub(in crate::app) vault: Vault,
    pub(in crate::app) databases: Databases,
    pub(in crate::app) map: Arc<DataMap>,
    pub(in crate::app) policy: Arc<Policy>,
    pub(in crate::app) leases: Leases,
    pub(in crate::app) crash: CrashPoints,
    pub(in crate::app) trusts_emulators: bool,
}

/// What every use case may touch. Cheap to clone.
#[derive(Clone)]
pub struct Ground {
    parts: Arc<GroundParts>,
    wake: Arc<Notify>,
}

impl Ground {
    pub(in crate::app) fn new(parts: GroundParts) -> Self {
        Self { parts: Arc::new(parts), wake: Arc::new(Notify::new()) }
    }

    /// Calendar time.
    pub fn clock(&self) -> &dyn Clock {
        self.parts.clock.as_ref()
    }

    /// The present instant of the calendar.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The present day in UTC.
    pub fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        self.parts.entropy.as_ref()
    }

    /// A uniformly random number, for jitter.
    pub fn randomness(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.parts.entropy.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// Connections by role.
    pub fn databases(&self) -> &Databases {
        &self.parts.databases
    }

    /// Keys at work.
    pub fn vault(&self) -> &Vault {
        &self.parts.vault
    }

    /// What the product's tables hold.
    pub fn map(&self) -> &DataMap {
        &self.parts.map
    }

    /// What the product promises.
    pub fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// How long work is leased.
    pub fn leases(&self) -> Leases {
        self.parts.leases
    }

    /// Lines at which a test may end the work.
    pub fn crash(&self) -> &CrashPoints {
        &self.parts.crash
    }

    /// Whether servers on this machine stand in for other people's clouds. Never outside development.
    pub fn trusts_emulators(&self) -> bool {
        self.parts.trusts_emulators
    }

    /// Tells the workers that there may be work. Only an optimization: they poll too.
    pub fn wake_workers(&self) {
        self.wake.notify_waiters();
    }

    /// Resolves when somebody calls [`Ground::wake_workers`] after this call.
    pub fn woken(&self) -> impl Future<Output = ()> + '_ {
        self.wake.notified()
    }
}
