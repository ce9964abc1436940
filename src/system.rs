//! The composition root: the only place that picks implementations (system clock, OS entropy, pools, keys, policy).

mod account;
mod clock;
mod connect;
mod error;
mod keyring;
mod policy;
mod prepare;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;

use crate::{
    app::{Databases, Gateway, GatewayParts, Leases, Outgoing, Reserved, Trust, intake::rejections, run_committer},
    config::{Database, Settings},
    domain::{Clock as _, CrashPoints},
    embedded::{self, Embedded, EmbeddedOptions},
    outbound::{KeyAddresses, KeySets},
    proof::SigningKey,
    store,
};

pub use account::command_line;
pub use clock::{DemoClock, OsEntropy};
pub use error::SystemError;
pub use keyring::load as load_keyring;
pub use policy::read_product;
pub use prepare::{bootstrap, migrate};

/// Connections for each kind of work. Together they stay well below PostgreSQL's default of 100.
const INTAKE_CONNECTIONS: usize = 6;
const COMMITTERS: usize = 2;
const QUEUE_CONNECTIONS: usize = 6;
const TENANT_CONNECTIONS: usize = 20;
const PRODUCT_CONNECTIONS: usize = 16;
const VERIFIER_CONNECTIONS: usize = 4;

/// How often rejections are written out.
const REJECTIONS_WRITTEN_EVERY: Duration = Duration::from_secs(2);

/// What is to be opened, beyond the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Mark a new database *demo* and give it the reference product; refuse one that is not marked.
    pub demo: bool,
    /// Compare the data map with the live product database and refuse a drift.
    pub check_drift: bool,
    /// What is believed in development only.
    pub development: Development,
}

/// What is believed in development only. The command line refuses both on an address that others can reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Development {
    /// A loopback server that publishes all keys, instead of the senders' own.
    pub key_server: Option<String>,
    /// What emulators send without any signature.
    pub trusts_emulators: bool,
}

/// An opened system. Close it, so that a private PostgreSQL nobody uses any more is stopped.
pub struct System {
    /// The use cases' context.
    pub gateway: Gateway,
    /// The independent reader's connections, for what looks at the product database without the use cases.
    #[cfg(feature = "demo")]
    pub verifier: store::Pool,
    /// True on a database that was marked demo at its creation.
    pub is_demo: bool,
    embedded: Option<Embedded>,
    background: tokio::task::JoinSet<()>,
}

/// Puts everything together: database, roles, schema, keys, policy, pools.
pub async fn open(settings: &Settings, opening: Opening) -> Result<System, SystemError> {
    let product = read_product(settings.policy_dir.as_deref())?;
    let embedded = match &settings.database {
        Database::Embedded => {
            let options = EmbeddedOptions { pg_bin: settings.pg_bin.clone(), data_dir: settings.data_dir.clone() };
            Some(embedded::start_or_attach(options).await?)
        }
        Database::External(_) => None,
    };
    let ring = match &embedded {
        Some(embedded) => prepare::embedded(embedded, settings, opening.demo).await?,
        None => prepare::external(&settings.keyring_file)?,
    };
    let ring = Arc::new(ring);
    let endpoints = connect::Endpoints::new(settings, embedded.as_ref(), &ring)?;
    endpoints.refuse_power().await?;
    if embedded.is_none() {
        prepare::refuse_pending(&endpoints).await?;
    }
    let (databases, reserved) = (databases(&endpoints)?, reserved(&endpoints)?);
    let verifier = reserved.verifier.clone();
    prepare::check_keys(&databases, &ring).await?;
    if opening.check_drift {
        policy::refuse_drift(&verifier, &product).await?;
    }
    let queue = databases.queue.client().await?;
    let is_demo = store::deployment::is_demo(&queue).await?;
    refuse_unmarked(opening.demo, is_demo)?;
    let offset = store::deployment::demo_offset_seconds(&queue).await?;
    let clock = Arc::new(DemoClock::new(offset));
    // Before anybody listens: a delivery that came first would lie in the default partitions until its time is over.
    store::deployment::ensure_partitions(&queue, clock.now().to_zoned(TimeZone::UTC).date()).await?;
    drop(queue);
    let (key_id, seed) = ring.receipt_signing();
    let signing_key = SigningKey::from_seed(key_id, seed).map_err(|error| SystemError::KeyRing(error.to_string()))?;
    let gateway = Gateway::new(GatewayParts {
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(OsEntropy),
        ring,
        databases,
        reserved,
        map: Arc::new(product.compiled.map.clone()),
        policy: Arc::new(product.policy),
        signing_key: Arc::new(signing_key),
        leases: Leases::default(),
        crash: CrashPoints::default(),
        outgoing: Outgoing::new(Arc::new(OsEntropy))?,
        trust: Trust { keys: key_sets(&opening.development)?, emulators: opening.development.trusts_emulators },
    });
    let background = background(&gateway, is_demo.then_some(clock));
    Ok(System {
        gateway,
        #[cfg(feature = "demo")]
        verifier,
        is_demo,
        embedded,
        background,
    })
}

