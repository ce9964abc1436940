//! Fences: the tombstones of erased subjects and tenants.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{FenceId, FenceKind, IdentityKind, Issuer, RequestId, RunId, SubjectId};

statements! {
    INSERT = "INSERT INTO gateway.fence
            (tenant_id, fence_id, subject_id, run_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
             covers_until, committed_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (tenant_id, identity_kind, digest_key_id, digest, generation) DO NOTHING";
    STANDING = "SELECT fence_id, subject_id, run_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND identity_kind = $2 AND issuer = $3 AND digest = ANY($4)
        ORDER BY generation DESC
        LIMIT 1";
    OF_TENANT = "SELECT fence_id, subject_id, run_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND identity_kind = 'tenant'
        ORDER BY generation DESC
        LIMIT 1";
    OF_REQUEST = "SELECT fence_id, subject_id, run_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND request_id = $2
        ORDER BY fence_id
        LIMIT 100";
    // The requests that the tenant's own has overtaken behind their fence.
    OF_SUPERSEDED = "SELECT f.fence_id, f.subject_id, f.run_id, f.request_id, f.identity_kind, f.issuer,
               f.digest_key_id, f.digest, f.generation, f.covers_until, f.committed_at, f.expires_at, f.returned_at
        FROM gateway.fence f
        JOIN gateway.privacy_request r ON r.tenant_id = f.tenant_id AND r.request_id = f.request_id
        WHERE f.tenant_id = $1 AND r.superseded_by = $2
        ORDER BY f.fence_id
        LIMIT $3";
    FINISH_SUPERSEDED = "UPDATE gateway.fence AS f
        SET expires_at = $3
        FROM gateway.privacy_request AS r
        WHERE f.tenant_id = $1 AND r.tenant_id = f.tenant_id AND r.request_id = f.request_id AND r.superseded_by = $2";
    // The fence of an erasure that is not complete stands, whatever its date says; and the tenant's own until it is back.
    FORGET_EXPIRED = "DELETE FROM gateway.fence AS f
        USING gateway.privacy_request AS r
        WHERE f.tenant_id = $1 AND f.expires_at <= $2
            AND r.tenant_id = f.tenant_id AND r.request_id = f.request_id
            AND EXISTS (
                SELECT 1
                FROM gateway.privacy_request AS ended
                WHERE ended.tenant_id = r.tenant_id AND ended.request_id = coalesce(r.superseded_by, r.request_id)
                    AND ended.state = 'completed')
            AND (f.identity_kind <> 'tenant' OR NOT EXISTS (
                SELECT 1 FROM gateway.tenant AS t WHERE t.tenant_id = f.tenant_id AND t.erased_at IS NOT NULL))";
    FINISH = "UPDATE gateway.fence SET expires_at = $3 WHERE tenant_id = $1 AND request_id = $2";
    // Every digest version of the erased identity, and the earliest return, as the mirror in each product database keeps it.
    OPEN_GENERATION = "UPDATE gateway.fence
        SET returned_at = $3
        WHERE tenant_id = $1 AND request_id = $2 AND covers_until < $3 AND (returned_at IS NULL OR returned_at > $3)";
}

/// A fence.
#[derive(Debug, Clone)]
pub struct Fence {
    /// Its id.
    pub fence_id: FenceId,
    /// The erased subject; `None` for a tenant's fence.
    pub subject_id: Option<SubjectId>,
    /// The run that raised it.
    pub run_id: RunId,
    /// The request of that run.
    pub request_id: RequestId,
    /// What it keeps away.
    pub kind: FenceKind,
    /// Who gives that identity out; for a tenant's fence the universal one.
    pub issuer: Issuer,
    /// The digest key.
    pub digest_key_id: i32,
    /// The keyed digest of the identity or of the tenant's key.
    pub digest: Vec<u8>,
    /// The generation it ends.
    pub generation: i32,
    /// Source time up to which everything is refused.
    pub covers_until: Timestamp,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// When it may be taken away.
    pub expires_at: Timestamp,
    /// Source time of the explicit return that opened the next generation.
    pub returned_at: Option<Timestamp>,
}

/// Commits a fence. Safe to repeat.
pub async fn insert(tx: &TenantTx<'_>, fence: &Fence) -> Result<(), StoreError> {
    tx.execute(
        "insert_fence",
        INSERT,
        &[
            &tx.tenant().uuid(),
            &fence.fence_id.uuid(),
            &fence.subject_id.map(|id| id.uuid()),
            &fence.run_id.uuid(),
            &fence.request_id.uuid(),
            &fence.kind.as_str(),
            &fence.issuer.text(),
            &fence.digest_key_id,
            &fence.digest,
            &fence.generation,
            &fence.covers_until,
            &fence.committed_at,
            &fence.expires_at,
        ],
    )
    .await
    .map(|_| ())
}

/// The youngest fence of an identity, by any live version of its digest.
pub async fn standing(
    tx: &TenantTx<'_>,
    kind: IdentityKind,
    issuer: &Issuer,
    digests: &[&[u8]],
) -> Result<Option<Fence>, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tx.tenant().uuid(), &kind.as_str(), &issuer.text(), &digests];
    let row = tx.query_opt("standing_fence", STANDING, params).await?;
    row.as_ref().map(fence).transpose()
}

