//! Jobs as operators and the sweep see them: listed and counted, never changed.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::subject::subject_of;
use crate::{
    domain::{JobId, RequestId, TenantId, job::JobSubject},
    store::{Client, StoreError, TenantTx, statements, tx},
};

statements! {
    SELECT_JOBS = "SELECT tenant_id, job_id, kind, belongs_to, run_id, request_id, rule_word, state, run_at, not_before, attempt,
               failures, parked_code, failure_reason, created_at, finished_at,
               lease_until IS NOT NULL AND lease_until > now() AS is_leased
        FROM gateway.job
        WHERE ($1::uuid IS NULL OR job_id = $1)
            AND ($2::uuid IS NULL OR tenant_id = $2)
            AND ($3::text IS NULL OR state = $3)
            AND ($4::uuid IS NULL OR request_id = $4)
        ORDER BY created_at DESC, job_id DESC
        LIMIT $5";
    COUNT_PARKED = "SELECT count(*) FROM gateway.job WHERE state = 'parked'";
    OVERDUE = "SELECT count(*), min(coalesce(r.extended_until, r.due_at))
        FROM gateway.privacy_request r
        WHERE r.tenant_id = $1 AND r.ended_at IS NULL AND coalesce(r.extended_until, r.due_at) < $2";
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
    /// What it works for.
    pub subject: JobSubject,
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
    /// Why it is parked, as a word.
    pub parked_code: Option<String>,
    /// Why the last attempt failed.
    pub failure_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// True while a worker runs it.
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

/// Jobs that match, newest first, at most `limit`. Role `gw_queue`.
pub async fn select(client: &Client, filter: &JobFilter, limit: i64) -> Result<Vec<JobRow>, StoreError> {
    let rows = tx::query(
        client,
        "select_jobs",
        SELECT_JOBS,
        &[
            &filter.job_id.map(|id| id.uuid()),
            &filter.tenant_id.map(|id| id.uuid()),
            &filter.state,
            &filter.request_id.map(|id| id.uuid()),
            &limit,
        ],
    )
    .await?;
    rows.iter().map(job_row).collect()
}

fn job_row(row: &Row) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        tenant_id: TenantId::from_uuid(row.get("tenant_id")),
        job_id: JobId::from_uuid(row.get("job_id")),
        kind: row.get("kind"),
        subject: subject_of(row)?,
        state: row.get("state"),
        run_at: row.get("run_at"),
        not_before: row.get("not_before"),
        attempt: row.get("attempt"),
        failures: row.get("failures"),
        parked_code: row.get("parked_code"),
        failure_reason: row.get("failure_reason"),
        created_at: row.get("created_at"),
        finished_at: row.get("finished_at"),
        is_leased: row.get("is_leased"),
    })
}

/// How many jobs are parked. Role `gw_queue`.
pub async fn count_parked(client: &Client) -> Result<i64, StoreError> {
    let rows = tx::query(client, "count_parked_jobs", COUNT_PARKED, &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// How many of the tenant's requests have not ended although they were due, and when the first of them was due.
pub async fn overdue(tx: &TenantTx<'_>, now: Timestamp) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row = tx.query_opt("overdue_requests", OVERDUE, &[&tx.tenant().uuid(), &now]).await?;
    Ok(row.map_or((0, None), |row| (row.get(0), row.get(1))))
}

/// How many jobs are due. Role `gw_queue`.
pub async fn count_due(client: &Client, now: Timestamp) -> Result<i64, StoreError> {
    let rows = tx::query(client, "count_due", COUNT_DUE, &[&now]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}
