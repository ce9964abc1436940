//! Published keys, kept for all senders.
//!
//! ```text
//!  key(host, kid) ──▶ known and fresh            ──▶ the key, without any call
//!                 ──▶ known and stale            ──▶ the key, and one reading in the background
//!                 ──▶ unknown, read just now     ──▶ Unknown
//!                 ──▶ unknown, or nothing known  ──▶ joins or starts the one reading, and waits for it
//! ```
//!
//! Promises: a document is read by one call at a time, for however many callers, and a caller that goes away takes nothing
//! from the others. What cannot be read again is believed for a while longer; what is read and cannot be believed changes
//! nothing. A sender's invention of key ids causes at most one reading of a set in five seconds (while nothing at all is
//! held and readings fail, the first come after one, two and four), and at most ten readings in ten seconds where each key is
//! a document of its own. It checks no signature.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use reqwest::Client;

pub use self::answer::KeyAnswer;
use self::{
    flight::{Flight, Landed, Landing},
    install_keys::InstallKeys,
    shelf::{Reply, Shelf},
};
use super::{
    KeyAddresses, OutboundError,
    key_addresses::{Document, SetHost},
    key_fetch::{FETCH_TIMEOUTS, fetch},
};
use crate::domain::{
    key_set::{KeyHost, KeyId},
    metric,
};

mod answer;
mod flight;
mod install_keys;
mod shelf;
#[cfg(test)]
mod tests;

/// The published keys of every [`KeyHost`]. A clone is the same keys.
#[derive(Clone)]
pub struct KeySets {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    addresses: KeyAddresses,
    shelves: Mutex<Shelves>,
}

/// What is held of each document.
#[derive(Default)]
struct Shelves {
    forge_production: Shelf,
    forge_staging: Shelf,
    google: Shelf,
    install_keys: InstallKeys,
}

impl KeySets {
    /// Holds nothing yet and calls nobody. Fails when no client can be made.
    pub fn new(addresses: KeyAddresses) -> Result<Self, OutboundError> {
        let client = addresses.client(FETCH_TIMEOUTS)?;
        Ok(Self { inner: Arc::new(Inner { client, addresses, shelves: Mutex::default() }) })
    }

    /// The key with this id at this host. Waits only when it is not held, and no longer than five seconds.
    ///
    /// Must be called within a tokio runtime. Asking again is always safe and, within the bounds of this module, cheap.
    pub async fn key(&self, host: KeyHost, kid: &KeyId) -> KeyAnswer {
        self.key_at(host, kid, Instant::now()).await
    }

    /// The same at a moment of the monotonic clock, so that a test can ask tomorrow.
    async fn key_at(&self, host: KeyHost, kid: &KeyId, now: Instant) -> KeyAnswer {
        match self.ask(host, kid, now) {
            Reply::Now(answer) => answer,
            Reply::After(flight) => flight.answer(kid).await,
        }
    }

    fn ask(&self, host: KeyHost, kid: &KeyId, now: Instant) -> Reply {
        let set = match host {
            KeyHost::ForgeProduction => SetHost::ForgeProduction,
            KeyHost::ForgeStaging => SetHost::ForgeStaging,
            KeyHost::Google => SetHost::Google,
            KeyHost::ConnectInstall => return self.ask_install_key(kid, now),
        };
        let (reply, landing) = self.inner.shelves().of(set).ask(kid, now, || true);
        self.launch(Document::Set(set), landing, now);
        reply
    }

    fn ask_install_key(&self, kid: &KeyId, now: Instant) -> Reply {
        if kid.path_segment().is_none() {
            return Reply::Now(KeyAnswer::Unknown);
        }
        let (reply, landing) = self.inner.shelves().install_keys.ask(kid, now);
        self.launch(Document::InstallKey(kid.clone()), landing, now);
        reply
    }

    /// Sends a reading on its way as a task of its own: it belongs to nobody who waits for it.
    fn launch(&self, document: Document, landing: Option<Landing>, now: Instant) {
        if let Some(landing) = landing {
            tokio::spawn(fly(Arc::clone(&self.inner), document, landing, now));
        }
    }
}

impl Inner {
    /// Locked for look-ups and never across a call.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn of(&mut self, host: SetHost) -> &mut Shelf {
        match host {
            SetHost::ForgeProduction => &mut self.forge_production,
            SetHost::ForgeStaging => &mut self.forge_staging,
            SetHost::Google => &mut self.google,
        }
    }
}

/// One reading, from the call to the shelf. Waiting callers are told after the shelf has it, so that nobody who asks next
/// finds less than they did.
async fn fly(inner: Arc<Inner>, document: Document, landing: Landing, asked_at: Instant) {
    let began = Instant::now();
    let host = document.host().as_str();
    let outcome = fetch(&inner.client, &inner.addresses, &document).await;
    let now = asked_at + began.elapsed();
    let published = match outcome {
        Ok(published) => {
            let outcome = if published.keys.is_empty() { "absent" } else { "fetched" };
            metrics::counter!(metric::KEY_FETCHES_TOTAL, "host" => host, "outcome" => outcome).increment(1);
            Some(published)
        }
        Err(error) => {
            let outcome = error.outcome();
            metrics::counter!(metric::KEY_FETCHES_TOTAL, "host" => host, "outcome" => outcome).increment(1);
            tracing::warn!(host, outcome, error = &error as &dyn std::error::Error, "published keys could not be read");
            None
        }
    };
    let landed = match &document {
        Document::Set(set) => inner.shelves().of(*set).land(published, now),
        Document::InstallKey(kid) => inner.shelves().install_keys.land(kid, published, now),
    };
    landing.tell(landed);
}
