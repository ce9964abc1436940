//! Who is played, with what, to whom: everything that is the same in every attempt.

use jiff::Timestamp;
use url::Url;

use super::{
    credential::Credential,
    delivery::{self, Delivery},
    player::{Attempt, Sender},
};
use crate::{
    domain::{Entropy, SourceKind},
    sources::contract,
};

/// A sender with everything it needs.
pub(super) struct Play {
    pub(super) kind: SourceKind,
    pub(super) sender: Box<dyn Sender>,
    pub(super) source: String,
    pub(super) gateway: Url,
    pub(super) credential: Credential,
    /// The same in every attempt.
    pub(super) identifier: String,
    pub(super) is_identifier_given: bool,
    pub(super) body: Vec<u8>,
    /// The gateway's time when the first attempt was made ready.
    pub(super) began_at: Timestamp,
}

impl Play {
    pub(super) const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The first attempt (0) or a retry, made at `now`. What a retry makes anew, says each sender's own file.
    pub(super) fn delivery(&self, retry: u32, now: Timestamp, entropy: &dyn Entropy) -> anyhow::Result<Delivery> {
        let Self { sender, source, gateway, credential, identifier, is_identifier_given, body, began_at, .. } = self;
        let route = contract(self.kind).inbound.as_ref().map_or("", |inbound| inbound.route);
        let url = delivery::address(gateway, route, source, sender.tail())?;
        let (is_identifier_given, began_at) = (*is_identifier_given, *began_at);
        let attempt =
            Attempt { source, credential, identifier, is_identifier_given, body, began_at, now, retry, entropy };
        let (headers, body) = sender.attempt(&attempt)?;
        Ok(Delivery { url, headers, body })
    }
}

#[cfg(test)]
mod tests;
