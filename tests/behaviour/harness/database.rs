//! A database of its own for each world: cloned from a template that is made once for each state of the migrations.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use milestone_gateway::testing::{product, store};
use tokio_postgres::{Client, Config, NoTls};

/// Guards the making of roles and template; another number than the other rooms' tests use.
const TEMPLATE_LOCK: i64 = 7_214_002;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// One world's database; dropping it drops the database, also when the test has failed.
pub(crate) struct Database {
    server: Config,
    pub(crate) name: String,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let server = server();
        let admin = connect(&server).await;
        let template = template(&server, &admin).await;
        let name = format!("mg_world_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
        Self { server, name }
    }

    /// A connection that row level security does not concern.
    pub(crate) async fn admin(&self) -> Client {
        connect(self.server.clone().dbname(&self.name)).await
    }

    /// A connection as one of the gateway's roles.
    pub(crate) async fn connected_as(&self, role: &str) -> Client {
        connect(&self.config_of(role)).await
    }

    /// A pool of connections as one of the gateway's roles.
    pub(crate) fn pool_of(&self, role: &str, size: usize) -> store::Pool {
        store::Pool::new(deadpool_postgres::Manager::new(self.config_of(role), NoTls), size)
    }

    fn config_of(&self, role: &str) -> Config {
        let mut config = self.server.clone();
        config.dbname(&self.name).user(role);
        config
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        // A thread of its own, because the test's runtime may already be on its way down; and nobody waits for it.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { drop(connect(&server).await.batch_execute(&drop_it).await) });
        });
    }
}

/// A pool that leads nowhere: the database is away.
pub(crate) fn pool_to_nowhere() -> store::Pool {
    let config = Config::from_str("host=/nonexistent user=gw_intake dbname=none connect_timeout=1").unwrap();
    store::Pool::new(deadpool_postgres::Manager::new(config, NoTls), 1)
}

fn server() -> Config {
    let address = std::env::var("MILESTONE_TEST_PG").unwrap_or_default();
    assert!(
        !address.is_empty(),
        "MILESTONE_TEST_PG is not set: run ./scripts/test, which starts a PostgreSQL for the tests"
    );
    Config::from_str(&address).expect("MILESTONE_TEST_PG is not a connection string")
}

async fn template(server: &Config, admin: &Client) -> String {
    let name = format!("mg_world_template_{:016x}", digest_of_migrations());
    admin.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    if admin.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await.unwrap().is_none() {
        // Built under another name, so that a template which is there is a template that is whole.
        let draft = format!("{name}_draft");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {draft}")).await.unwrap();
        migrate(server, &draft).await;
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        while !admin.query(others, &[&draft]).await.unwrap().is_empty() {}
        admin.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}")).await.unwrap();
    }
    admin.execute("SELECT pg_advisory_unlock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    name
}

async fn migrate(server: &Config, database: &str) {
    let admin = connect(server.clone().dbname(database)).await;
    store::bootstrap::create_roles(&admin, |_| None).await.unwrap();
    store::bootstrap::create_schema(&admin, database).await.unwrap();
    let mut owner = connect(server.clone().dbname(database).user("gw_owner")).await;
    store::bootstrap::migrate(&mut owner, false).await.unwrap();
    product::migrate(&mut owner, product::Migrate::ProductAndReference).await.unwrap();
}

fn digest_of_migrations() -> u64 {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(&top)
        .unwrap()
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.strip_prefix(&top).unwrap(), fs::read(&file).unwrap()).hash(&mut hasher);
    }
    hasher.finish()
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(async move {
        // An error here is a connection that the server ended, for instance by dropping the database.
        drop(connection.await);
    });
    client
}
