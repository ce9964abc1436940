//! Jobs.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    domain::{JobId, RequestId, RunId, TenantId, reason::code_of},
    store::job::JobRow,
};

/// A job.
#[derive(Debug, Serialize)]
pub struct JobView {
    job_id: JobId,
    tenant_id: TenantId,
    belongs_to: &'static str,
    request_id: Option<RequestId>,
    run_id: Option<RunId>,
    rule: Option<String>,
    kind: String,
    state: String,
    is_leased: bool,
    run_at: Timestamp,
    not_before_at: Timestamp,
    attempts: i32,
    failures: i32,
    parked_code: Option<String>,
    failure_reason: Option<String>,
    reason_code: Option<&'static str>,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl From<&JobRow> for JobView {
    fn from(job: &JobRow) -> Self {
        Self {
            job_id: job.job_id,
            tenant_id: job.tenant_id,
            belongs_to: job.subject.word(),
            request_id: job.subject.request(),
            run_id: job.subject.run(),
            rule: job.subject.rule().map(str::to_owned),
            kind: job.kind.clone(),
            state: job.state.clone(),
            is_leased: job.is_leased,
            run_at: job.run_at,
            not_before_at: job.not_before,
            attempts: job.attempt,
            failures: job.failures,
            parked_code: job.parked_code.clone(),
            failure_reason: job.failure_reason.clone(),
            reason_code: job.failure_reason.as_deref().and_then(code_of),
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
