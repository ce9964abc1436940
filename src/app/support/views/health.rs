//! Whether everything is as it must be.

use serde::Serialize;

use super::balance::BalanceView;
use crate::{
    domain::{JobId, reason::code_of},
    store::job::JobRow,
};

/// What a check of everything found. It is made once the checks of a start have passed.
#[derive(Debug, Serialize)]
pub struct HealthView {
    database: &'static str,
    keys: &'static str,
    data_map: &'static str,
    events_waiting: i64,
    jobs_due: i64,
    events_balance: bool,
    jobs_that_need_a_person: usize,
}

impl HealthView {
    /// From the backlog (events, due jobs), the balance and the jobs that wait for a person.
    pub fn new((events_waiting, jobs_due): (i64, i64), balance: &BalanceView, stuck: &[StuckJobView]) -> Self {
        Self {
            database: "reachable, as roles without power",
            keys: "the ones this database was written with",
            data_map: "true of the live product database",
            events_waiting,
            jobs_due,
            events_balance: balance.is_balanced,
            jobs_that_need_a_person: stuck.len(),
        }
    }

    /// True when nobody has to look.
    pub const fn is_well(&self) -> bool {
        self.events_balance && self.jobs_that_need_a_person == 0
    }
}

/// A job that waits for a person.
#[derive(Debug, Serialize)]
pub struct StuckJobView {
    job: JobId,
    code: Option<String>,
    why: Option<String>,
    reason_code: Option<&'static str>,
}

impl From<&JobRow> for StuckJobView {
    fn from(job: &JobRow) -> Self {
        let reason_code = job.failure_reason.as_deref().and_then(code_of);
        Self { job: job.job_id, code: job.parked_code.clone(), why: job.failure_reason.clone(), reason_code }
    }
}
