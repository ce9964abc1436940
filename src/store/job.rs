//! Jobs: claimed under a lease by database time, every change carrying the attempt number. `overview` lists and counts
//! them, `missing` gives a request the job that it lacks.

pub(super) mod missing;
pub(super) mod overview;
mod subject;

use jiff::Timestamp;
use tokio_postgres::{Row, types::ToSql};

pub use missing::{missing, restore};
pub use overview::{JobFilter, JobRow, count_due, count_parked, overdue, select};

use subject::subject_of;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{
    JobId, RequestId, TenantId,
    job::{JobKind, JobSubject, ParkCode},
};

statements! {
    INSERT = "INSERT INTO gateway.job
            (tenant_id, job_id, kind, belongs_to, run_id, request_id, rule_word, state, run_at, not_before, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $8, $9)
        ON CONFLICT (tenant_id, request_id, kind, run_id, rule_word) WHERE state IN ('pending', 'parked') DO NOTHING";
    RESCHEDULE = "UPDATE gateway.job
        SET run_at = $4, not_before = $4
        WHERE tenant_id = $1 AND request_id = $2 AND kind = $3 AND state = 'pending' AND run_at <> $4";
    CANCEL = "UPDATE gateway.job
        SET state = 'cancelled', finished_at = $3, lease_until = NULL, parked_code = NULL
        WHERE tenant_id = $1 AND request_id = $2 AND state IN ('pending', 'parked') AND kind <> ALL ($4)";
    CANCEL_OF_OTHERS = "UPDATE gateway.job
        SET state = 'cancelled', finished_at = $3, lease_until = NULL, parked_code = NULL
        WHERE tenant_id = $1 AND request_id <> $2 AND state IN ('pending', 'parked')
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.run u
                WHERE u.tenant_id = $1 AND u.request_id = job.request_id AND u.verified_at IS NOT NULL
                    AND u.certified_at IS NULL
            )";
    // Takes a job away from whoever runs it, so that it runs again.
    RESTART = "UPDATE gateway.job
        SET attempt = attempt + 1, lease_until = NULL, not_before = $4
        WHERE tenant_id = $1 AND request_id = $2 AND kind = $3 AND state = 'pending'";
    LEASED_UNTIL = "SELECT extract(epoch FROM max(lease_until) - now())::float8
        FROM gateway.job
        WHERE tenant_id = $1 AND request_id = $2 AND state = 'pending' AND lease_until > now()";
    CLAIM = "UPDATE gateway.job AS j
        SET attempt = j.attempt + 1,
            -- A lease that is still there has expired: whoever had it crashed.
            lost_attempts = j.lost_attempts + CASE WHEN j.lease_until IS NULL THEN 0 ELSE 1 END,
            lease_until = now() + make_interval(secs => $3)
        FROM (
            SELECT tenant_id, job_id
            FROM gateway.job
            WHERE state = 'pending'
                AND not_before <= $2
                AND kind = ANY($4)
                AND (lease_until IS NULL OR lease_until < now())
            ORDER BY not_before
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS c
        WHERE j.tenant_id = c.tenant_id AND j.job_id = c.job_id
        RETURNING j.tenant_id, j.job_id, j.kind, j.belongs_to, j.run_id, j.request_id, j.rule_word, j.attempt, j.failures,
               j.lost_attempts";
    HEARTBEAT = "UPDATE gateway.job
        SET lease_until = now() + make_interval(secs => $4)
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    HAS_LEASE = "SELECT 1
        FROM gateway.job
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'
        FOR UPDATE";
    COMPLETE = "UPDATE gateway.job
        SET state = 'completed', finished_at = $4, lease_until = NULL, failure_reason = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    RETRY_LATER = "UPDATE gateway.job
        SET lease_until = NULL, not_before = greatest($4, run_at), failures = failures + 1, failure_reason = $5,
            lost_attempts = lost_attempts + $6
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    PARK = "UPDATE gateway.job
        SET state = 'parked', lease_until = NULL, failures = failures + 1, parked_code = $4, failure_reason = $5
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    DISCARD = "UPDATE gateway.job
        SET state = 'cancelled', lease_until = NULL, finished_at = $5, failure_reason = $4
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    REVIVE = "UPDATE gateway.job
        SET state = 'pending', not_before = greatest($3, run_at), failures = 0, lost_attempts = 0, parked_code = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND state = 'parked'";
}

