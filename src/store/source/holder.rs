//! Installations within a source, and whose each of them is.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{SourceId, SourceKind, TenantId},
    store::{Client, StoreError, TenantTx, statements, tx},
};

statements! {
    BIND_HOLDER = "INSERT INTO gateway.source_holder (source_id, holder, tenant_id, bound_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (source_id, holder) DO NOTHING";
    HOLDER_TENANT = "SELECT tenant_id FROM gateway.source_holder WHERE source_id = $1 AND holder = $2";
    HOLDERS = "SELECT holder, tenant_id, bound_at
        FROM gateway.source_holder
        WHERE source_id = $1
        ORDER BY bound_at, holder
        LIMIT 10000";
    HOLDERS_OF_TENANT = "SELECT source_id, holder
        FROM gateway.source_holder
        WHERE tenant_id = $1
        ORDER BY source_id, holder
        LIMIT $2";
    // Where deliveries name their tenant ($5: these kinds), its key is the holder; elsewhere a binding says whose a holder is.
    FORGET_INSTALLATIONS = "DELETE FROM gateway.source_credential AS c
        USING gateway.source AS s
        WHERE s.tenant_id = $1 AND c.source_id = s.source_id
            AND ((s.kind = ANY ($5::text[]) AND c.holder = $2)
                OR (c.source_id, c.holder) IN (SELECT * FROM unnest($3::uuid[], $4::text[])))";
    UNBIND = "DELETE FROM gateway.source_holder
        WHERE tenant_id = $1 AND (source_id, holder) IN (SELECT * FROM unnest($2::uuid[], $3::text[]))";
}

/// A source, and an installation's own word for itself there.
pub type Holder = (SourceId, String);

/// An installation and the tenant it belongs to.
#[derive(Debug, Clone)]
pub struct HolderRow {
    /// The installation, as the source names it.
    pub holder: String,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Since when.
    pub bound_at: Timestamp,
}

/// Says that an installation is the transaction's tenant. False when it was bound before, to whomever.
pub async fn bind_holder(tx: &TenantTx<'_>, source: SourceId, holder: &str, at: Timestamp) -> Result<bool, StoreError> {
    let bound = tx.execute("bind_holder", BIND_HOLDER, &[&source.uuid(), &holder, &tx.tenant().uuid(), &at]).await?;
    Ok(bound == 1)
}

/// The tenant that an installation is bound to. Role `gw_queue`.
pub async fn holder_tenant(client: &Client, source: SourceId, holder: &str) -> Result<Option<TenantId>, StoreError> {
    let rows = tx::query(client, "holder_tenant", HOLDER_TENANT, &[&source.uuid(), &holder]).await?;
    Ok(rows.first().map(|row| TenantId::from_uuid(row.get(0))))
}

/// The installations of a source. Role `gw_queue`.
pub async fn holders(client: &Client, source: SourceId) -> Result<Vec<HolderRow>, StoreError> {
    let rows = tx::query(client, "holders", HOLDERS, &[&source.uuid()]).await?;
    Ok(rows
        .iter()
        .map(|row| HolderRow { holder: row.get(0), tenant_id: TenantId::from_uuid(row.get(1)), bound_at: row.get(2) })
        .collect())
}

/// At most `limit` installations that are bound to the transaction's tenant.
pub async fn holders_of_tenant(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<Holder>, StoreError> {
    let rows = tx.query("holders_of_tenant", HOLDERS_OF_TENANT, &[&tx.tenant().uuid(), &limit]).await?;
    Ok(rows.iter().map(|row| (SourceId::from_uuid(row.get(0)), row.get(1))).collect())
}

/// Forgets what the installations of a tenant have brought to sources of the transaction's tenant, which is the platform:
/// those that are named by the tenant's key, at sources of the kinds whose deliveries name it (`named_by_key`), and those in
/// `bound`. Returns how many credentials went. Safe to repeat.
pub async fn forget_installations(
    tx: &TenantTx<'_>,
    tenant_key: &str,
    named_by_key: &[SourceKind],
    bound: &[Holder],
) -> Result<u64, StoreError> {
    let (sources, holders) = columns(bound);
    let tenant = tx.tenant().uuid();
    let kinds: Vec<&str> = named_by_key.iter().map(|kind| kind.as_str()).collect();
    tx.execute("forget_installations", FORGET_INSTALLATIONS, &[&tenant, &tenant_key, &sources, &holders, &kinds]).await
}

/// Forgets that these installations are the transaction's tenant. Safe to repeat.
pub async fn unbind(tx: &TenantTx<'_>, bound: &[Holder]) -> Result<u64, StoreError> {
    let (sources, holders) = columns(bound);
    tx.execute("unbind_holders", UNBIND, &[&tx.tenant().uuid(), &sources, &holders]).await
}

fn columns(bound: &[Holder]) -> (Vec<Uuid>, Vec<&str>) {
    bound.iter().map(|(source, holder)| (source.uuid(), holder.as_str())).unzip()
}
