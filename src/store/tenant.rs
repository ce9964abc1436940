//! Tenants: who they are, not what they own.

use jiff::Timestamp;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::TenantId;

statements! {
    INSERT = "INSERT INTO gateway.tenant (tenant_id, stable_key, created_at)
        VALUES ($1, $2, $3)";
    LIST = "SELECT tenant_id, stable_key
        FROM gateway.tenant
        WHERE tenant_id <> '00000000-0000-0000-0000-000000000000'
        ORDER BY tenant_id
        LIMIT $1";
    FIND_BY_KEY = "SELECT tenant_id FROM gateway.tenant WHERE stable_key = $1";
    FOR_INTAKE = "SELECT gateway.tenant_for_intake($1, $2, $3)";
    STABLE_KEY = "SELECT stable_key FROM gateway.tenant WHERE tenant_id = $1";
}

/// The most tenants one listing returns.
pub const TENANTS_LISTED_MAX: i64 = 100_000;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Our id.
    pub tenant_id: TenantId,
    /// The key the target knows it by (Milestone: the cloudId).
    pub stable_key: String,
}

/// Records a tenant; the transaction's tenant is its id.
pub async fn insert(tx: &TenantTx<'_>, stable_key: &str, created_at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("insert_tenant", INSERT, &[&tx.tenant().uuid(), &stable_key, &created_at]).await
}

/// The tenant that a verified credential names, made with `new` as its id when it is the first time. Role `gw_intake`.
/// Repeating is safe.
pub async fn for_intake(
    client: &Client,
    stable_key: &str,
    new: TenantId,
    at: Timestamp,
) -> Result<TenantId, StoreError> {
    let rows = tx::query(client, "tenant_for_intake", FOR_INTAKE, &[&stable_key, &new.uuid(), &at]).await?;
    let row = rows.first().ok_or(StoreError::RowCount { statement: "tenant_for_intake", expected: 1, actual: 0 })?;
    Ok(TenantId::from_uuid(row.get(0)))
}

/// Every tenant. The platform is none. Role `gw_queue`.
pub async fn list(client: &Client) -> Result<Vec<Tenant>, StoreError> {
    let rows = tx::query(client, "list_tenants", LIST, &[&TENANTS_LISTED_MAX]).await?;
    Ok(rows.iter().map(|row| Tenant { tenant_id: TenantId::from_uuid(row.get(0)), stable_key: row.get(1) }).collect())
}

/// The tenant with this key, if there is one. Role `gw_queue`.
pub async fn find_by_key(client: &Client, stable_key: &str) -> Result<Option<TenantId>, StoreError> {
    let rows = tx::query(client, "find_tenant", FIND_BY_KEY, &[&stable_key]).await?;
    Ok(rows.first().map(|row| TenantId::from_uuid(row.get(0))))
}

/// The key the target knows the transaction's tenant by.
pub async fn stable_key(tx: &TenantTx<'_>) -> Result<String, StoreError> {
    let row = tx.query_opt("stable_key", STABLE_KEY, &[&tx.tenant().uuid()]).await?;
    row.map(|row| row.get(0)).ok_or(StoreError::RowCount { statement: "stable_key", expected: 1, actual: 0 })
}
