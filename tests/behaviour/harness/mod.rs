//! A world of its own for each test: a database, a gateway whose time and randomness the test controls, and verbs that read as
//! what people do. Every world must end by [`World::ends_cleanly`].

mod cloud;
mod database;
mod fakes;
mod firebase;
mod jira;
pub(crate) mod key_server;
mod looking;
pub(crate) mod loopback;
mod over_http;
pub(crate) mod peers;
mod product;
pub(crate) mod senders;
mod serving;

use std::sync::{Arc, atomic::AtomicU64};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use milestone_gateway::testing::{
    app::{
        self, Databases, Gateway, GatewayParts, Leases, Outgoing, Reserved, Trust,
        registry::Registration,
        upkeep::{sweep, swept},
    },
    datamap::{self, SourceFile, map::DataMap, policy::Policy},
    domain::{Actor, CrashPoints, actor::ActorName},
    outbound::{KeyAddresses, KeySets},
    proof::SigningKey,
    sealing::KeyRing,
    signature::SecretBytes,
    worker::{self, Drained},
};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

pub(crate) use cloud::{Answered, Cloud, ReceivedCall, answered, empty};
pub(crate) use database::pool_to_nowhere;
pub(crate) use firebase::Firebase;
pub(crate) use jira::{Delivery, deliver_to, user_created, user_deleted, user_updated, worklog, worklog_deleted};
pub(crate) use key_server::{KeyServer, Manner};
pub(crate) use product::{Person, Tenant, issue_of};
pub(crate) use senders::Post;

use database::Database;
use fakes::{ManualClock, SeededEntropy};

pub(crate) const DATASET: &str = include_str!("../../../policies/milestone/dataset.yaml");
const POLICY: &str = include_str!("../../../policies/milestone/policy.yaml");
const PRIVACY_POLICY: &str = include_str!("../../../policies/milestone/privacy-policy.md");
/// A Monday morning.
pub(crate) const BEGINNING: &str = "2026-01-05T09:00:00Z";

/// One test's world. Its fields are dropped in this order, the database last.
pub(crate) struct World {
    committer: JoinHandle<()>,
    pub(crate) gateway: Gateway,
    pub(crate) crash: CrashPoints,
    /// A connection that row level security does not concern.
    pub(crate) admin: Client,
    pub(crate) database: Database,
    /// Who does what operators do.
    pub(crate) tester: Actor,
    clock: Arc<ManualClock>,
    parts: PartsOfAll,
    deliveries: AtomicU64,
    has_ended: bool,
}

/// What all gateways of one world share.
struct PartsOfAll {
    entropy: Arc<SeededEntropy>,
    ring: Arc<KeyRing>,
    signing_key: Arc<SigningKey>,
    policy: Arc<Policy>,
    /// Who publishes the keys of senders; nobody unless the test has one.
    key_server: Option<String>,
    /// Whether what emulators send and receive is believed.
    trusts_emulators: bool,
}

/// The reference product's data map, as shipped.
pub(crate) fn data_map() -> DataMap {
    data_map_of(DATASET)
}

