//! Roles and schemas, made once by an administrator; migrations, run by `gw_owner`.
//!
//! Roles belong to the whole server, so making them is safe to repeat and several gateways may share them. Every role can
//! log in, none is a superuser and none bypasses row level security; [`refuse_power`] checks that at each start.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, error::SqlState};

use super::error::StoreError;
use crate::database;

mod gateway_migrations {
    refinery::embed_migrations!("migrations/gateway");
}

/// The roles of the gateway, in the order in which they are made.
pub const ROLES: [&str; 5] = ["gw_owner", "gw_intake", "gw_queue", "gw_tenant", "gw_verify"];

/// The advisory lock that two migrating processes contend for.
const MIGRATION_LOCK: i64 = 7_310_579_000;

/// Makes the roles. `password_of` gives each role's password; `None` leaves it without one (peer or trust on a socket).
/// Repeating is safe and renews the passwords. Needs a role that may create roles.
pub async fn create_roles(
    admin: &Client,
    password_of: impl Fn(&str) -> Option<SecretString>,
) -> Result<(), StoreError> {
    for role in ROLES {
        let name = escape_identifier(role);
        // Two bootstraps at once: the loser of the race finds the role already there, which is all that is wanted.
        let create = format!(
            "DO $$ BEGIN CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        admin.batch_execute(&create).await.map_err(StoreError::of("create_role"))?;
        if let Some(password) = password_of(role) {
            let alter = format!("ALTER ROLE {name} PASSWORD {}", escape_literal(password.expose_secret()));
            admin.batch_execute(&alter).await.map_err(StoreError::of("set_role_password"))?;
        }
    }
    Ok(())
}

/// Makes the gateway's schema in the database that `admin` is connected to, owned by `gw_owner`. Repeating is safe.
pub async fn create_schema(admin: &Client, database: &str) -> Result<(), StoreError> {
    let database = escape_identifier(database);
    // An administrator who is no superuser must be a member of gw_owner to give it a schema.
    let sql = format!(
        "DO $$ BEGIN EXECUTE format('GRANT gw_owner TO %I', current_user); \
           EXCEPTION WHEN OTHERS THEN NULL; END $$; \
         CREATE SCHEMA IF NOT EXISTS gateway AUTHORIZATION gw_owner; \
         GRANT USAGE ON SCHEMA gateway TO gw_intake, gw_queue, gw_tenant, gw_verify; \
         GRANT CREATE ON DATABASE {database} TO gw_owner"
    );
    admin.batch_execute(&sql).await.map_err(StoreError::of("create_schema"))
}

/// Runs the gateway's migrations as `gw_owner`, one process at a time. Returns how many were applied.
///
/// On an empty database the deployment row is written too: `is_demo` can be set only then.
pub async fn migrate(owner: &mut Client, is_demo: bool) -> Result<usize, StoreError> {
    owner
        .batch_execute(&format!("SET search_path = gateway; SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .await
        .map_err(StoreError::of("lock_migrations"))?;
    let result = migrate_locked(owner, is_demo).await;
    owner
        .batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))
        .await
        .map_err(StoreError::of("unlock_migrations"))?;
    result
}

async fn migrate_locked(owner: &mut Client, is_demo: bool) -> Result<usize, StoreError> {
    let mut runner = gateway_migrations::migrations::runner().set_abort_divergent(true);
    runner.set_migration_table_name("gateway_schema_history");
    let report = runner.run_async(owner).await.map_err(|error| reduce_migration(&error))?;
    let applied = report.applied_migrations().len();
    owner
        .execute("INSERT INTO gateway.deployment (is_demo) VALUES ($1) ON CONFLICT (only_row) DO NOTHING", &[&is_demo])
        .await
        .map_err(StoreError::of("insert_deployment"))?;
    Ok(applied)
}

fn reduce_migration(error: &refinery::Error) -> StoreError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(driver) = inner.downcast_ref::<tokio_postgres::Error>() {
            return StoreError::Migrate { reason: database::reduce(driver).to_string() };
        }
        cause = inner.source();
    }
    StoreError::Migrate { reason: "the migrations applied here differ from those of this version".to_owned() }
}

/// Makes a database unless it is there. Needs a role that may create databases.
pub async fn create_database(admin: &Client, name: &str) -> Result<(), StoreError> {
    let exists = admin
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
        .await
        .map_err(StoreError::of("find_database"))?;
    if exists.is_some() {
        return Ok(());
    }
    match admin.batch_execute(&format!("CREATE DATABASE {}", escape_identifier(name))).await {
        // Another process was faster; the name alone is enough to collide, or its row in the catalog.
        Err(error) if matches!(error.code(), Some(&SqlState::DUPLICATE_DATABASE | &SqlState::UNIQUE_VIOLATION)) => {
            Ok(())
        }
        result => result.map_err(StoreError::of("create_database")),
    }
}

/// Drops a database with everything in it: for measurements and tests, on databases that they have made.
#[cfg(feature = "testing")]
pub async fn drop_database(admin: &Client, name: &str) -> Result<(), StoreError> {
    admin
        .batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", escape_identifier(name)))
        .await
        .map_err(StoreError::of("drop_database"))
}

/// The database that a connection is in.
pub async fn current_database(client: &Client) -> Result<String, StoreError> {
    let row = client.query_one("SELECT current_database()", &[]).await.map_err(StoreError::of("current_database"))?;
    Ok(row.get(0))
}

/// True when the database was marked demo at its creation. Needs the schema.
pub async fn is_demo(client: &Client) -> Result<bool, StoreError> {
    let row =
        client.query_one("SELECT is_demo FROM gateway.deployment", &[]).await.map_err(StoreError::of("is_demo"))?;
    Ok(row.get(0))
}

/// True when something was sealed here: then only the key ring it was sealed with may be used.
pub async fn was_written_with_keys(client: &Client) -> Result<bool, StoreError> {
    let row = client
        .query_one("SELECT EXISTS (SELECT FROM gateway.key_check)", &[])
        .await
        .map_err(StoreError::of("was_written_with_keys"))?;
    Ok(row.get(0))
}

/// How many of this version's migrations are not applied yet.
pub async fn pending_migrations(owner: &mut Client) -> Result<usize, StoreError> {
    owner.batch_execute("SET search_path = gateway").await.map_err(StoreError::of("pending_migrations"))?;
    let mut runner = gateway_migrations::migrations::runner();
    runner.set_migration_table_name("gateway_schema_history");
    let applied = runner.get_applied_migrations_async(owner).await.map_or(0, |list| list.len());
    Ok(runner.get_migrations().len().saturating_sub(applied))
}

/// True when the connected role is a superuser or bypasses row level security: the gateway refuses to work with it.
pub async fn refuse_power(client: &Client) -> Result<bool, StoreError> {
    let row = client
        .query_one("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user", &[])
        .await
        .map_err(StoreError::of("read_own_role"))?;
    Ok(row.get(0))
}
