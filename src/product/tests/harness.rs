//! A database of its own for each test, cloned from a template that carries the reference product and the product database's tables.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio_postgres::{Client, Config, NoTls};

const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/milestone/V0001__reference_product.sql"),
    "CREATE SCHEMA milestone_gateway;",
    include_str!("../../../migrations/product/V0001__marks_and_fences.sql"),
];
/// Guards the making of roles and template; any number that the other rooms' tests do not use for something else.
const TEMPLATE_LOCK: i64 = 7_214_001;
// Another test binary may make the same roles on the same server at this moment; whoever is first is right.
const ROLES: &str = "\
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['gw_owner', 'gw_tenant', 'gw_verify'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$";

static NEXT: AtomicU32 = AtomicU32::new(1);

/// One test's database.
#[derive(Clone)]
pub(super) struct World {
    server: Config,
    database: String,
}

impl World {
    /// A connection without row level security, to seed and to look.
    pub(super) async fn admin(&self) -> Client {
        connect(&self.server, &self.database).await
    }

    /// A connection as the role that works on tenant rows.
    pub(super) async fn tenant(&self) -> Client {
        self.connected_as("gw_tenant").await
    }

    /// A connection as the independent reader.
    pub(super) async fn reader(&self) -> Client {
        self.connected_as("gw_verify").await
    }

    async fn connected_as(&self, role: &str) -> Client {
        let client = self.admin().await;
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {role}")).await.unwrap();
        client
    }

    /// Runs statements without row level security.
    pub(super) async fn seed(&self, sql: &str) {
        self.admin().await.batch_execute(sql).await.unwrap();
    }

    /// The single number that a query answers, without row level security.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        self.admin().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The single text that a query answers, without row level security.
    pub(super) async fn text(&self, sql: &str) -> Option<String> {
        self.admin().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// Runs `body` with a database of its own and drops the database afterwards, also when `body` has failed.
pub(super) async fn in_a_database<F>(body: impl FnOnce(World) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let address = std::env::var("MILESTONE_TEST_PG").unwrap_or_default();
    assert!(
        !address.is_empty(),
        "MILESTONE_TEST_PG is not set: run ./scripts/test, which starts a PostgreSQL for the tests"
    );
    let server = Config::from_str(&address).expect("MILESTONE_TEST_PG is not a connection string");
    let admin = connect(&server, server.get_dbname().unwrap_or("postgres")).await;
    let template = template(&server, &admin).await;
    let database = format!("mg_product_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {database} TEMPLATE {template}")).await.unwrap();
    let outcome = tokio::spawn(body(World { server, database: database.clone() })).await;
    admin.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn template(server: &Config, admin: &Client) -> String {
    let mut hasher = DefaultHasher::new();
    MIGRATIONS.hash(&mut hasher);
    let name = format!("mg_product_template_{:016x}", hasher.finish());
    admin.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    admin.batch_execute(ROLES).await.unwrap();
    if admin.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await.unwrap().is_none() {
        // Built under another name, so that a template which is there is a template that is whole.
        let draft = format!("{name}_draft");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {draft} OWNER gw_owner")).await.unwrap();
        let owner = connect(server, &draft).await;
        owner.batch_execute("SET SESSION AUTHORIZATION gw_owner").await.unwrap();
        for migration in MIGRATIONS {
            owner.batch_execute(migration).await.unwrap();
        }
        drop(owner);
        admin
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", &[&draft])
            .await
            .unwrap();
        while admin
            .query_opt("SELECT 1 FROM pg_stat_activity WHERE datname = $1 LIMIT 1", &[&draft])
            .await
            .unwrap()
            .is_some()
        {}
        admin.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}")).await.unwrap();
    }
    admin.execute("SELECT pg_advisory_unlock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    name
}

async fn connect(server: &Config, database: &str) -> Client {
    let (client, connection) = server.clone().dbname(database).connect(NoTls).await.unwrap();
    tokio::spawn(async move {
        // An error here is a connection that the server ended, for instance by dropping the database.
        drop(connection.await);
    });
    client
}