/// A demo moves the calendar, which nobody may do in a database that was made for real people.
fn refuse_unmarked(wants_demo: bool, is_demo: bool) -> Result<(), SystemError> {
    if wants_demo && !is_demo {
        let why = "this database was not marked demo when it was created, and the mark cannot be set later; \
                   use another --data-dir or --database-url for a demo";
        return Err(SystemError::Refused(why.to_owned()));
    }
    Ok(())
}

/// What runs beside the edge and the workers for as long as the system is open.
fn background(gateway: &Gateway, demo_clock: Option<Arc<DemoClock>>) -> tokio::task::JoinSet<()> {
    let mut background = tokio::task::JoinSet::new();
    if let Some(clock) = demo_clock {
        background.spawn(clock::follow_offset(clock, gateway.databases().queue.clone()));
    }
    for _ in 0..COMMITTERS {
        background.spawn(keep_committing(gateway.clone()));
    }
    background.spawn(write_out_rejections(gateway.clone()));
    background
}

fn databases(endpoints: &connect::Endpoints<'_>) -> Result<Databases, SystemError> {
    Ok(Databases {
        queue: endpoints.ours("gw_queue", QUEUE_CONNECTIONS)?,
        tenant: endpoints.ours("gw_tenant", TENANT_CONNECTIONS)?,
        product: endpoints.theirs("gw_tenant", PRODUCT_CONNECTIONS)?,
    })
}

fn reserved(endpoints: &connect::Endpoints<'_>) -> Result<Reserved, SystemError> {
    Ok(Reserved {
        intake: endpoints.ours("gw_intake", INTAKE_CONNECTIONS)?,
        commit: endpoints.ours("gw_intake", COMMITTERS)?,
        verifier: endpoints.theirs("gw_verify", VERIFIER_CONNECTIONS)?,
    })
}

fn key_sets(development: &Development) -> Result<KeySets, SystemError> {
    let addresses = match &development.key_server {
        None => KeyAddresses::pinned(),
        Some(server) => KeyAddresses::development(server)?,
    };
    Ok(KeySets::new(addresses)?)
}

/// Writes rejections out every few seconds. Whatever cannot be written is forgotten.
async fn write_out_rejections(gateway: Gateway) {
    loop {
        tokio::time::sleep(REJECTIONS_WRITTEN_EVERY).await;
        if let Err(error) = rejections::write_out(gateway.intake()).await {
            tracing::warn!(error = %error.chain(), "rejections were not written out");
        }
    }
}

/// Runs the committer and runs it again should it panic: nothing acknowledged is lost, and intake goes on.
async fn keep_committing(gateway: Gateway) {
    loop {
        if tokio::spawn(run_committer(gateway.intake().clone())).await.is_ok() {
            return;
        }
        tracing::error!("the committer ended abnormally and is started again");
    }
}

impl System {
    /// Resolves only when a private PostgreSQL could not be kept alive.
    pub fn supervise(&self) -> impl Future<Output = String> + Send + 'static {
        let supervised = self.embedded.as_ref().map(Embedded::supervise);
        async move {
            match supervised {
                Some(supervised) => supervised.await.to_string(),
                None => std::future::pending().await,
            }
        }
    }

    /// Ends background work and stops the private PostgreSQL unless another process uses it.
    pub async fn close(self) -> Result<(), SystemError> {
        let Self { gateway, embedded, mut background, .. } = self;
        background.shutdown().await;
        drop(gateway);
        if let Some(embedded) = embedded {
            embedded.stop_if_last().await?;
        }
        Ok(())
    }
}
