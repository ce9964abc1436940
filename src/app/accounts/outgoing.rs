//! The clients by which other systems are called, and what leaves a failing one alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    domain::{Entropy, SourceId},
    outbound::{self, OutboundError, breaker::Breaker, identity_toolkit::IdentityToolkit},
    signature::SecretBytes,
};

/// The clients of senders' own systems, and what is known of them.
pub struct Outgoing {
    /// For the real ones: goes to public addresses only.
    public: reqwest::Client,
    /// For emulators on this machine.
    loopback: reqwest::Client,
    breaker: Breaker,
    /// One for each source with the credentials it was made of, so that its access token and its pace are shared.
    pub(super) toolkits: Mutex<HashMap<SourceId, (SecretBytes, Arc<IdentityToolkit>)>>,
}

impl Outgoing {
    /// Nothing is called yet. Fails when the system's certificates cannot be used.
    pub fn new(entropy: Arc<dyn Entropy>) -> Result<Self, OutboundError> {
        Ok(Self {
            public: outbound::guarded_client(outbound::Timeouts::default())?,
            loopback: outbound::client(outbound::Timeouts::default())?,
            breaker: Breaker::new(entropy),
            toolkits: Mutex::default(),
        })
    }

    /// The client for real systems.
    pub(in crate::app) const fn public(&self) -> &reqwest::Client {
        &self.public
    }

    /// The client for emulators on this machine.
    pub(in crate::app) const fn loopback(&self) -> &reqwest::Client {
        &self.loopback
    }

    /// What leaves a failing server alone.
    pub(in crate::app) const fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}
