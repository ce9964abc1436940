//! Installations that have fallen silent, and when each is looked at again.

use jiff::Timestamp;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::TenantId;

statements! {
    SILENT = "SELECT tenant_id, stable_key FROM gateway.silent_installations($1, $2, $3)";
    CLAIM_LOOK = "INSERT INTO gateway.installation_watch AS known (tenant_id, next_at)
        VALUES ($1, $3)
        ON CONFLICT (tenant_id) DO UPDATE
        SET next_at = EXCLUDED.next_at
        WHERE known.next_at <= $2";
}

/// An installation without a sign of life.
#[derive(Debug, Clone)]
pub struct SilentInstallation {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The key that the product and the site know it by.
    pub stable_key: String,
}

/// Installations without a sign of life since `silent_since` whose time to be looked at has come, longest silent first.
/// Role `gw_queue`.
pub async fn silent(
    client: &Client,
    silent_since: Timestamp,
    at: Timestamp,
    most: i64,
) -> Result<Vec<SilentInstallation>, StoreError> {
    let rows = tx::query(client, "silent_installations", SILENT, &[&silent_since, &at, &most]).await?;
    let silent = |row: &tokio_postgres::Row| SilentInstallation {
        tenant_id: TenantId::from_uuid(row.get(0)),
        stable_key: row.get(1),
    };
    Ok(rows.iter().map(silent).collect())
}

/// Claims the next look at the transaction's tenant by moving it to `next_at`. False when somebody else has it.
pub async fn claim_look(tx: &TenantTx<'_>, at: Timestamp, next_at: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute("claim_look", CLAIM_LOOK, &[&tx.tenant().uuid(), &at, &next_at]).await? == 1)
}
