//! Audit entries: inserted in the business transaction, chained later by one sealer.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::AuditId;

statements! {
    INSERT = "INSERT INTO gateway.audit_entry (tenant_id, at, audit_id, actor, action, entry, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    LAST_LINK = "SELECT place, chain_hash, audit_at
        FROM gateway.audit_link
        WHERE tenant_id = $1
        ORDER BY place DESC
        LIMIT 1";
    UNLINKED = "SELECT e.audit_id, e.at, e.entry
        FROM gateway.audit_entry e
        WHERE e.tenant_id = $1
            AND e.at >= coalesce($3::timestamptz, '-infinity')
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.audit_link l
                WHERE l.tenant_id = e.tenant_id AND l.audit_id = e.audit_id
            )
        ORDER BY e.at, e.audit_id
        LIMIT $2";
    INSERT_LINK = "INSERT INTO gateway.audit_link (tenant_id, place, audit_id, audit_at, chain_hash)
        VALUES ($1, $2, $3, $4, $5)";
    CHAIN = "SELECT l.place, l.chain_hash, e.entry
        FROM gateway.audit_link l
        JOIN gateway.audit_entry e ON e.tenant_id = l.tenant_id AND e.at = l.audit_at AND e.audit_id = l.audit_id
        WHERE l.tenant_id = $1 AND l.place > $2
        ORDER BY l.place
        LIMIT $3";
    // The last link whose entry has gone with its partition.
    LAST_GONE = "SELECT l.place, l.chain_hash
        FROM gateway.audit_link l
        WHERE l.tenant_id = $1
            AND l.audit_at < $2
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.audit_entry e
                WHERE e.tenant_id = l.tenant_id AND e.at = l.audit_at AND e.audit_id = l.audit_id
            )
        ORDER BY l.place DESC
        LIMIT 1";
    LIST = "SELECT audit_id, at, actor, action, entry
        FROM gateway.audit_entry
        WHERE tenant_id = $1
            AND at <= coalesce($2::timestamptz, 'infinity')
            AND (at, audit_id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY at DESC, audit_id DESC
        LIMIT $4";
}

/// An audit entry: ids, counts and closed words.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Its id.
    pub audit_id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who: a closed word such as `worker`, or an operator's name.
    pub actor: String,
    /// What: a closed word such as `offboarding.started`.
    pub action: String,
    /// The canonical entry, JSON.
    pub entry: String,
}

/// Records an entry.
pub async fn insert(tx: &TenantTx<'_>, entry: &AuditRow, hash: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_audit_entry",
        INSERT,
        &[
            &tx.tenant().uuid(),
            &entry.at,
            &entry.audit_id.uuid(),
            &entry.actor,
            &entry.action,
            &entry.entry,
            &hash.as_slice(),
        ],
    )
    .await
}

/// A link of the chain.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its place, from 1.
    pub place: i64,
    /// The hash over everything up to here.
    pub chain_hash: Vec<u8>,
    /// When its entry was made.
    pub audit_at: Timestamp,
}

/// The end of the chain.
pub async fn last_link(tx: &TenantTx<'_>) -> Result<Option<Link>, StoreError> {
    let row = tx.query_opt("last_link", LAST_LINK, &[&tx.tenant().uuid()]).await?;
    Ok(row.map(|row| Link { place: row.get(0), chain_hash: row.get(1), audit_at: row.get(2) }))
}

/// Place and hash of the last link whose entry, made before `before`, is not there any more.
pub async fn last_gone(tx: &TenantTx<'_>, before: Timestamp) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let row = tx.query_opt("last_gone_link", LAST_GONE, &[&tx.tenant().uuid(), &before]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Entries made at or after `since` that have no place in the chain yet, oldest first.
pub async fn unlinked(
    tx: &TenantTx<'_>,
    since: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<(AuditId, Timestamp, String)>, StoreError> {
    let rows = tx.query("unlinked_entries", UNLINKED, &[&tx.tenant().uuid(), &limit, &since]).await?;
    Ok(rows.iter().map(|row| (AuditId::from_uuid(row.get(0)), row.get(1), row.get(2))).collect())
}

/// Gives an entry its place.
pub async fn insert_link(
    tx: &TenantTx<'_>,
    place: i64,
    entry: (AuditId, Timestamp),
    chain_hash: &[u8],
) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_audit_link",
        INSERT_LINK,
        &[&tx.tenant().uuid(), &place, &entry.0.uuid(), &entry.1, &chain_hash],
    )
    .await
}

/// Entries of the transaction's tenant, newest first, at most `limit`, after a place in the list.
pub async fn list(
    tx: &TenantTx<'_>,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let (after_time, after_id) = after.unzip();
    let rows = tx.query("list_audit", LIST, &[&tx.tenant().uuid(), &after_time, &after_id, &limit]).await?;
    Ok(rows
        .iter()
        .map(|row| AuditRow {
            audit_id: AuditId::from_uuid(row.get(0)),
            at: row.get(1),
            actor: row.get(2),
            action: row.get(3),
            entry: row.get(4),
        })
        .collect())
}

/// Links of the chain after `after`, in order: place, chain hash and the entry's canonical JSON.
pub async fn chain(tx: &TenantTx<'_>, after: i64, limit: i64) -> Result<Vec<(i64, Vec<u8>, String)>, StoreError> {
    let rows = tx.query("audit_chain", CHAIN, &[&tx.tenant().uuid(), &after, &limit]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}
