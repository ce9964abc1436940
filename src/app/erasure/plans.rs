//! Plans: made from the data map and the live catalog, stored with their digest, read back only as they were digested.

use crate::{
    app::{
        accounts::collect,
        erasure::Erasure,
        ground::error::{Error, JobFailure},
        requests::{case::AnyCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        PlanId, RunId,
        job::ParkCode,
        plan::Plan,
        reason::JobReason,
        run::{Phase, Stage},
    },
    planning, product,
    store::{self, TenantTx, plan::PlanRow},
};

/// A plan for the person or the tenant, from the live catalog.
pub(super) async fn make(gateway: &Erasure, case: &AnyCase) -> Result<Plan, Error> {
    let client = gateway.databases().product.client().await?;
    let catalog = product::read_catalog(&client, &gateway.map().schema).await?;
    Ok(match case {
        AnyCase::Person(case) => planning::plan_against(gateway.map(), &catalog, &case.person.kind)?,
        AnyCase::Tenant(_) => planning::plan_tenant(gateway.map(), &catalog)?,
    })
}

/// Stores a plan of a run.
pub(super) async fn keep(gateway: &Erasure, tx: &TenantTx<'_>, run: RunId, plan: &Plan) -> Result<(), Error> {
    let row = PlanRow {
        plan_id: PlanId::new(gateway.clock(), gateway.entropy()),
        digest: planning::digest(plan).to_vec(),
        plan: serde_json::to_value(plan).map_err(|_| Error::Unserializable { what: "the plan" })?,
    };
    let steps: Vec<(i32, &str, &str)> = plan
        .steps
        .iter()
        .map(|step| (i32::try_from(step.number).unwrap_or(i32::MAX), step.table.as_str(), step.disposal.word()))
        .collect();
    store::plan::insert(tx, run, &row, &steps, gateway.now()).await?;
    Ok(())
}

/// After a failed verification and a corrected data map, a new plan is made and run beside what the first one did.
pub(super) async fn make_again(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    run: RunId,
) -> Result<(), JobFailure> {
    let plan = make(gateway, case).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, Stage::Running(Phase::Executed)).await?;
    keep(gateway, &tx, run, &plan).await?;
    if let AnyCase::Tenant(_) = case {
        collect::collect_again(&tx, job).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The latest plan of a run.
pub(super) struct Latest {
    pub(super) plan: Plan,
    pub(super) plan_id: PlanId,
}

/// Reads the latest plan of a run, as it was digested.
pub(super) async fn latest(gateway: &Erasure, job: &RequestJob<'_>, run: RunId) -> Result<Latest, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let stored = store::plan::latest_of_run(&tx, run).await?.ok_or(Error::Missing("the plan"))?;
    let plan: Plan = serde_json::from_value(stored.plan).map_err(|_| Error::Unserializable { what: "the plan" })?;
    if planning::digest(&plan).as_slice() == stored.digest {
        Ok(Latest { plan, plan_id: stored.plan_id })
    } else {
        Err(JobFailure::park(ParkCode::PlanNotUsable, JobReason::PlanAltered))
    }
}
