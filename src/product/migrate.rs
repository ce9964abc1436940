//! Migrations of a product: what it must carry (marker, fence), and the tables of the reference product.
//!
//! Both are run by `gw_owner`, one process at a time. The schema `milestone_gateway` belongs to the gateway; the product's
//! own schema is never touched on an operator's database.

use tokio_postgres::Client;

use super::error::ProductError;
use crate::database;

mod product_migrations {
    refinery::embed_migrations!("migrations/product");
}

mod reference_migrations {
    refinery::embed_migrations!("migrations/milestone");
}

/// The advisory lock that two migrating processes contend for.
const MIGRATION_LOCK: i64 = 7_310_579_002;

/// What is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Marker and fence only: a tenant's database.
    Marks,
    /// The reference product's tables too: demos, tests, and a private PostgreSQL, which nobody else puts tables into.
    ProductAndReference,
}

/// Brings a product database up to this version. Repeating is safe. Returns how many migrations were applied.
pub async fn migrate(owner: &mut Client, what: Migrate) -> Result<usize, ProductError> {
    let failed = |error: tokio_postgres::Error| ProductError::Migrate { source: error.into() };
    owner.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await.map_err(failed)?;
    let result = migrate_locked(owner, what).await;
    owner.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})")).await.map_err(failed)?;
    result
}

async fn migrate_locked(owner: &mut Client, what: Migrate) -> Result<usize, ProductError> {
    owner
        .batch_execute("CREATE SCHEMA IF NOT EXISTS milestone_gateway; SET search_path = milestone_gateway")
        .await
        .map_err(|error| ProductError::Migrate { source: error.into() })?;
    let mut runner = product_migrations::migrations::runner().set_abort_divergent(true);
    runner.set_migration_table_name("product_schema_history");
    let report = runner.run_async(owner).await.map_err(|error| reduce(&error))?;
    let mut applied = report.applied_migrations().len();
    if what == Migrate::ProductAndReference {
        let mut runner = reference_migrations::migrations::runner().set_abort_divergent(true);
        runner.set_migration_table_name("reference_schema_history");
        applied += runner.run_async(owner).await.map_err(|error| reduce(&error))?.applied_migrations().len();
    }
    Ok(applied)
}

/// Lets the gateway's roles work on a product's schema: one writes a tenant's rows, the independent reader reads them. Row
/// level security still decides which. Needs the schema's owner; safe to repeat.
pub async fn grant_product_schema(admin: &Client, schema: &str) -> Result<(), ProductError> {
    let schema = postgres_protocol::escape::escape_identifier(schema);
    let sql = format!(
        "GRANT USAGE ON SCHEMA {schema} TO gw_tenant, gw_verify;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO gw_tenant;
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO gw_verify"
    );
    admin.batch_execute(&sql).await.map_err(|error| ProductError::Migrate { source: error.into() })
}

fn reduce(error: &refinery::Error) -> ProductError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(database) = inner.downcast_ref::<tokio_postgres::Error>() {
            return ProductError::Migrate { source: database::reduce(database) };
        }
        cause = inner.source();
    }
    ProductError::DivergentMigrations
}
