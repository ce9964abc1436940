//! A job that works for a privacy request.

use std::ops::Deref;

use crate::{
    app::ground::error::JobFailure,
    domain::{RequestId, job::ParkCode, reason::JobReason},
    store::job::ClaimedJob,
};

/// A claimed job with the request it works for.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct RequestJob<'a> {
    claimed: &'a ClaimedJob,
    pub(in crate::app) request_id: RequestId,
}

impl<'a> RequestJob<'a> {
    /// Fails for a job that works for something else.
    pub(in crate::app) fn of(claimed: &'a ClaimedJob) -> Result<Self, JobFailure> {
        let wrong = || JobFailure::park(ParkCode::WrongSubject, JobReason::WrongSubject);
        Ok(Self { claimed, request_id: claimed.subject.request().ok_or_else(wrong)? })
    }
}

impl Deref for RequestJob<'_> {
    type Target = ClaimedJob;

    fn deref(&self) -> &ClaimedJob {
        self.claimed
    }
}
