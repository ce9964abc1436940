//! Where the command line meets the composition root: settings, the gateway, time and randomness as `system` picks them.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::options::GlobalOptions;
use crate::app::Gateway;
use crate::config::{self, Settings};
use crate::domain::{Actor, Clock, Entropy};
use crate::proof::{PublicKey, SigningKey};
use crate::system::{self, DemoClock, Development, Opening, OsEntropy, System};

/// Who the audit says has acted: the account that this process belongs to.
pub(super) fn actor() -> Actor {
    system::command_line()
}

/// A gateway that is ready for use cases.
pub(super) struct Opened {
    /// Everything a use case needs.
    pub(super) gateway: Gateway,
    /// True when its database was marked demo when it was made.
    pub(super) is_demo: bool,
    system: System,
}

/// The settings that the options and the environment give. Fails with every problem at once.
pub(super) fn settings(options: &GlobalOptions) -> anyhow::Result<Settings> {
    // An empty variable is how many shells and service managers say "not set".
    let text = |secret: &Option<SecretString>| {
        secret.as_ref().map(|text| text.expose_secret().to_owned()).filter(|text| !text.is_empty())
    };
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    Ok(config::read(config::Inputs {
        database_url: text(&options.database_url),
        product_database_url: text(&options.product_database_url),
        database_tls: options.database_tls.clone(),
        data_dir: options.data_dir.clone(),
        pg_bin: options.pg_bin.clone(),
        keyring_file: options.keyring.clone(),
        policy_dir: options.policy_dir.clone(),
        is_root: rustix::process::geteuid().is_root(),
        xdg_config_home: folder("XDG_CONFIG_HOME"),
        home: folder("HOME"),
    })?)
}

/// Opens the system that the options name.
pub(super) async fn open_system(options: &GlobalOptions, opening: Opening) -> anyhow::Result<System> {
    Ok(system::open(&settings(options)?, opening).await?)
}

/// Opens the gateway that the options name. Starts no worker and no server.
pub(super) async fn open(options: &GlobalOptions) -> anyhow::Result<Opened> {
    let system =
        open_system(options, Opening { demo: false, check_drift: false, development: Development::default() }).await?;
    Ok(Opened { gateway: system.gateway.clone(), is_demo: system.is_demo, system })
}

impl Opened {
    /// Lets the connections go, and a private PostgreSQL that nobody else uses.
    pub(super) async fn close(self) {
        let Self { gateway, system, .. } = self;
        drop(gateway);
        if let Err(error) = system.close().await {
            super::output::remark(&format!("warning: {error}"));
        }
    }
}

/// Opens the gateway, does one thing with it and closes it, whether or not that went well.
pub(super) async fn with_gateway<T>(
    options: &GlobalOptions,
    work: impl AsyncFnOnce(&Gateway) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let opened = open(options).await?;
    let done = work(&opened.gateway).await;
    opened.close().await;
    done
}

/// Time and randomness of this machine, for what needs no database.
pub(super) struct Machine {
    /// The system's clock.
    pub(super) clock: Arc<dyn Clock>,
    /// The operating system's randomness.
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Time and randomness of this machine.
pub(super) fn machine() -> Machine {
    Machine { clock: Arc::new(DemoClock::new(0)), entropy: Arc::new(OsEntropy) }
}

/// The key that receipts are checked with: that of the key ring. No database is needed.
pub(super) fn receipt_key(options: &GlobalOptions) -> anyhow::Result<PublicKey> {
    let path = settings(options)?.keyring_file;
    let ring = system::load_keyring(&path)?.with_context(|| format!("there is no key ring at {}", path.display()))?;
    let (key_id, seed) = ring.receipt_signing();
    Ok(SigningKey::from_seed(key_id, seed)?.public_key().clone())
}
