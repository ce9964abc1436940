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
        LEFT JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        LEFT JOIN gateway.run u ON u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.kind = 'erasure'
        CROSS JOIN LATERAL (
            VALUES ('revoke_access', o.revoke_access_due_at, r.state = 'scheduled' AND o.access_revoked_at IS NULL),
                   ('flag_for_deletion', o.flag_due_at, r.state = 'scheduled' AND o.flagged_at IS NULL),
                   ('erasure', coalesce(o.erasure_start_at, r.opened_at), u.verification_failed_at IS NULL)
        ) AS wanted (kind, run_at, is_next)
        WHERE r.tenant_id = $1
            AND r.right_word = 'erasure'
            AND r.state IN ('scheduled', 'running')
            AND wanted.is_next
            AND wanted.run_at IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.job j
                WHERE j.tenant_id = r.tenant_id AND j.request_id = r.request_id AND j.kind = wanted.kind
                    AND j.state IN ('pending', 'parked')
            )
        ORDER BY r.opened_at
        LIMIT $2
        FOR UPDATE OF r SKIP LOCKED";
    // Attempts go on where those of its predecessors ended: a product database refuses smaller fencing tokens.
    RESTORE = "INSERT INTO gateway.job
            (tenant_id, job_id, kind, belongs_to, request_id, state, run_at, not_before, attempt, created_at)
        SELECT $1, $2, $3, 'request', $4, 'pending', $5, $5, coalesce(max(attempt), 0), $6
        FROM gateway.job
        WHERE tenant_id = $1 AND request_id = $4 AND kind = $3
        ON CONFLICT (tenant_id, request_id, kind, run_id, rule_word) WHERE state IN ('pending', 'parked') DO NOTHING";
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
