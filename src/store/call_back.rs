//! The outbox: calls that must be made to senders' systems, and every attempt at them.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{
    RequestId, SourceId,
    call_back::{CallBackKind, CallBackState},
};

statements! {
    INSERT = "INSERT INTO gateway.call_back (tenant_id, call_back_id, request_id, kind, source_id, state, created_at)
        VALUES ($1, $2, $3, $4, $5, 'pending', $6)
        ON CONFLICT (tenant_id, request_id, kind) DO NOTHING";
    OF_REQUEST = "SELECT call_back_id, kind, source_id, state
        FROM gateway.call_back
        WHERE tenant_id = $1 AND request_id = $2
        ORDER BY created_at, kind";
    BEGIN_ATTEMPT = "WITH begun AS (
            UPDATE gateway.call_back
            SET attempts = attempts + 1
            WHERE tenant_id = $1 AND call_back_id = $2 AND state = 'pending'
            RETURNING tenant_id, call_back_id, attempts
        )
        INSERT INTO gateway.call_back_attempt (tenant_id, call_back_id, attempt, began_at)
        SELECT tenant_id, call_back_id, attempts, $3
        FROM begun
        RETURNING attempt";
    END_ATTEMPT = "UPDATE gateway.call_back_attempt
        SET ended_at = $4,
            outcome = $5
        WHERE tenant_id = $1 AND call_back_id = $2 AND attempt = $3 AND outcome IS NULL";
    FINISH = "UPDATE gateway.call_back
        SET state = $3,
            finished_at = $4
        WHERE tenant_id = $1 AND call_back_id = $2 AND state = 'pending'";
    // Nobody is back whose request the purge of the whole tenant has overtaken: the call stands.
    WITHDRAW = "UPDATE gateway.call_back AS c
        SET state = 'withdrawn',
            finished_at = $3
        FROM gateway.privacy_request AS r
        WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.state = 'pending'
            AND r.tenant_id = c.tenant_id AND r.request_id = c.request_id AND r.superseded_by IS NULL";
    GIVE_UP = "UPDATE gateway.call_back
        SET state = 'unreachable',
            finished_at = $3
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR request_id = $2) AND state = 'pending'";
    // What was tried least comes first, so that a call that fails for ever keeps no other from its turn.
    REQUESTS_WITH_PENDING = "SELECT request_id
        FROM gateway.call_back
        WHERE tenant_id = $1 AND state = 'pending'
        GROUP BY request_id
        ORDER BY min(attempts), min(created_at), request_id
        LIMIT $2";
}

/// A call of the outbox.
#[derive(Debug, Clone)]
pub struct CallBackRow {
    /// Its id.
    pub call_back_id: Uuid,
    /// What is told.
    pub kind: CallBackKind,
    /// The source whose credentials are used.
    pub source_id: SourceId,
    /// How far it is.
    pub state: CallBackState,
}

/// Puts a call into the outbox. Repeating is safe.
pub async fn insert(
    tx: &TenantTx<'_>,
    call_back: Uuid,
    request: RequestId,
    kind: CallBackKind,
    source: SourceId,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "insert_call_back",
        INSERT,
        &[&tx.tenant().uuid(), &call_back, &request.uuid(), &kind.as_str(), &source.uuid(), &at],
    )
    .await
    .map(|_| ())
}

/// The calls of a request, in the order in which they were decided.
pub async fn of_request(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<CallBackRow>, StoreError> {
    let rows = tx.query("call_backs_of_request", OF_REQUEST, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter()
        .map(|row| {
            Ok(CallBackRow {
                call_back_id: row.get(0),
                kind: CallBackKind::parse(row.get(1)).ok_or(StoreError::UnknownValue { column: "call_back.kind" })?,
                source_id: SourceId::from_uuid(row.get(2)),
                state: CallBackState::parse(row.get(3))
                    .ok_or(StoreError::UnknownValue { column: "call_back.state" })?,
            })
        })
        .collect()
}

/// Records that an attempt begins; its number, or `None` when the call has ended meanwhile.
pub async fn begin_attempt(tx: &TenantTx<'_>, call_back: Uuid, at: Timestamp) -> Result<Option<i32>, StoreError> {
    let row = tx.query_opt("begin_call_back_attempt", BEGIN_ATTEMPT, &[&tx.tenant().uuid(), &call_back, &at]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Records how an attempt ended.
pub async fn end_attempt(
    tx: &TenantTx<'_>,
    call_back: Uuid,
    attempt: i32,
    at: Timestamp,
    outcome: &str,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    tx.execute("end_call_back_attempt", END_ATTEMPT, &[&tenant, &call_back, &attempt, &at, &outcome]).await.map(|_| ())
}

/// Ends a call. Repeating is safe.
pub async fn finish(tx: &TenantTx<'_>, call_back: Uuid, state: CallBackState, at: Timestamp) -> Result<(), StoreError> {
    tx.execute("finish_call_back", FINISH, &[&tx.tenant().uuid(), &call_back, &state.as_str(), &at]).await.map(|_| ())
}

/// At most `limit` requests of the tenant with calls that are still to be made, those first that were tried least.
pub async fn requests_with_pending(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<RequestId>, StoreError> {
    let rows = tx.query("requests_with_pending_calls", REQUESTS_WITH_PENDING, &[&tx.tenant().uuid(), &limit]).await?;
    Ok(rows.iter().map(|row| RequestId::from_uuid(row.get(0))).collect())
}

/// Ends the pending calls of a request that was cancelled by a return. Those of a request that the tenant's own has
/// superseded stay pending.
pub async fn withdraw(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("withdraw_call_backs", WITHDRAW, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Ends the pending calls of a request, or without one of the whole tenant, that nobody can make any more. Returns how many.
pub async fn give_up(tx: &TenantTx<'_>, request: Option<RequestId>, at: Timestamp) -> Result<u64, StoreError> {
    let request = request.map(|request| request.uuid());
    tx.execute("give_up_call_backs", GIVE_UP, &[&tx.tenant().uuid(), &request, &at]).await
}
