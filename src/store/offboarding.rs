//! Offboarding timelines, of people and of whole tenants: due times, and what was done of them.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{StoreError, TenantTx, statements};
use crate::domain::{OffboardingId, RequestId, request::Timeline};

statements! {
    INSERT = "INSERT INTO gateway.offboarding
            (tenant_id, offboarding_id, request_id, anchor_at, latest_departure_at, revoke_access_due_at, flag_due_at,
             erasure_start_at, erasure_due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    MOVE = "UPDATE gateway.offboarding
        SET anchor_at = $3, latest_departure_at = $4, revoke_access_due_at = $5, flag_due_at = $6, erasure_start_at = $7,
            erasure_due_at = $8
        WHERE tenant_id = $1 AND request_id = $2";
    MOVE_DUE = "UPDATE gateway.privacy_request SET due_at = $3 WHERE tenant_id = $1 AND request_id = $2";
    WRITTEN_BY_TENANT = "SELECT r.opened_at, o.flagged_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND r.scope = 'tenant'
        ORDER BY r.opened_at
        LIMIT 1000";
    SET_ACCESS_REVOKED = "UPDATE gateway.offboarding
        SET access_revoked_at = coalesce(access_revoked_at, $3)
        WHERE tenant_id = $1 AND request_id = $2";
    SET_FLAGGED = "UPDATE gateway.offboarding
        SET flagged_at = coalesce(flagged_at, $3)
        WHERE tenant_id = $1 AND request_id = $2";
    BEGIN_FLAG = "UPDATE gateway.offboarding
        SET flagged_at = coalesce(flagged_at, $3)
        WHERE tenant_id = $1 AND request_id = $2
        RETURNING flagged_at";
}

/// The timeline of a request that a departure has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offboarding {
    /// The due times.
    pub timeline: Timeline,
    /// The latest departure in source time; the fence will cover up to here.
    pub latest_departure_at: Timestamp,
    /// When access was revoked in the product database.
    pub access_revoked_at: Option<Timestamp>,
    /// When the data was flagged for deletion in the product database.
    pub flagged_at: Option<Timestamp>,
}

/// The timeline in a row that was joined with `gateway.offboarding`, if there is one.
pub(super) fn joined(row: &Row) -> Option<Offboarding> {
    let timeline = Timeline {
        anchor_at: row.get::<_, Option<Timestamp>>("anchor_at")?,
        revoke_access_due_at: row.get("revoke_access_due_at"),
        flag_due_at: row.get("flag_due_at"),
        erasure_start_at: row.get("erasure_start_at"),
        erasure_due_at: row.get("erasure_due_at"),
    };
    Some(Offboarding {
        timeline,
        latest_departure_at: row.get("latest_departure_at"),
        access_revoked_at: row.get("access_revoked_at"),
        flagged_at: row.get("flagged_at"),
    })
}

/// Gives a request its timeline.
pub async fn insert(
    tx: &TenantTx<'_>,
    offboarding: OffboardingId,
    request: RequestId,
    timeline: &Timeline,
    latest_departure_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_offboarding",
        INSERT,
        &[
            &tx.tenant().uuid(),
            &offboarding.uuid(),
            &request.uuid(),
            &timeline.anchor_at,
            &latest_departure_at,
            &timeline.revoke_access_due_at,
            &timeline.flag_due_at,
            &timeline.erasure_start_at,
            &timeline.erasure_due_at,
        ],
    )
    .await
}

/// Gives a timeline other due times (an earlier departure became known, or a later one replaces it).
pub async fn move_timeline(
    tx: &TenantTx<'_>,
    request: RequestId,
    timeline: &Timeline,
    latest_departure_at: Timestamp,
) -> Result<(), StoreError> {
    let (tenant, id) = (tx.tenant().uuid(), request.uuid());
    tx.execute_one(
        "move_offboarding",
        MOVE,
        &[
            &tenant,
            &id,
            &timeline.anchor_at,
            &latest_departure_at,
            &timeline.revoke_access_due_at,
            &timeline.flag_due_at,
            &timeline.erasure_start_at,
            &timeline.erasure_due_at,
        ],
    )
    .await?;
    tx.execute_one("move_due", MOVE_DUE, &[&tenant, &id, &timeline.erasure_due_at]).await
}

/// What the tenant's own requests have written into the product: when each was opened, and when each has flagged.
pub async fn written_by_tenant(tx: &TenantTx<'_>) -> Result<(Vec<Timestamp>, Vec<Timestamp>), StoreError> {
    let rows = tx.query("written_by_tenant", WRITTEN_BY_TENANT, &[&tx.tenant().uuid()]).await?;
    let flagged = rows.iter().filter_map(|row| row.get("flagged_at")).collect();
    Ok((rows.iter().map(|row| row.get("opened_at")).collect(), flagged))
}

/// Records when access was revoked; the first time counts.
pub async fn set_access_revoked(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("set_access_revoked", SET_ACCESS_REVOKED, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Records when the data was flagged for deletion; the first time counts.
pub async fn set_flagged(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("set_flagged", SET_FLAGGED, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// As [`set_flagged`], before it is done; returns the instant that is to be written, the same in every attempt.
pub async fn begin_flag(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<Timestamp, StoreError> {
    let row = tx.query_opt("begin_flag", BEGIN_FLAG, &[&tx.tenant().uuid(), &request.uuid(), &at]).await?;
    row.map(|row| row.get("flagged_at")).ok_or(StoreError::RowCount { statement: "begin_flag", expected: 1, actual: 0 })
}