/// The tenant's own youngest fence.
pub async fn of_tenant(tx: &TenantTx<'_>) -> Result<Option<Fence>, StoreError> {
    let row = tx.query_opt("fence_of_tenant", OF_TENANT, &[&tx.tenant().uuid()]).await?;
    row.as_ref().map(fence).transpose()
}

/// The fences that a request has raised.
pub async fn of_request(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<Fence>, StoreError> {
    let rows = tx.query("fences_of_request", OF_REQUEST, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter().map(fence).collect()
}

/// At most `limit` fences of people whose requests the tenant's own has superseded.
pub async fn of_superseded(tx: &TenantTx<'_>, by: RequestId, limit: i64) -> Result<Vec<Fence>, StoreError> {
    let rows = tx.query("fences_of_superseded", OF_SUPERSEDED, &[&tx.tenant().uuid(), &by.uuid(), &limit]).await?;
    rows.iter().map(fence).collect()
}

/// Gives those fences their term.
pub async fn finish_superseded(tx: &TenantTx<'_>, by: RequestId, expires_at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    tx.execute("finish_superseded_fences", FINISH_SUPERSEDED, &[&tenant, &by.uuid(), &expires_at]).await.map(|_| ())
}

/// Lets the person back from `returned_at` on, in source time, through every fence that the request has raised. The
/// earliest return counts, in whichever order they become known. True when something changed.
pub async fn open_generation(
    tx: &TenantTx<'_>,
    request: RequestId,
    returned_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed =
        tx.execute("open_generation", OPEN_GENERATION, &[&tx.tenant().uuid(), &request.uuid(), &returned_at]).await?;
    Ok(changed > 0)
}

/// Gives the fences of a completed erasure their term.
pub async fn finish(tx: &TenantTx<'_>, request: RequestId, expires_at: Timestamp) -> Result<(), StoreError> {
    tx.execute("finish_fences", FINISH, &[&tx.tenant().uuid(), &request.uuid(), &expires_at]).await.map(|_| ())
}

/// Takes away fences whose time is over, the own one of an erased tenant excepted; returns how many.
pub async fn forget_expired(tx: &TenantTx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute("forget_expired_fences", FORGET_EXPIRED, &[&tx.tenant().uuid(), &now]).await
}

fn fence(row: &tokio_postgres::Row) -> Result<Fence, StoreError> {
    let kind = row.get::<_, &str>("identity_kind").parse();
    Ok(Fence {
        fence_id: FenceId::from_uuid(row.get("fence_id")),
        subject_id: row.get::<_, Option<Uuid>>("subject_id").map(SubjectId::from_uuid),
        run_id: RunId::from_uuid(row.get("run_id")),
        request_id: RequestId::from_uuid(row.get("request_id")),
        kind: kind.map_err(|_| StoreError::UnknownValue { column: "fence.identity_kind" })?,
        issuer: Issuer::parse(row.get("issuer")),
        digest_key_id: row.get("digest_key_id"),
        digest: row.get("digest"),
        generation: row.get("generation"),
        covers_until: row.get("covers_until"),
        committed_at: row.get("committed_at"),
        expires_at: row.get("expires_at"),
        returned_at: row.get("returned_at"),
    })
}
