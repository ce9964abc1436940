//! Plans: made from the data map and the live catalog, stored with their digest, read back only as they were digested.

use crate::{
    app::{
        erasure::Erasure,
        ground::error::{Error, JobFailure},
    },
    domain::{PlanId, plan::Plan, verification::VerificationReport},
    planning,
    store::{self, TenantTx, job::ClaimedJob, plan::PlanRow},
};

pub(in crate::app) async fn store_plan(
    gateway: &Erasure,
    tx: &TenantTx<'_>,
    job: &ClaimedJob,
    plan: &Plan,
) -> Result<(), Error> {
    let row = PlanRow {
        plan_id: PlanId::new(gateway.clock(), gateway.entropy()),
        digest: planning::digest(plan).to_vec(),
        plan: serde_json::to_value(plan).map_err(|_| Error::Missing("a plan that can be stored"))?,
    };
    let steps: Vec<(i32, &str, &str)> = plan
        .steps
        .iter()
        .map(|step| (i32::try_from(step.number).unwrap_or(i32::MAX), step.table.as_str(), step.disposal.word()))
        .collect();
    store::plan::insert(tx, job.request_id, &row, &steps, gateway.now()).await?;
    Ok(())
}

/// The plan as it was digested.
pub(in crate::app) fn readable(stored: &PlanRow) -> Result<Plan, JobFailure> {
    let plan: Plan =
        serde_json::from_value(stored.plan.clone()).map_err(|_| Error::Missing("a plan that this version can read"))?;
    if planning::digest(&plan).as_slice() == stored.digest {
        Ok(plan)
    } else {
        Err(JobFailure::hold("the stored plan is not the one that was digested"))
    }
}

pub(in crate::app) fn failure_sentence(report: &VerificationReport) -> String {
    if let Some(why) = &report.blind {
        return why.clone();
    }
    let columns: Vec<String> =
        report.left.iter().map(|finding| format!("{} ({} rows)", finding.column, finding.rows)).collect();
    format!("verification failed: {}", columns.join(", "))
}

/// How long a fence stands while its erasure is not finished; completing gives it its policy's term. Long enough for an
/// erasure that was held for a person to look.
pub(in crate::app) const FENCE_DAYS_UNFINISHED: i64 = 730;

/// Phases one attempt may go through; there are six.
pub(in crate::app) const PHASES_MAX: usize = 12;
