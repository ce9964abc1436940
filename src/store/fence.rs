//! Fences: the tombstones of erased subjects and of purged tenants.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{FenceId, FenceKind, IdentityKind, RequestId, SubjectId};

statements! {
    INSERT = "INSERT INTO gateway.fence
            (tenant_id, fence_id, subject_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
             covers_until, committed_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (tenant_id, identity_kind, digest_key_id, digest, generation) DO NOTHING";
    STANDING = "SELECT fence_id, subject_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND identity_kind = $2 AND issuer = $3 AND digest = ANY($4)
        ORDER BY generation DESC
        LIMIT 1";
    OF_TENANT = "SELECT fence_id, subject_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND identity_kind = 'tenant'
        ORDER BY generation DESC
        LIMIT 1";
    FORGET_OF_PEOPLE = "DELETE FROM gateway.fence WHERE tenant_id = $1 AND identity_kind <> 'tenant'";
    OF_REQUEST = "SELECT fence_id, subject_id, request_id, identity_kind, issuer, digest_key_id, digest, generation,
               covers_until, committed_at, expires_at, returned_at
        FROM gateway.fence
        WHERE tenant_id = $1 AND request_id = $2
        ORDER BY fence_id
        LIMIT 100";
    // The fence of an erasure that is not complete stands, whatever its date says.
    FORGET_EXPIRED = "DELETE FROM gateway.fence AS f
        USING gateway.privacy_request AS r
        WHERE f.tenant_id = $1 AND f.expires_at <= $2
            AND r.tenant_id = f.tenant_id AND r.request_id = f.request_id AND r.state = 'completed'";
    FINISH = "UPDATE gateway.fence SET expires_at = $3 WHERE tenant_id = $1 AND request_id = $2";
    // Every digest version of the erased identity, and the earliest return, as the mirror in each target keeps it.
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
    /// The request that raised it.
    pub request_id: RequestId,
    /// What it keeps away.
    pub kind: FenceKind,
    /// Who gives that identity out.
    pub issuer: String,
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
            &fence.request_id.uuid(),
            &fence.kind.as_str(),
            &fence.issuer,
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
    issuer: &str,
    digests: &[&[u8]],
) -> Result<Option<Fence>, StoreError> {
    let row =
        tx.query_opt("standing_fence", STANDING, &[&tx.tenant().uuid(), &kind.as_str(), &issuer, &digests]).await?;
    row.as_ref().map(fence).transpose()
}

/// The tenant's own youngest fence.
pub async fn of_tenant(tx: &TenantTx<'_>) -> Result<Option<Fence>, StoreError> {
    let row = tx.query_opt("fence_of_tenant", OF_TENANT, &[&tx.tenant().uuid()]).await?;
    row.as_ref().map(fence).transpose()
}

/// Takes away every fence of a person: the tenant's own covers them all. Returns how many.
pub async fn forget_of_people(tx: &TenantTx<'_>) -> Result<u64, StoreError> {
    tx.execute("forget_fences_of_people", FORGET_OF_PEOPLE, &[&tx.tenant().uuid()]).await
}

/// The fences that a request has raised.
pub async fn of_request(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<Fence>, StoreError> {
    let rows = tx.query("fences_of_request", OF_REQUEST, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter().map(fence).collect()
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

/// Takes away fences whose time is over; returns how many.
pub async fn forget_expired(tx: &TenantTx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute("forget_expired_fences", FORGET_EXPIRED, &[&tx.tenant().uuid(), &now]).await
}

fn fence(row: &tokio_postgres::Row) -> Result<Fence, StoreError> {
    Ok(Fence {
        fence_id: FenceId::from_uuid(row.get(0)),
        subject_id: row.get::<_, Option<Uuid>>(1).map(SubjectId::from_uuid),
        request_id: RequestId::from_uuid(row.get(2)),
        kind: row.get::<_, &str>(3).parse().map_err(|_| StoreError::UnknownValue { column: "fence.identity_kind" })?,
        issuer: row.get(4),
        digest_key_id: row.get(5),
        digest: row.get(6),
        generation: row.get(7),
        covers_until: row.get(8),
        committed_at: row.get(9),
        expires_at: row.get(10),
        returned_at: row.get(11),
    })
}