/// Compiles a dataset, whatever the lint thinks of what it leaves out.
pub(crate) fn data_map_of(text: &str) -> DataMap {
    let (compiled, findings) = datamap::compile_dataset(SourceFile { name: "dataset.yaml", text }, false);
    compiled.unwrap_or_else(|| panic!("{findings:#?}")).map
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_map(data_map()).await
    }

    /// A world whose gateway believes in this data map.
    pub(crate) async fn with_map(map: DataMap) -> Self {
        Self::with(map, None, false).await
    }

    /// A world in which senders' keys are published.
    pub(crate) async fn with_key_server(key_server: &KeyServer) -> Self {
        Self::with(data_map(), Some(key_server.address().to_owned()), false).await
    }

    /// A world under the development switch: emulators are believed without any signature.
    pub(crate) async fn with_emulators() -> Self {
        Self::with(data_map(), None, true).await
    }

    async fn with(map: DataMap, key_server: Option<String>, trusts_emulators: bool) -> Self {
        let database = Database::new().await;
        let entropy = Arc::new(SeededEntropy::new(7));
        let ring = Arc::new(KeyRing::generate(entropy.as_ref()));
        let (key_id, seed) = ring.receipt_signing();
        let signing_key = Arc::new(SigningKey::from_seed(key_id, seed).unwrap());
        let (policy, findings) = datamap::compile_policy(
            SourceFile { name: "policy.yaml", text: POLICY },
            SourceFile { name: "privacy-policy.md", text: PRIVACY_POLICY },
            &data_map(),
        );
        let policy = Arc::new(policy.unwrap_or_else(|| panic!("{findings:#?}")));
        let clock = Arc::new(ManualClock::at(BEGINNING.parse().unwrap()));
        let parts = PartsOfAll { entropy, ring, signing_key, policy, key_server, trusts_emulators };
        let crash = CrashPoints::default();
        let gateway = parts.gateway(&clock, &crash, (pools(&database), reserved(&database)), map);
        let committer = spawn_committer(gateway.clone());
        let admin = database.admin().await;
        let deliveries = AtomicU64::new(0);
        let tester = Actor::CommandLine { os_user: ActorName::of_account("tester") };
        Self { committer, gateway, crash, admin, database, tester, clock, parts, deliveries, has_ended: false }
    }

    /// Another process over the same database.
    pub(crate) fn another_gateway_with(&self, map: DataMap, databases: Databases) -> Gateway {
        self.parts.gateway(&self.clock, &CrashPoints::default(), (databases, self.reserved()), map)
    }

    /// Another process over the same database, whose intake has these connections.
    pub(crate) fn another_gateway_reserving(&self, reserved: Reserved) -> Gateway {
        self.parts.gateway(&self.clock, &CrashPoints::default(), (self.pools(), reserved), data_map())
    }

    /// Another process over the same database, with other leases.
    pub(crate) fn another_gateway_with_leases(&self, leases: Leases) -> Gateway {
        let parts =
            self.parts.of_gateway(&self.clock, &CrashPoints::default(), (self.pools(), self.reserved()), data_map());
        Gateway::new(GatewayParts { leases, ..parts })
    }

    /// Replaces the gateway by one with this data map, as a restart with another file would.
    pub(crate) fn restarts_with_map(&mut self, map: DataMap) {
        self.committer.abort();
        self.gateway =
            self.parts.gateway(&self.clock, &self.crash, (pools(&self.database), reserved(&self.database)), map);
        self.committer = spawn_committer(self.gateway.clone());
    }

    /// Replaces the gateway by a new process, which remembers nothing.
    pub(crate) fn restarts(&mut self) {
        self.restarts_with_map(data_map());
    }

    /// Restarts with a key ring that has one digest key more; everything from now on is digested with it.
    pub(crate) fn restarts_with_another_digest_key(&mut self) {
        let mut ring: serde_json::Value = serde_json::from_str(&self.parts.ring.to_json()).unwrap();
        let keys = ring["digest"].as_array_mut().expect("a list of digest keys");
        let id = keys.len() + 1;
        let key = STANDARD.encode([u8::try_from(id).unwrap(); 32]);
        keys.push(serde_json::json!({ "id": id, "key": key }));
        self.parts.ring = Arc::new(KeyRing::parse(&ring.to_string()).expect("a ring with one key more"));
        self.restarts();
    }

    /// Connections for another process.
    pub(crate) fn pools(&self) -> Databases {
        pools(&self.database)
    }

    /// Connections that one room alone uses, for another process.
    pub(crate) fn reserved(&self) -> Reserved {
        reserved(&self.database)
    }

    /// The key that signs receipts.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.parts.signing_key
    }

    /// Master and digest keys.
    pub(crate) fn ring(&self) -> &KeyRing {
        &self.parts.ring
    }

    /// Registers a tenant with one source, and makes the product's rows of it.
    pub(crate) async fn a_tenant(&self, name: &str) -> Tenant {
        self.a_tenant_with(name, None).await
    }

    /// A tenant whose source refuses what is older than so many seconds.
    pub(crate) async fn a_tenant_with(&self, name: &str, replay_window_seconds: Option<i32>) -> Tenant {
        let key = product::uuid_of(&["tenant", name]);
        self.a_tenant_of(name, key, replay_window_seconds).await
    }

    /// The tenant of the senders' documented payloads: `example-site.atlassian.net`.
    pub(crate) async fn the_documented_tenant(&self) -> Tenant {
        self.a_tenant_of("example-site", "11111111-2222-4333-8444-555555555555".to_owned(), None).await
    }

    async fn a_tenant_of(&self, name: &str, key: String, replay_window_seconds: Option<i32>) -> Tenant {
        self.seed_tenant(name, &key).await;
        let source = format!("{name}-jira");
        let (host, secret) = (format!("{name}.atlassian.net"), secret_of(name));
        let registration = Registration {
            site_host: Some(&host),
            replay_window_seconds,
            ..Registration::jira(&source, &key, &secret)
        };
        let (_, id) = app::registry::register(&self.gateway, &self.tester, &registration).await.unwrap();
        Tenant { name: name.to_owned(), key, source, id }
    }

    /// Works until nothing is due.
    pub(crate) async fn the_worker_drains(&self) -> Drained {
        drain(&self.gateway).await
    }

    /// Moves the calendar and works until nothing is due.
    pub(crate) async fn days_pass(&self, days: i64) -> Drained {
        self.time_passes(SignedDuration::from_hours(24 * days));
        self.the_worker_drains().await
    }

    /// Moves the calendar; nobody works.
    pub(crate) fn time_passes(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    pub(crate) async fn the_sweep_runs(&self) -> swept::Swept {
        let swept = sweep::run(&self.gateway, swept::Depth::Recent).await;
        assert_eq!(swept.failures, 0, "{swept:?}");
        swept
    }

    /// Whoever holds work has died long ago.
    pub(crate) async fn the_lease_runs_out(&self) {
        for table in ["event", "job"] {
            let sql = format!(
                "UPDATE gateway.{table} SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL"
            );
            self.admin.execute(&sql, &[]).await.unwrap();
        }
        let turns =
            "UPDATE gateway.poll_cursor SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL";
        let claims = "UPDATE gateway.reported_account
            SET claimed_until = now() - interval '1 second' WHERE claimed_until IS NOT NULL";
        for sql in [turns, claims] {
            self.admin.execute(sql, &[]).await.unwrap();
        }
    }

    /// Nothing is left to do, and every event has one outcome.
    pub(crate) async fn ends_cleanly(mut self) {
        self.has_ended = true;
        self.nothing_is_left_to_do().await;
    }

    /// For tests that leave work behind on purpose.
    pub(crate) fn ends_with_work_left(mut self) {
        self.has_ended = true;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.committer.abort();
        assert!(self.has_ended || std::thread::panicking(), "a world must end by ends_cleanly");
    }
}