/// A job taken by a worker. The attempt is its fencing token, here and in every product database.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id.
    pub job_id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What it works for.
    pub subject: JobSubject,
    /// The fencing token.
    pub attempt: i32,
    /// Failed attempts since it was last revived.
    pub failures: i32,
    /// Attempts since then that crashed.
    pub lost_attempts: i32,
}

/// How an attempt that did not complete leaves its job.
#[derive(Debug, Clone, Copy)]
pub enum Unfinished<'a> {
    /// Again at this time.
    RetryAt(Timestamp, &'a str),
    /// It crashed; again at this time.
    LostRetryAt(Timestamp, &'a str),
    /// A person has to look.
    Parked(ParkCode, &'a str),
    /// There is nothing to do any more.
    Cancelled(Timestamp, &'a str),
}

/// Queues a job unless one of its kind is already waiting for the same. True when it was added.
pub async fn insert(
    tx: &TenantTx<'_>,
    job: JobId,
    kind: JobKind,
    subject: impl Into<JobSubject>,
    run_at: Timestamp,
    created_at: Timestamp,
) -> Result<bool, StoreError> {
    let subject = subject.into();
    let (run, request) = (subject.run().map(|id| id.uuid()), subject.request().map(|id| id.uuid()));
    let params: &[&(dyn ToSql + Sync)] = &[
        &tx.tenant().uuid(),
        &job.uuid(),
        &kind.as_str(),
        &subject.word(),
        &run,
        &request,
        &subject.rule(),
        &run_at,
        &created_at,
    ];
    Ok(tx.execute("insert_job", INSERT, params).await? == 1)
}

/// Queues a job that must run after this moment, even if one of its kind is running now: that one has to run again.
pub async fn insert_or_restart(
    tx: &TenantTx<'_>,
    job: JobId,
    kind: JobKind,
    request: RequestId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !insert(tx, job, kind, request, now, now).await? {
        tx.execute("restart_job", RESTART, &[&tx.tenant().uuid(), &request.uuid(), &kind.as_str(), &now]).await?;
    }
    Ok(())
}

/// How many seconds the longest lease on a job of the request still runs; `None` when nobody runs one.
pub async fn leased_seconds(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<f64>, StoreError> {
    let row = tx.query_opt("leased_seconds", LEASED_UNTIL, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Moves a waiting job to another due time. True when one was moved.
pub async fn reschedule(
    tx: &TenantTx<'_>,
    request: RequestId,
    kind: JobKind,
    run_at: Timestamp,
) -> Result<bool, StoreError> {
    let moved = tx
        .execute("reschedule_job", RESCHEDULE, &[&tx.tenant().uuid(), &request.uuid(), &kind.as_str(), &run_at])
        .await?;
    Ok(moved > 0)
}

/// Cancels what waits for a request, unless its kind survives that; returns how many jobs.
pub async fn cancel(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    let surviving = JobKind::ALL.into_iter().filter(|kind| kind.survives_cancel());
    let surviving: Vec<&str> = surviving.map(JobKind::as_str).collect();
    tx.execute("cancel_jobs", CANCEL, &[&tx.tenant().uuid(), &request.uuid(), &at, &surviving]).await
}

/// Cancels what waits for any other request of the tenant whose erasure is not verified; returns how many jobs.
pub async fn cancel_of_others(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("cancel_jobs_of_others", CANCEL_OF_OTHERS, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Takes up to `limit` due jobs of the given kinds under a lease by database time. Role `gw_queue`.
pub async fn claim(
    client: &Client,
    kinds: &[JobKind],
    limit: i64,
    now: Timestamp,
    lease_seconds: f64,
) -> Result<Vec<ClaimedJob>, StoreError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let rows = tx::query(client, "claim_jobs", CLAIM, &[&limit, &now, &lease_seconds, &kinds]).await?;
    rows.iter().map(claimed).collect()
}

fn claimed(row: &Row) -> Result<ClaimedJob, StoreError> {
    let kind = row.get::<_, &str>("kind").parse().map_err(|_| StoreError::UnknownValue { column: "job.kind" })?;
    Ok(ClaimedJob {
        tenant_id: TenantId::from_uuid(row.get("tenant_id")),
        job_id: JobId::from_uuid(row.get("job_id")),
        kind,
        subject: subject_of(row)?,
        attempt: row.get("attempt"),
        failures: row.get("failures"),
        lost_attempts: row.get("lost_attempts"),
    })
}

/// Extends a lease. False when the job was taken by another worker: stop at once. Role `gw_queue`.
pub async fn heartbeat(client: &Client, job: &ClaimedJob, lease_seconds: f64) -> Result<bool, StoreError> {
    let changed = tx::execute(
        client,
        "heartbeat_job",
        HEARTBEAT,
        &[&job.tenant_id.uuid(), &job.job_id.uuid(), &job.attempt, &lease_seconds],
    )
    .await?;
    Ok(changed == 1)
}

/// True when this attempt still has its job, which stays locked until the transaction ends.
pub async fn has_lease(tx: &TenantTx<'_>, job: &ClaimedJob) -> Result<bool, StoreError> {
    let row = tx.query_opt("has_lease", HAS_LEASE, &[&tx.tenant().uuid(), &job.job_id.uuid(), &job.attempt]).await?;
    Ok(row.is_some())
}

/// Completes a job. False when another worker has taken it: then nothing may be committed.
pub async fn complete(tx: &TenantTx<'_>, job: &ClaimedJob, at: Timestamp) -> Result<bool, StoreError> {
    let changed =
        tx.execute("complete_job", COMPLETE, &[&tx.tenant().uuid(), &job.job_id.uuid(), &job.attempt, &at]).await?;
    Ok(changed == 1)
}

/// Records that an attempt did not complete. False when another worker has taken the job meanwhile. Role `gw_queue`.
pub async fn leave_unfinished(client: &Client, job: &ClaimedJob, how: Unfinished<'_>) -> Result<bool, StoreError> {
    let (tenant, id, attempt) = (job.tenant_id.uuid(), job.job_id.uuid(), job.attempt);
    let changed = match how {
        Unfinished::RetryAt(at, reason) => {
            tx::execute(client, "retry_job_later", RETRY_LATER, &[&tenant, &id, &attempt, &at, &reason, &0_i32]).await?
        }
        Unfinished::LostRetryAt(at, reason) => {
            tx::execute(client, "retry_job_later", RETRY_LATER, &[&tenant, &id, &attempt, &at, &reason, &1_i32]).await?
        }
        Unfinished::Parked(code, reason) => {
            tx::execute(client, "park_job", PARK, &[&tenant, &id, &attempt, &code.as_str(), &reason]).await?
        }
        Unfinished::Cancelled(at, reason) => {
            tx::execute(client, "discard_job", DISCARD, &[&tenant, &id, &attempt, &reason, &at]).await?
        }
    };
    Ok(changed == 1)
}

/// Lets a parked job run again. False when it is not parked.
pub async fn revive(tx: &TenantTx<'_>, job: JobId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = tx.execute("revive_job", REVIVE, &[&tx.tenant().uuid(), &job.uuid(), &now]).await?;
    Ok(changed == 1)
}
