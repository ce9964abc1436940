//! Tenants: who they are, what is known of their installation, and what they alone have registered.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{
    EventId, EvidenceId, TenantId,
    evidence::{Evidence, EvidenceKind},
};

statements! {
    INSERT = "INSERT INTO gateway.tenant (tenant_id, stable_key, created_at)
        VALUES ($1, $2, $3)";
    LIST = "SELECT tenant_id, stable_key, erased_at
        FROM gateway.tenant
        WHERE tenant_id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
        ORDER BY tenant_id
        LIMIT $2";
    FIND = "SELECT tenant_id, stable_key, erased_at
        FROM gateway.tenant
        WHERE tenant_id = $1 AND tenant_id <> '00000000-0000-0000-0000-000000000000'";
    FIND_BY_KEY = "SELECT tenant_id FROM gateway.tenant WHERE stable_key = $1";
    FOR_INTAKE = "SELECT gateway.tenant_for_intake($1, $2, $3)";
    STABLE_KEY = "SELECT stable_key FROM gateway.tenant WHERE tenant_id = $1";
    ERASED_AT = "SELECT erased_at FROM gateway.tenant WHERE tenant_id = $1";
    SET_ERASED = "UPDATE gateway.tenant SET erased_at = $2 WHERE tenant_id = $1";
    INSERT_EVIDENCE = "INSERT INTO gateway.tenant_evidence
            (tenant_id, evidence_id, kind, installation, source_at, arrived_at, event_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id, kind, source_at, installation) WHERE kind <> 'heartbeat' DO NOTHING";
    // Only the latest is kept, in whichever order they come.
    KEEP_HEARTBEAT = "INSERT INTO gateway.tenant_evidence AS known
            (tenant_id, evidence_id, kind, installation, source_at, arrived_at, event_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id) WHERE kind = 'heartbeat' DO UPDATE
        SET installation = EXCLUDED.installation, source_at = EXCLUDED.source_at, arrived_at = EXCLUDED.arrived_at,
            event_id = EXCLUDED.event_id
        WHERE known.source_at < EXCLUDED.source_at";
    EVIDENCE = "SELECT evidence_id, kind, installation, source_at, arrived_at, event_id
        FROM gateway.tenant_evidence
        WHERE tenant_id = $1
            AND (source_at, evidence_id)
                < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
        ORDER BY source_at DESC, evidence_id DESC
        LIMIT $4";
    LAST_HEARD = "SELECT max(source_at) FILTER (WHERE kind = 'heartbeat'),
               max(source_at) FILTER (WHERE kind IN ('installed', 'upgraded', 'enabled', 'heartbeat', 'probe_alive')),
               max(source_at) FILTER (WHERE kind = 'silence')
        FROM gateway.tenant_evidence
        WHERE tenant_id = $1";
    FORGET_CREDENTIALS = "DELETE FROM gateway.source_credential AS c
        USING gateway.source AS s
        WHERE s.tenant_id = $1 AND c.source_id = s.source_id";
    DISABLE_SOURCES = "UPDATE gateway.source SET disabled_at = $2 WHERE tenant_id = $1 AND disabled_at IS NULL";
}

/// The most pieces of evidence that one decision looks at.
pub const EVIDENCE_READ_MAX: i64 = 10_000;
/// The most tenants one listing returns.
pub const TENANTS_LISTED_MAX: i64 = 100_000;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Our id.
    pub tenant_id: TenantId,
    /// The key the product database knows it by (Milestone: the cloudId).
    pub stable_key: String,
    /// When everything of it was deleted and certified, unless it has come back.
    pub erased_at: Option<Timestamp>,
}

/// A piece of evidence as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its id.
    pub evidence_id: EvidenceId,
    /// What it says.
    pub evidence: Evidence,
    /// The event that told it, if one did.
    pub event_id: Option<EventId>,
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
    page(client, None, TENANTS_LISTED_MAX).await
}

/// Tenants in order of their ids, which is the order in which they came, at most `limit`, after one. Role `gw_queue`.
pub async fn page(client: &Client, after: Option<TenantId>, limit: i64) -> Result<Vec<Tenant>, StoreError> {
    let rows = tx::query(client, "list_tenants", LIST, &[&after.map(|id| id.uuid()), &limit]).await?;
    Ok(rows.iter().map(tenant_row).collect())
}

/// The tenant with this id, if there is one. Role `gw_queue`.
pub async fn find(client: &Client, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
    let rows = tx::query(client, "find_tenant_by_id", FIND, &[&tenant.uuid()]).await?;
    Ok(rows.first().map(tenant_row))
}

