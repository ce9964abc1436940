//! Jobs as operators and the sweep see them: listed and counted, never changed.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{JobId, RequestId, TenantId},
    store::{Client, StoreError, TenantTx, statements, tx},
};

statements! {
    SELECT_JOBS = "SELECT tenant_id, job_id, kind, request_id, state, run_at, not_before, attempt, failures, failure_reason,
               created_at, finished_at, lease_until IS NOT NULL AND lease_until > now()
        FROM gateway.job
        WHERE ($1::uuid IS NULL OR job_id = $1)
            AND ($2::uuid IS NULL OR tenant_id = $2)
            AND ($3::text IS NULL OR state = $3)
            AND ($4::uuid IS NULL OR request_id = $4)
            AND (created_at, job_id) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY created_at DESC, job_id DESC
        LIMIT $7";
    COUNT_STUCK = "SELECT count(*) FILTER (WHERE j.state = 'held'),
               count(*) FILTER (WHERE j.state = 'dead' AND NOT EXISTS (
                   SELECT 1
                   FROM gateway.job later
                   WHERE later.tenant_id = j.tenant_id AND later.request_id = j.request_id AND later.kind = j.kind
                       AND later.state <> 'dead' AND later.created_at >= j.created_at
               ))
        FROM gateway.job j
        WHERE j.state IN ('held', 'dead')";
    OVERDUE = "SELECT count(*), min(o.purge_due_at)
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND r.state <> 'cancelled' AND r.state <> 'completed' AND o.purge_due_at < $2";
    COUNT_DUE = "SELECT count(*) FROM gateway.job WHERE state = 'pending' AND not_before <= $1";
}

/// A job as operators see it.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id.
    pub job_id: JobId,
    /// What it does.
    pub kind: String,
    /// The request it works for.
    pub request_id: RequestId,
    /// Its state.
    pub state: String,
    /// When it is due, by the calendar.
    pub run_at: Timestamp,
    /// When it may be taken next.
    pub not_before: Timestamp,
    /// How often it was taken.
    pub attempt: i32,
    /// Failed attempts since it was last revived.
    pub failures: i32,
    /// Why the last attempt failed.
    pub failure_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// True while a worker holds it.
    pub is_leased: bool,
}

/// Which jobs: every filter that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// One job.
    pub job_id: Option<JobId>,
    /// Jobs of one tenant.
    pub tenant_id: Option<TenantId>,
    /// Jobs in one state.
    pub state: Option<String>,
    /// Jobs of one request.
    pub request_id: Option<RequestId>,
}

/// Jobs that match, newest first, at most `limit`, after a place in the list. Role `gw_queue`.
pub async fn select(
    client: &Client,
    filter: &JobFilter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<JobRow>, StoreError> {
    let (after_time, after_id) = after.unzip();
    let rows = tx::query(
        client,
        "select_jobs",
        SELECT_JOBS,
        &[
            &filter.job_id.map(|id| id.uuid()),
            &filter.tenant_id.map(|id| id.uuid()),
            &filter.state,
            &filter.request_id.map(|id| id.uuid()),
            &after_time,
            &after_id,
            &limit,
        ],
    )
    .await?;
    Ok(rows
        .iter()
        .map(|row| JobRow {
            tenant_id: TenantId::from_uuid(row.get(0)),
            job_id: JobId::from_uuid(row.get(1)),
            kind: row.get(2),
            request_id: RequestId::from_uuid(row.get(3)),
            state: row.get(4),
            run_at: row.get(5),
            not_before: row.get(6),
            attempt: row.get(7),
            failures: row.get(8),
            failure_reason: row.get(9),
            created_at: row.get(10),
            finished_at: row.get(11),
            is_leased: row.get(12),
        })
        .collect())
}

/// How many jobs are held, and how many are dead without a successor. Role `gw_queue`.
pub async fn count_stuck(client: &Client) -> Result<(i64, i64), StoreError> {
    let rows = tx::query(client, "count_stuck_jobs", COUNT_STUCK, &[]).await?;
    Ok(rows.first().map_or((0, 0), |row| (row.get(0), row.get(1))))
}

/// How many of the tenant's requests are not completed although their purge was due, and when the first of them was due.
pub async fn overdue(tx: &TenantTx<'_>, now: Timestamp) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row = tx.query_opt("overdue_requests", OVERDUE, &[&tx.tenant().uuid(), &now]).await?;
    Ok(row.map_or((0, None), |row| (row.get(0), row.get(1))))
}

/// How many jobs are due. Role `gw_queue`.
pub async fn count_due(client: &Client, now: Timestamp) -> Result<i64, StoreError> {
    let rows = tx::query(client, "count_due", COUNT_DUE, &[&now]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}
