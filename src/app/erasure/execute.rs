//! EXECUTE: mirrors the fence, then runs the steps of the plan in bounded batches, each with its marker in one transaction of
//! the product database.
//!
//! Before a tenant's first row goes, the accounts that identity providers have to be told of are noted. The tenant's own row is
//! not deleted here: as long as it stands, a reader that cannot see is told from a tenant that is empty (see `verify`).

use crate::{
    app::{
        accounts::collect,
        erasure::{
            Erasure,
            plans::{self, Latest},
        },
        ground::{
            audit,
            error::{Error, JobFailure},
            fence::mirror,
        },
        requests::{case::AnyCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        RunId,
        job::ParkCode,
        plan::{Disposal, Plan, Step},
        reason::JobReason,
        run::{Phase, Stage},
    },
    product::{self, Moment, Selection},
    store::{self, TenantTx},
};

/// Rows of a person in one batch: small enough that the product's own users do not notice, see `docs/performance.md`.
const PERSON_BATCH_ROWS: u32 = 1_000;

/// Rows of a tenant in one batch, see `docs/performance.md`: long enough that a million rows take little longer than one plain
/// DELETE, short enough that other tenants' users do not notice.
const TENANT_BATCH_ROWS: u32 = 10_000;

/// A plan with all that its steps need.
pub(super) struct Execution<'a> {
    case: &'a AnyCase,
    latest: Latest,
    /// What a person's rewritten columns become; a tenant's become nothing.
    pseudonym: String,
}

impl<'a> Execution<'a> {
    /// Of the latest plan of a run.
    pub(super) async fn of(
        gateway: &Erasure,
        job: &RequestJob<'_>,
        case: &'a AnyCase,
        run: RunId,
    ) -> Result<Self, JobFailure> {
        let latest = plans::latest(gateway, job, run).await?;
        let pseudonym = match case {
            AnyCase::Person(person) => {
                let mut client = gateway.databases().tenant.client().await?;
                let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
                let key = gateway.vault().subject_key(&tx, person.subject).await?;
                key.ok_or(Error::Missing("the subject's key"))?.pseudonym(job.request_id)
            }
            AnyCase::Tenant(_) => String::new(),
        };
        Ok(Self { case, latest, pseudonym })
    }

    /// The plan.
    pub(super) fn latest(&self) -> &Latest {
        &self.latest
    }

    fn selection(&self) -> (Selection<'_>, u32) {
        match self.case {
            AnyCase::Person(case) => {
                (Selection::Person { key: &case.person, pseudonym: &self.pseudonym }, PERSON_BATCH_ROWS)
            }
            AnyCase::Tenant(_) => (Selection::Tenant, TENANT_BATCH_ROWS),
        }
    }
}

/// Every step of a tenant's plan but the last, and the last, which is the tenant's own row.
pub(super) fn parts_of_tenant<'p>(gateway: &Erasure, plan: &'p Plan) -> Result<(&'p [Step], &'p Step), JobFailure> {
    match plan.steps.split_last() {
        Some((root, before))
            if root.table == gateway.map().tenant_root.collection && root.disposal == Disposal::DeleteRows =>
        {
            Ok((before, root))
        }
        Some(_) | None => Err(JobFailure::park(ParkCode::PlanNotUsable, JobReason::PlanWithoutRoot)),
    }
}

/// Runs the latest plan, for the first time or again after the reader has found something.
pub(super) async fn execute(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    (run, from): (RunId, Phase),
) -> Result<(), JobFailure> {
    let stage = Stage::Running(from);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let fences = store::fence::of_request(&tx, job.request_id).await?;
    drop(tx);
    drop(client);
    let execution = Execution::of(gateway, job, case, run).await?;
    mirror::mirror(gateway, case.tenant_key(), &fences).await?;
    gateway.crash().reach(case.either("erasure.after_fence_mirror", "tenant_erasure.after_fence_mirror"));
    let plan = &execution.latest.plan;
    let steps = match case {
        AnyCase::Person(_) => plan.steps.as_slice(),
        AnyCase::Tenant(tenant) => {
            collect::collect(gateway, job, tenant, stage).await?;
            parts_of_tenant(gateway, plan)?.0
        }
    };
    for step in steps {
        run_step(gateway, job, &execution, step, stage).await?;
    }
    gateway.crash().reach(case.either("erasure.after_execute", "tenant_erasure.after_execute"));
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, stage).await?;
    store::run::advance(&tx, run, (from, Phase::Executed), gateway.now(), None).await?;
    audit::record(gateway, &tx, audit::WORKER, "plan.executed", job.request_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Runs one step to its end and records how many rows it has disposed of, over all attempts.
pub(super) async fn run_step(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    execution: &Execution<'_>,
    step: &Step,
    stage: Stage,
) -> Result<(), JobFailure> {
    let Execution { case, latest: Latest { plan, plan_id }, .. } = execution;
    let (selection, batch_rows) = execution.selection();
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let run = product::StepRun { plan, plan_id: *plan_id, step, selection, token: job.attempt.into(), batch_rows };
    let reached = |moment| {
        gateway.crash().reach(match moment {
            Moment::BeforeBatch => case.either("erasure.before_batch", "tenant_erasure.before_batch"),
            Moment::AfterBatch => case.either("erasure.after_batch", "tenant_erasure.after_batch"),
        });
    };
    let rows = product::run_batches(&mut client, scope, &run, &reached).await?;
    drop(client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, stage).await?;
    let (number, rows) = (i32::try_from(step.number).unwrap_or(i32::MAX), i64::try_from(rows).unwrap_or(i64::MAX));
    store::plan::finish_step(&tx, *plan_id, number, rows, gateway.now()).await?;
    tx.commit().await?;
    Ok(())
}