impl PartsOfAll {
    fn gateway(&self, clock: &Arc<ManualClock>, crash: &CrashPoints, pools: Pools, map: DataMap) -> Gateway {
        Gateway::new(self.of_gateway(clock, crash, pools, map))
    }

    fn of_gateway(
        &self,
        clock: &Arc<ManualClock>,
        crash: &CrashPoints,
        (databases, reserved): Pools,
        map: DataMap,
    ) -> GatewayParts {
        GatewayParts {
            clock: Arc::<ManualClock>::clone(clock),
            entropy: Arc::<SeededEntropy>::clone(&self.entropy),
            ring: Arc::clone(&self.ring),
            databases,
            reserved,
            map: Arc::new(map),
            policy: Arc::clone(&self.policy),
            signing_key: Arc::clone(&self.signing_key),
            leases: Leases::default(),
            crash: crash.clone(),
            outgoing: Outgoing::new(Arc::<SeededEntropy>::clone(&self.entropy)).unwrap(),
            trust: trust(self.key_server.as_deref(), self.trusts_emulators),
        }
    }
}

/// Keys are asked for at a loopback server only; without one at a port that nobody has.
fn trust(key_server: Option<&str>, emulators: bool) -> Trust {
    let addresses = KeyAddresses::development(key_server.unwrap_or("http://127.0.0.1:9")).unwrap();
    Trust { keys: KeySets::new(addresses).unwrap(), emulators }
}

pub(crate) async fn drain(gateway: &Gateway) -> Drained {
    worker::drain(gateway, worker::Settings::default()).await.unwrap()
}

/// The secret a tenant's source was registered with.
pub(crate) fn secret_of(tenant: &str) -> SecretBytes {
    SecretBytes::new(format!("the secret of {tenant}, which is long").into_bytes())
}

/// Connections for every room, and for one alone.
type Pools = (Databases, Reserved);

fn pools(database: &Database) -> Databases {
    Databases {
        queue: database.pool_of("gw_queue", 3),
        tenant: database.pool_of("gw_tenant", 8),
        product: database.pool_of("gw_tenant", 8),
    }
}

fn reserved(database: &Database) -> Reserved {
    Reserved {
        intake: database.pool_of("gw_intake", 3),
        commit: database.pool_of("gw_intake", 2),
        verifier: database.pool_of("gw_verify", 2),
    }
}

/// The committer, begun again whenever it dies, as the composition root does.
fn spawn_committer(gateway: Gateway) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let one_life = tokio::spawn(app::run_committer(gateway.intake().clone()));
            let abort = AbortOnDrop(one_life.abort_handle());
            drop(one_life.await);
            drop(abort);
        }
    })
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
