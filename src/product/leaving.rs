//! That a whole tenant is leaving, as the product database remembers it: by which instants everybody's access was revoked.
//!
//! Writers about single people read it under the lock that the tenant's fence is written under, which they share; it is
//! changed under the same lock alone. So a change of a person's access cannot overlook it.

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    error::{DatabaseError, ProductError},
    fence::lock_tenant,
    scope::{ProductTx, TenantScope, begin, begin_read},
    statement::Statement,
};

/// Says that everybody's access is being revoked by this instant. Repeating is safe, and opens nothing again that is over: a
/// worker that was late would revoke the access of a tenant that is back.
pub async fn begin_leaving(client: &mut Client, scope: TenantScope<'_>, at: Timestamp) -> Result<(), ProductError> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let at = statement.bind(at, Type::TIMESTAMPTZ);
    statement.line("INSERT INTO milestone_gateway.leaving (tenant_key, restricted_at)");
    statement.line(format!("VALUES ({tenant}, {at})"));
    statement.line("ON CONFLICT (tenant_key, restricted_at) DO NOTHING");
    alone(client, scope, &statement).await
}

/// Says that the tenant is back: what was revoked by these instants is restored, for good. Repeating is safe.
pub async fn end_leaving(
    client: &mut Client,
    scope: TenantScope<'_>,
    restricted_at: &[Timestamp],
) -> Result<(), ProductError> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let ours = statement.bind(restricted_at.to_vec(), Type::TIMESTAMPTZ_ARRAY);
    statement.line("INSERT INTO milestone_gateway.leaving AS known (tenant_key, restricted_at, is_over)");
    statement.line(format!("SELECT {tenant}, o.restricted_at, TRUE"));
    statement.line(format!("FROM (SELECT DISTINCT unnest({ours})) AS o (restricted_at)"));
    statement.line("ON CONFLICT (tenant_key, restricted_at) DO UPDATE");
    statement.line("SET is_over = TRUE");
    statement.line("WHERE NOT known.is_over");
    alone(client, scope, &statement).await
}

async fn alone(client: &mut Client, scope: TenantScope<'_>, statement: &Statement<'_>) -> Result<(), ProductError> {
    let failed = |source: DatabaseError| ProductError::ChangeAccess { source };
    let tx = begin(client, scope).await?;
    lock_tenant(&tx).await.map_err(failed)?;
    tx.change(statement).await.map_err(failed)?;
    tx.commit().await
}

/// By which instant everybody's access is revoked now, as the product database remembers it. Reads only.
pub async fn leaving_since(client: &mut Client, scope: TenantScope<'_>) -> Result<Option<Timestamp>, ProductError> {
    let tx = begin_read(client, scope).await?;
    Ok(read_leaving(&tx).await?.now)
}

/// Instants by which everybody's access was ever revoked, and the one by which it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Leaving {
    pub(super) all: Vec<Timestamp>,
    pub(super) now: Option<Timestamp>,
}

/// Reads them. The tenant's lock must be held, shared.
pub(super) async fn read_leaving(tx: &ProductTx<'_, '_>) -> Result<Leaving, ProductError> {
    let failed = |source| ProductError::ChangeAccess { source };
    let mut statement = Statement::default();
    let tenant = statement.bind(tx.scope().tenant_key, Type::TEXT);
    statement.line("SELECT restricted_at, is_over");
    statement.line("FROM milestone_gateway.leaving");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line("ORDER BY restricted_at DESC");
    statement.line("LIMIT 1000");
    let mut leaving = Leaving::default();
    for row in tx.rows(&statement).await.map_err(failed)? {
        let read = || Ok::<(Timestamp, bool), tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
        let (at, is_over) = read().map_err(|error| failed(error.into()))?;
        leaving.all.push(at);
        leaving.now = leaving.now.or((!is_over).then_some(at));
    }
    Ok(leaving)
}
