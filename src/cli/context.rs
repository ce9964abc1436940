//! Where the command line meets the composition root: the gateway, time and chance as `system` picks them.

use std::{fs, sync::Arc};

use anyhow::Context as _;
use jiff::Timestamp;

use super::arguments::GlobalOptions;
use crate::app::Gateway;
use crate::domain::{Clock, Entropy};
use crate::proof::{PublicKey, SigningKey};
use crate::sealing::KeyRing;

/// A gateway that is ready for use cases.
pub(super) struct Opened {
    /// Everything a use case needs.
    pub(super) gateway: Gateway,
    /// True when its database was marked demo when it was made.
    pub(super) is_demo: bool,
}

/// Opens the gateway that the options name: reads settings and keys, connects. Starts no worker and no server.
#[expect(clippy::unused_async, reason = "wired in system: connecting waits")]
pub(super) async fn open(options: &GlobalOptions) -> anyhow::Result<Opened> {
    // wired in system
    let GlobalOptions { database_url, data_dir, pg_bin, keyring, policy_dir, config, log_format, json: _ } = options;
    let _ = (database_url, data_dir, pg_bin, keyring, policy_dir, config, log_format);
    anyhow::bail!("this build cannot open a database")
}

impl Opened {
    /// Lets the connections go, and a private PostgreSQL that nobody else uses.
    #[expect(clippy::unused_async, reason = "wired in system: stopping waits")]
    pub(super) async fn close(self) {
        // wired in system
        drop(self.gateway);
    }
}

/// Time and chance of this machine, for what needs no database.
pub(super) struct Machine {
    /// The system's clock.
    pub(super) clock: Arc<dyn Clock>,
    /// The operating system's chance.
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Time and chance of this machine.
pub(super) fn machine() -> Machine {
    // wired in system
    Machine { clock: Arc::new(MachineClock), entropy: Arc::new(MachineEntropy) }
}

/// The key that receipts are checked with: of the key ring file when one is named, else of the gateway.
pub(super) async fn receipt_key(options: &GlobalOptions) -> anyhow::Result<PublicKey> {
    let Some(path) = &options.keyring else {
        return super::with_gateway(options, async |gateway| Ok(gateway.signing_key().public_key().clone())).await;
    };
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(path).with_context(|| format!("the key ring {} cannot be read", path.display()))?,
    );
    let ring = KeyRing::parse(&text).with_context(|| format!("the key ring {} is refused", path.display()))?;
    let (key_id, seed) = ring.receipt_signing();
    Ok(SigningKey::from_seed(key_id, seed)?.public_key().clone())
}

struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "wired in system: its system clock takes this place")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct MachineEntropy;

impl Entropy for MachineEntropy {
    #[expect(clippy::disallowed_methods, reason = "wired in system: its entropy takes this place")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    }
}
