//! Jobs.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    domain::{JobId, RequestId, TenantId},
    store::job::JobRow,
};

/// A job.
#[derive(Debug, Serialize)]
pub struct JobView {
    job_id: JobId,
    tenant_id: TenantId,
    request_id: RequestId,
    kind: String,
    state: String,
    is_leased: bool,
    run_at: Timestamp,
    not_before_at: Timestamp,
    attempts: i32,
    failures: i32,
    failure_reason: Option<String>,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl From<&JobRow> for JobView {
    fn from(job: &JobRow) -> Self {
        Self {
            job_id: job.job_id,
            tenant_id: job.tenant_id,
            request_id: job.request_id,
            kind: job.kind.clone(),
            state: job.state.clone(),
            is_leased: job.is_leased,
            run_at: job.run_at,
            not_before_at: job.not_before,
            attempts: job.attempt,
            failures: job.failures,
            failure_reason: job.failure_reason.clone(),
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
