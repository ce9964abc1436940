//! Jobs: claimed under a lease by database time, every change carrying the attempt number. `overview` lists and counts
//! them, `missing` gives a request the job that it lacks.

pub(super) mod missing;
pub(super) mod overview;

use jiff::Timestamp;

pub use missing::{missing, restore};
pub use overview::{JobFilter, JobRow, count_due, count_stuck, overdue, select};

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{JobId, RequestId, TenantId, job::JobKind};

statements! {
    INSERT = "INSERT INTO gateway.job (tenant_id, job_id, kind, request_id, state, run_at, not_before, created_at)
        VALUES ($1, $2, $3, $4, 'pending', $5, $5, $6)
        ON CONFLICT (tenant_id, request_id, kind) WHERE state IN ('pending', 'held') DO NOTHING";
    RESCHEDULE = "UPDATE gateway.job
        SET run_at = $4, not_before = $4
        WHERE tenant_id = $1 AND request_id = $2 AND kind = $3 AND state = 'pending' AND run_at <> $4";
    CANCEL = "UPDATE gateway.job
        SET state = 'cancelled', finished_at = $3, lease_until = NULL
        WHERE tenant_id = $1 AND request_id = $2 AND state IN ('pending', 'held') AND kind <> 'access_on'";
    CANCEL_OF_OTHERS = "UPDATE gateway.job
        SET state = 'cancelled', finished_at = $3, lease_until = NULL
        WHERE tenant_id = $1 AND request_id <> $2 AND state IN ('pending', 'held')
            AND request_id IN (
                SELECT r.request_id
                FROM gateway.privacy_request r
                WHERE r.tenant_id = $1 AND r.state NOT IN ('verified', 'key_destroyed')
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
            -- A lease that is still there has run out: whoever held it died.
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
        RETURNING j.tenant_id, j.job_id, j.kind, j.request_id, j.attempt, j.failures, j.lost_attempts";
    HEARTBEAT = "UPDATE gateway.job
        SET lease_until = now() + make_interval(secs => $4)
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    HOLDS_LEASE = "SELECT 1
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
    HOLD = "UPDATE gateway.job
        SET state = 'held', lease_until = NULL, failures = failures + 1, failure_reason = $4
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    END = "UPDATE gateway.job
        SET state = $5, lease_until = NULL, finished_at = $6, failure_reason = $4
        WHERE tenant_id = $1 AND job_id = $2 AND attempt = $3 AND state = 'pending'";
    REVIVE = "UPDATE gateway.job
        SET state = 'pending', not_before = greatest($3, run_at), failures = 0, lost_attempts = 0, finished_at = NULL,
            lease_until = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND state IN ('held', 'dead')";
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
    /// The request it works for.
    pub request_id: RequestId,
    /// The fencing token.
    pub attempt: i32,
    /// Failed attempts since it was last revived.
    pub failures: i32,
    /// Attempts since then that ended without a word.
    pub lost_attempts: i32,
}

/// How an attempt that did not complete leaves its job.
#[derive(Debug, Clone, Copy)]
pub enum Unfinished<'a> {
    /// Again at this time.
    RetryAt(Timestamp, &'a str),
    /// It ended without a word; again at this time.
    LostRetryAt(Timestamp, &'a str),
    /// A person has to look.
    Held(&'a str),
    /// There is nothing to do any more.
    Cancelled(Timestamp, &'a str),
}

/// Queues a job unless one of its kind is already waiting for the request. True when it was added.
pub async fn insert(
    tx: &TenantTx<'_>,
    job: JobId,
    kind: JobKind,
    request: RequestId,
    run_at: Timestamp,
    created_at: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx
        .execute(
            "insert_job",
            INSERT,
            &[&tx.tenant().uuid(), &job.uuid(), &kind.as_str(), &request.uuid(), &run_at, &created_at],
        )
        .await?;
    Ok(added == 1)
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

/// Cancels what waits for a request; returns how many jobs.
pub async fn cancel(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("cancel_jobs", CANCEL, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Cancels what waits for any other request of the tenant that is not verified yet; returns how many jobs.
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
    rows.iter()
        .map(|row| {
            Ok(ClaimedJob {
                tenant_id: TenantId::from_uuid(row.get(0)),
                job_id: JobId::from_uuid(row.get(1)),
                kind: row.get::<_, &str>(2).parse().map_err(|_| StoreError::UnknownValue { column: "job.kind" })?,
                request_id: RequestId::from_uuid(row.get(3)),
                attempt: row.get(4),
                failures: row.get(5),
                lost_attempts: row.get(6),
            })
        })
        .collect()
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

/// True when this attempt still holds its job, which stays locked until the transaction ends.
pub async fn holds_lease(tx: &TenantTx<'_>, job: &ClaimedJob) -> Result<bool, StoreError> {
    let row =
        tx.query_opt("holds_lease", HOLDS_LEASE, &[&tx.tenant().uuid(), &job.job_id.uuid(), &job.attempt]).await?;
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
        Unfinished::Held(reason) => tx::execute(client, "hold_job", HOLD, &[&tenant, &id, &attempt, &reason]).await?,
        Unfinished::Cancelled(at, reason) => {
            tx::execute(client, "end_job", END, &[&tenant, &id, &attempt, &reason, &"cancelled", &at]).await?
        }
    };
    Ok(changed == 1)
}

/// Lets a held or dead job run again. False when it is neither.
pub async fn revive(tx: &TenantTx<'_>, job: JobId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = tx.execute("revive_job", REVIVE, &[&tx.tenant().uuid(), &job.uuid(), &now]).await?;
    Ok(changed == 1)
}
