//! The lease of a job: nothing is committed by a worker that has lost it.

use jiff::Timestamp;

use crate::{
    app::ground::error::{Error, JobFailure},
    domain::request::RequestState,
    store::{self, TenantTx, job::ClaimedJob},
};

/// A transaction of the job's tenant in which this worker still holds the job and the request is in `state`.
pub(in crate::app) async fn hold(tx: &TenantTx<'_>, job: &ClaimedJob, state: RequestState) -> Result<(), JobFailure> {
    if !store::job::holds_lease(tx, job).await.map_err(Error::from)? {
        return Err(JobFailure::discard("another worker holds the job"));
    }
    if store::request::lock_state(tx, job.request_id).await.map_err(Error::from)? != Some(state) {
        return Err(JobFailure::discard("the request has moved on"));
    }
    Ok(())
}

/// Completes a job in the transaction of its result; a worker whose lease ran out commits nothing.
pub(in crate::app) async fn complete(tx: &TenantTx<'_>, job: &ClaimedJob, at: Timestamp) -> Result<(), JobFailure> {
    if store::job::complete(tx, job, at).await.map_err(Error::from)? {
        Ok(())
    } else {
        Err(JobFailure::discard("another worker holds the job"))
    }
}
