//! The lease of a job: nothing is committed by a worker that has lost it.

use jiff::Timestamp;

use crate::{
    app::{ground::error::JobFailure, requests::job::RequestJob},
    domain::{
        reason::{JobReason, WorkReason},
        run::Stage,
    },
    store::{self, TenantTx, job::ClaimedJob},
};

/// Makes sure, until the transaction ends, that this worker still has the job and that its request stands at `stage`.
pub(in crate::app) async fn ensure_lease(
    tx: &TenantTx<'_>,
    job: &RequestJob<'_>,
    stage: Stage,
) -> Result<(), JobFailure> {
    if !store::job::has_lease(tx, job).await? {
        return Err(JobFailure::discard(WorkReason::LeaseLost));
    }
    if store::request::lock_stage(tx, job.request_id).await? != Some(stage) {
        return Err(JobFailure::discard(JobReason::RequestMovedOn));
    }
    Ok(())
}

/// Completes a job in the transaction of its result; a worker whose lease has expired commits nothing.
pub(in crate::app) async fn complete(tx: &TenantTx<'_>, job: &ClaimedJob, at: Timestamp) -> Result<(), JobFailure> {
    if store::job::complete(tx, job, at).await? { Ok(()) } else { Err(JobFailure::discard(WorkReason::LeaseLost)) }
}
