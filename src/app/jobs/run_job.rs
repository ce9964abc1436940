//! Claiming jobs, running one attempt, and recording what became of it.

use jiff::SignedDuration;

use crate::{
    app::{
        accounts::of_person,
        erasure::{Erasure, engine},
        ground::error::{AttemptEnd, Error, JobFailure, shorten},
        offboarding::revoke_access,
    },
    domain::{
        job::{ATTEMPTS_HARD_MAX, JobKind, Lane, ParkCode, retry_delay_ms},
        reason::WorkReason,
    },
    store::{
        self,
        job::{ClaimedJob, Unfinished},
    },
};

/// Takes up to `limit` due jobs of a lane.
pub async fn claim_in_lane(gateway: &Erasure, lane: Lane, limit: i64) -> Result<Vec<ClaimedJob>, Error> {
    claim(gateway, &lane.kinds(), limit).await
}

/// Takes up to `limit` due jobs of the given kinds.
pub async fn claim(gateway: &Erasure, kinds: &[JobKind], limit: i64) -> Result<Vec<ClaimedJob>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::claim(&queue, kinds, limit, gateway.now(), gateway.leases().job_seconds).await?)
}

/// Extends the lease of a job. False when another worker has taken it: the attempt must stop.
pub async fn heartbeat(gateway: &Erasure, job: &ClaimedJob) -> Result<bool, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::heartbeat(&queue, job, gateway.leases().job_seconds).await?)
}

/// Runs one attempt. The job completes itself in the transaction of its result. A job of which too many attempts have crashed
/// is parked instead: it may be what kills its workers.
pub async fn run(gateway: &Erasure, job: &ClaimedJob) -> Result<(), JobFailure> {
    if job.lost_attempts >= ATTEMPTS_HARD_MAX {
        return Err(JobFailure::park(ParkCode::TakenTooOften, WorkReason::TakenTooOften));
    }
    match job.kind {
        JobKind::RevokeAccess => revoke_access::revoke(gateway, job).await,
        JobKind::RestoreAccess => revoke_access::restore(gateway, job).await,
        JobKind::FlagForDeletion => revoke_access::flag(gateway, job).await,
        JobKind::Erasure => Box::pin(engine::run(gateway, job)).await,
        JobKind::ProviderCalls => of_person::run(gateway, job).await,
    }
}

/// Records that an attempt did not complete. False when another worker has taken the job meanwhile.
pub async fn leave_unfinished(gateway: &Erasure, job: &ClaimedJob, failure: &JobFailure) -> Result<bool, Error> {
    let reason = shorten(&failure.reason, 300);
    let now = gateway.now();
    let how = match failure.end {
        // However often: a job works towards a deadline, and what can be mended by waiting must not end it.
        AttemptEnd::Retry => Unfinished::RetryAt(now + delay(gateway, job), &reason),
        AttemptEnd::Park(code) => Unfinished::Parked(code, &reason),
        AttemptEnd::Discard => Unfinished::Cancelled(now, &reason),
    };
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::leave_unfinished(&queue, job, how).await?)
}

/// Records that an attempt crashed, by a panic. False when another worker has taken the job meanwhile.
pub async fn leave_lost(gateway: &Erasure, job: &ClaimedJob) -> Result<bool, Error> {
    let how = Unfinished::LostRetryAt(gateway.now() + delay(gateway, job), WorkReason::AttemptPanicked.code());
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::leave_unfinished(&queue, job, how).await?)
}

fn delay(gateway: &Erasure, job: &ClaimedJob) -> SignedDuration {
    let delay_ms = retry_delay_ms(u32::try_from(job.failures).unwrap_or(0), gateway.randomness());
    SignedDuration::from_millis(i64::try_from(delay_ms).unwrap_or(i64::MAX))
}
