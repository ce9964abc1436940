//! Jobs that unfinished requests lack, because the ones before them ended too early.

use jiff::Timestamp;

use crate::{
    domain::{JobId, RequestId, job::JobKind},
    store::{StoreError, TenantTx, statements},
};

statements! {
    // One statement, one snapshot: a job and what it has done are committed together. The lock keeps the request where it
    // is; one that is locked is being worked for.
    MISSING = "SELECT r.request_id, wanted.kind, wanted.run_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        CROSS JOIN LATERAL (
            VALUES ('access_off', o.access_off_due_at, r.state = 'open' AND o.access_off_at IS NULL),
                   ('mark', o.mark_due_at, r.state = 'open' AND o.marked_at IS NULL),
                   ('deletion', o.purge_start_at, true)
        ) AS wanted (kind, run_at, is_next)
        WHERE r.tenant_id = $1
            AND r.state IN ('open', 'fenced', 'executed', 'verified', 'key_destroyed')
            AND wanted.is_next
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.job j
                WHERE j.tenant_id = r.tenant_id AND j.request_id = r.request_id AND j.kind = wanted.kind
                    AND j.state IN ('pending', 'held')
            )
        ORDER BY r.opened_at
        LIMIT $2
        FOR UPDATE OF r SKIP LOCKED";
    // Attempts go on where those of its predecessors ended: a product database refuses smaller fencing tokens.
    RESTORE = "INSERT INTO gateway.job
            (tenant_id, job_id, kind, request_id, state, run_at, not_before, attempt, created_at)
        SELECT $1, $2, $3, $4, 'pending', $5, $5, coalesce(max(attempt), 0), $6
        FROM gateway.job
        WHERE tenant_id = $1 AND request_id = $4 AND kind = $3
        ON CONFLICT (tenant_id, request_id, kind) WHERE state IN ('pending', 'held') DO NOTHING";
}

/// A request that is not finished and has no living job of the kind that must come next.
#[derive(Debug, Clone)]
pub struct MissingJob {
    /// The request.
    pub request_id: RequestId,
    /// What is missing.
    pub kind: JobKind,
    /// When it is due, by the request's timeline.
    pub run_at: Timestamp,
}

/// Jobs that the tenant's unfinished requests lack, at most `limit`. Their requests stay locked until the transaction ends.
pub async fn missing(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<MissingJob>, StoreError> {
    let rows = tx.query("missing_jobs", MISSING, &[&tx.tenant().uuid(), &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(MissingJob {
                request_id: RequestId::from_uuid(row.get(0)),
                kind: row.get::<_, &str>(1).parse().map_err(|_| StoreError::UnknownValue { column: "job.kind" })?,
                run_at: row.get(2),
            })
        })
        .collect()
}

/// Queues a job in place of one that ended before its time. False when there is a living one after all.
pub async fn restore(
    tx: &TenantTx<'_>,
    job: JobId,
    missing: &MissingJob,
    created_at: Timestamp,
) -> Result<bool, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
        &tx.tenant().uuid(),
        &job.uuid(),
        &missing.kind.as_str(),
        &missing.request_id.uuid(),
        &missing.run_at,
        &created_at,
    ];
    Ok(tx.execute("restore_job", RESTORE, params).await? == 1)
}
