//! Everything a use case needs, in one place: clock, chance, keys, pools, policy.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::sync::Notify;

use crate::{
    app::{
        accounts::outgoing::CallBacks,
        ground::vault::Vault,
        intake::{commit_queue::CommitQueue, rejections::Rejections},
        registry::SourceCache,
    },
    datamap::{map::DataMap, policy::Policy},
    domain::{Clock, CrashPoints, Entropy},
    outbound::KeySets,
    proof::SigningKey,
    sealing::KeyRing,
    store,
};

/// Connections by role: ours, and those of the product database.
#[derive(Clone)]
pub struct Databases {
    /// Role `gw_intake` on our database: look-ups that strangers cause, and body keys.
    pub intake: store::Pool,
    /// Role `gw_intake` on our database, for the committer alone: whoever asks for sources that do not exist must not
    /// take the connection by which verified deliveries are committed.
    pub commit: store::Pool,
    /// Role `gw_queue` on our database.
    pub queue: store::Pool,
    /// Role `gw_tenant` on our database.
    pub tenant: store::Pool,
    /// Role `gw_tenant` on the product database.
    pub product: store::Pool,
    /// Role `gw_verify` on the product: the independent reader.
    pub verifier: store::Pool,
}

/// How long work is held, in seconds of database time.
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

/// Whom senders are verified by.
pub struct Trust {
    /// Keys that their parties publish.
    pub keys: KeySets,
    /// Whether what an emulator sends without any signature is believed. Never outside development.
    pub emulators: bool,
}

/// What [`Gateway::new`] is made of.
pub struct GatewayParts {
    /// Calendar time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Master and digest keys.
    pub ring: Arc<KeyRing>,
    /// Pools by role.
    pub databases: Databases,
    /// What the product's tables hold.
    pub map: Arc<DataMap>,
    /// What the product promises.
    pub policy: Arc<Policy>,
    /// Signs receipts.
    pub signing_key: Arc<SigningKey>,
    /// How long work is held.
    pub leases: Leases,
    /// Lines at which a test may end the work.
    pub crash: CrashPoints,
    /// The queue that [`super::run_committer`] empties.
    pub commit_queue: CommitQueue,
    /// Whom senders are verified by.
    pub trust: Trust,
    /// The way to senders' own systems.
    pub call_backs: CallBacks,
}

/// Everything a use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    parts: Arc<GatewayParts>,
    vault: Arc<Vault>,
    sources: Arc<SourceCache>,
    rejections: Arc<Rejections>,
    wake: Arc<Notify>,
}

impl Gateway {
    /// Puts the parts together. Does no input or output.
    pub fn new(parts: GatewayParts) -> Self {
        let vault = Vault::new(Arc::clone(&parts.ring), Arc::clone(&parts.entropy), parts.databases.intake.clone());
        Self {
            parts: Arc::new(parts),
            vault: Arc::new(vault),
            sources: Arc::new(SourceCache::default()),
            rejections: Arc::new(Rejections::default()),
            wake: Arc::new(Notify::new()),
        }
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

    /// Chance.
    pub fn entropy(&self) -> &dyn Entropy {
        self.parts.entropy.as_ref()
    }

    /// A uniformly random number, for jitter.
    pub fn chance(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.parts.entropy.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// Pools by role.
    pub fn databases(&self) -> &Databases {
        &self.parts.databases
    }

    /// Keys.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Master and digest keys.
    pub fn ring(&self) -> &KeyRing {
        &self.parts.ring
    }

    /// What the product's tables hold.
    pub fn map(&self) -> &DataMap {
        &self.parts.map
    }

    /// What the product promises.
    pub fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// Signs receipts.
    pub fn signing_key(&self) -> &SigningKey {
        &self.parts.signing_key
    }

    /// How long work is held.
    pub fn leases(&self) -> Leases {
        self.parts.leases
    }

    /// Lines at which a test may end the work.
    pub fn crash(&self) -> &CrashPoints {
        &self.parts.crash
    }

    /// Sources as intake has read them.
    pub fn sources(&self) -> &SourceCache {
        &self.sources
    }

    /// Keys that senders' parties publish.
    pub fn keys(&self) -> &KeySets {
        &self.parts.trust.keys
    }

    /// Whether what an emulator sends without any signature is believed.
    pub fn trusts_emulators(&self) -> bool {
        self.parts.trust.emulators
    }

    pub(in crate::app) fn call_backs(&self) -> &CallBacks {
        &self.parts.call_backs
    }

    pub(in crate::app) fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    pub(in crate::app) fn commit_queue(&self) -> &CommitQueue {
        &self.parts.commit_queue
    }

    /// Tells the workers that there may be work. Only an optimization: they poll too.
    pub fn wake_workers(&self) {
        self.wake.notify_waiters();
    }

    /// Resolves when somebody calls [`Gateway::wake_workers`] after this call.
    pub fn woken(&self) -> impl Future<Output = ()> + '_ {
        self.wake.notified()
    }
}
