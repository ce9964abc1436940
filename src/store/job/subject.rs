//! What a job works for, as its row says it.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::{RequestId, RunId, job::JobSubject},
    store::StoreError,
};

/// What the job in a row works for.
pub(super) fn subject_of(row: &Row) -> Result<JobSubject, StoreError> {
    let subject = match row.get("belongs_to") {
        "run" => row.get::<_, Option<Uuid>>("run_id").map(|id| JobSubject::Run(RunId::from_uuid(id))),
        "request" => row.get::<_, Option<Uuid>>("request_id").map(|id| JobSubject::Request(RequestId::from_uuid(id))),
        "tenant" => Some(JobSubject::Tenant),
        "rule" => row.get::<_, Option<String>>("rule_word").map(JobSubject::Rule),
        _ => None,
    };
    subject.ok_or(StoreError::UnknownValue { column: "job.belongs_to" })
}