fn tenant_row(row: &tokio_postgres::Row) -> Tenant {
    Tenant { tenant_id: TenantId::from_uuid(row.get(0)), stable_key: row.get(1), erased_at: row.get(2) }
}

/// The tenant with this key, if there is one. Role `gw_queue`.
pub async fn find_by_key(client: &Client, stable_key: &str) -> Result<Option<TenantId>, StoreError> {
    let rows = tx::query(client, "find_tenant", FIND_BY_KEY, &[&stable_key]).await?;
    Ok(rows.first().map(|row| TenantId::from_uuid(row.get(0))))
}

/// The key the product database knows the transaction's tenant by.
pub async fn stable_key(tx: &TenantTx<'_>) -> Result<String, StoreError> {
    let row = tx.query_opt("stable_key", STABLE_KEY, &[&tx.tenant().uuid()]).await?;
    row.map(|row| row.get(0)).ok_or(StoreError::RowCount { statement: "stable_key", expected: 1, actual: 0 })
}

/// When everything of the transaction's tenant was deleted and certified, unless it has come back.
pub async fn erased_at(tx: &TenantTx<'_>) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("erased_at", ERASED_AT, &[&tx.tenant().uuid()]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Says that everything of the tenant was deleted, or that it is back.
pub async fn set_erased(tx: &TenantTx<'_>, at: Option<Timestamp>) -> Result<(), StoreError> {
    tx.execute_one("set_erased", SET_ERASED, &[&tx.tenant().uuid(), &at]).await
}

/// Records a piece of evidence. Of signs of life only the latest is kept. True when it was new; safe to repeat.
pub async fn insert_evidence(tx: &TenantTx<'_>, row: &EvidenceRow) -> Result<bool, StoreError> {
    let sql = match row.evidence.kind {
        EvidenceKind::Heartbeat => KEEP_HEARTBEAT,
        EvidenceKind::Installed
        | EvidenceKind::Upgraded
        | EvidenceKind::Enabled
        | EvidenceKind::Uninstalling
        | EvidenceKind::Uninstalled
        | EvidenceKind::Disabled
        | EvidenceKind::ProbeRefused
        | EvidenceKind::ProbeGone
        | EvidenceKind::ProbeAlive
        | EvidenceKind::Silence => INSERT_EVIDENCE,
    };
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
        &tx.tenant().uuid(),
        &row.evidence_id.uuid(),
        &row.evidence.kind.as_str(),
        &row.evidence.installation,
        &row.evidence.source_at,
        &row.evidence.arrived_at,
        &row.event_id.map(|id| id.uuid()),
    ];
    Ok(tx.execute("insert_evidence", sql, params).await? == 1)
}

/// The tenant's timeline of evidence, latest first, at most `limit`, after a place in it.
pub async fn evidence(
    tx: &TenantTx<'_>,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<EvidenceRow>, StoreError> {
    let (after_time, after_id) = after.unzip();
    let rows = tx.query("evidence", EVIDENCE, &[&tx.tenant().uuid(), &after_time, &after_id, &limit]).await?;
    rows.iter()
        .map(|row| {
            let unknown = StoreError::UnknownValue { column: "tenant_evidence.kind" };
            Ok(EvidenceRow {
                evidence_id: EvidenceId::from_uuid(row.get(0)),
                evidence: Evidence {
                    kind: EvidenceKind::parse(row.get(1)).ok_or(unknown)?,
                    installation: row.get(2),
                    source_at: row.get(3),
                    arrived_at: row.get(4),
                },
                event_id: row.get::<_, Option<Uuid>>(5).map(EventId::from_uuid),
            })
        })
        .collect()
}

/// When the tenant was last heard of, for one that has ever sent a scheduled sign of life, and when its last silence was
/// recorded.
pub async fn last_heard(tx: &TenantTx<'_>) -> Result<Option<(Timestamp, Option<Timestamp>)>, StoreError> {
    let row = tx.query_opt("last_heard", LAST_HEARD, &[&tx.tenant().uuid()]).await?;
    Ok(row.and_then(|row| {
        let heartbeat: Option<Timestamp> = row.get(0);
        let heard: Option<Timestamp> = row.get(1);
        heartbeat.and(heard).map(|heard| (heard, row.get(2)))
    }))
}

/// Disables the tenant's own sources and deletes their credentials; returns how many sources were in use. Safe to repeat.
pub async fn end_sources(tx: &TenantTx<'_>, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("forget_credentials", FORGET_CREDENTIALS, &[&tx.tenant().uuid()]).await?;
    tx.execute("disable_sources", DISABLE_SOURCES, &[&tx.tenant().uuid(), &at]).await
}
