//! The gateway as those who call use cases hold it: every room's context, put together once.

use std::{ops::Deref, sync::Arc};

use super::{
    accounts::{Accounts, outgoing::Outgoing},
    erasure::Erasure,
    ground::{Databases, Ground, GroundParts, Leases, vault::Vault},
    intake::Intake,
    polling::Polling,
    registry::Registry,
};

use crate::{
    datamap::{map::DataMap, policy::Policy},
    domain::{Clock, CrashPoints, Entropy},
    outbound::KeySets,
    proof::SigningKey,
    sealing::KeyRing,
    store,
};

/// Connections that one room alone may use, by role.
#[derive(Clone)]
pub struct Reserved {
    /// Role `gw_intake` on our database: look-ups that strangers cause, and body keys.
    pub intake: store::Pool,
    /// Role `gw_intake` on our database, for the committers alone.
    pub commit: store::Pool,
    /// Role `gw_verify` on the product database: the independent reader.
    pub verifier: store::Pool,
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
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Master and digest keys.
    pub ring: Arc<KeyRing>,
    /// Pools by role, for every room.
    pub databases: Databases,
    /// Pools by role, each for one room.
    pub reserved: Reserved,
    /// What the product's tables hold.
    pub map: Arc<DataMap>,
    /// What the product promises.
    pub policy: Arc<Policy>,
    /// Signs receipts.
    pub signing_key: Arc<SigningKey>,
    /// How long work is leased.
    pub leases: Leases,
    /// Lines at which a test may end the work.
    pub crash: CrashPoints,
    /// Whom senders are verified by.
    pub trust: Trust,
    /// The way to other systems.
    pub outgoing: Outgoing,
}

/// Every room's context. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    erasure: Erasure,
    polling: Polling,
}

impl Gateway {
    /// Puts the parts together. Does no input or output.
    pub fn new(parts: GatewayParts) -> Self {
        let Reserved { intake, commit, verifier } = parts.reserved;
        let ground = Ground::new(GroundParts {
            vault: Vault::new(parts.ring, Arc::clone(&parts.entropy), intake.clone()),
            clock: parts.clock,
            entropy: parts.entropy,
            databases: parts.databases,
            map: parts.map,
            policy: parts.policy,
            leases: parts.leases,
            crash: parts.crash,
            trusts_emulators: parts.trust.emulators,
        });
        let registry = Registry::new(ground, intake);
        let accounts = Accounts::new(registry.clone(), parts.outgoing);
        let intake = Intake::new(registry, commit, parts.trust.keys);
        Self {
            erasure: Erasure::new(accounts.clone(), verifier, parts.signing_key),
            polling: Polling::new(accounts, intake),
        }
    }

    /// For whoever takes deliveries.
    pub fn intake(&self) -> &Intake {
        self.polling.intake()
    }

    /// For whoever asks senders, and whoever interprets events.
    pub fn polling(&self) -> &Polling {
        &self.polling
    }
}

/// Runs jobs, and everything below that.
impl Deref for Gateway {
    type Target = Erasure;

    fn deref(&self) -> &Erasure {
        &self.erasure
    }
}
