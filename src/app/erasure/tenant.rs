//! The deletion of a whole tenant: fence → execute → verify → tell the provider → destroy the keys → certify, as for a person.
//!
//! ```text
//!  open ─▶ fenced ─▶ executed ─▶ reader sees the tenant's own row and nothing else ─▶ that row goes ─▶ reader sees nothing
//!                                                                                                             │
//!                                    completed, receipt ◀─ key_destroyed ◀─ verified ◀────────────────────────┘
//! ```
//!
//! The tenant's own row goes last and apart: as long as it stands, a reader that cannot see is told from a tenant that is
//! empty. Requests about people of the tenant that are not verified yet are superseded by the fence. Each phase may run twice
//! and may die at any line.

use crate::app::ground::fence;

use jiff::SignedDuration;

use crate::{
    app::{
        accounts::collect,
        erasure::{
            Erasure,
            certify::{self, Certified},
            forget_tenant,
            plans::{FENCE_DAYS_UNFINISHED, PHASES_MAX, failure_sentence, readable, store_plan},
        },
        ground::{
            audit,
            error::{Error, JobFailure},
            fence::mirror,
        },
        requests::{
            case::{AnyCase, TenantCase, read_case},
            lease::hold,
        },
    },
    domain::{
        FenceId, FenceKind, Issuer, PlanId,
        job::Verdict,
        plan::{Disposal, Plan, Step},
        request::RequestState,
        verification::VerificationReport,
    },
    planning,
    product::{self, RootRow},
    proof::{IdText, audit::Fact},
    store::{self, TenantTx, fence::Fence, job::ClaimedJob},
};

/// Rows in one batch, see `docs/performance.md`: long enough that a million rows take little longer than one plain DELETE,
/// short enough that other tenants' users do not notice.
pub const TENANT_BATCH_ROWS: u32 = 10_000;

/// Runs the deletion to its end, from wherever it stands.
pub(in crate::app) async fn run(gateway: &Erasure, job: &ClaimedJob) -> Result<(), JobFailure> {
    for _ in 0..PHASES_MAX {
        let case = match read_case(gateway, job).await? {
            AnyCase::Tenant(case) => case,
            AnyCase::Person(_) => return Err(JobFailure::hold("the request is about a person")),
        };
        match case.request.state {
            RequestState::Open => raise_fence(gateway, job, &case).await?,
            RequestState::Fenced => execute(gateway, job, &case, RequestState::Fenced).await?,
            RequestState::VerificationFailed => {
                replan(gateway, job).await?;
                execute(gateway, job, &case, RequestState::VerificationFailed).await?;
            }
            RequestState::Executed => verify(gateway, job, &case).await?,
            RequestState::Verified => forget_tenant::destroy_keys(gateway, job, &case).await?,
            RequestState::KeyDestroyed => return certify::run(gateway, job, &Certified::of_tenant(&case)).await,
            RequestState::Completed => return Err(JobFailure::discard("the request is complete")),
            RequestState::Cancelled => return Err(JobFailure::discard("the request was cancelled")),
        }
    }
    Err(JobFailure::hold("the deletion did not come to its end"))
}

/// FENCE: makes the plan, commits the tenant's tombstone, and ends what was under way about its people.
async fn raise_fence(gateway: &Erasure, job: &ClaimedJob, case: &TenantCase) -> Result<(), JobFailure> {
    gateway.crash().reach("tenant_deletion.before_fence");
    let plan = make_plan(gateway).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let now = gateway.now();
    // Every writer about anybody of the tenant waits until the fence is committed; what is read after this is final.
    fence::tenant::lock_alone(&tx).await?;
    hold(&tx, job, RequestState::Open).await?;
    let request = store::request::read(&tx, job.request_id).await?.ok_or(Error::NotFound("request"))?;
    if request.timeline.purge_start_at > now {
        return Err(JobFailure { verdict: Verdict::Retry, reason: "the purge is not due yet".to_owned() });
    }
    let generation = store::fence::of_tenant(&tx).await?.map_or(1, |before| before.generation + 1);
    for digest in gateway.vault().digest_tenant_all(job.tenant_id, &case.tenant_key) {
        let fence = Fence {
            fence_id: FenceId::new(gateway.clock(), gateway.entropy()),
            subject_id: None,
            request_id: job.request_id,
            kind: FenceKind::Tenant,
            issuer: Issuer::Universal,
            digest_key_id: digest.key_id,
            digest: digest.digest.to_vec(),
            generation,
            covers_until: request.latest_departure_at,
            committed_at: now,
            expires_at: now + SignedDuration::from_hours(24 * FENCE_DAYS_UNFINISHED),
            returned_at: None,
        };
        store::fence::insert(&tx, &fence).await?;
    }
    store_plan(gateway, &tx, job, &plan).await?;
    let superseded = supersede_people(gateway, &tx, job).await?;
    store::request::advance(&tx, job.request_id, RequestState::Open, RequestState::Fenced, now, None).await?;
    let facts = [("steps", Fact::Count(plan.steps.len() as u64)), ("superseded", Fact::Count(superseded))];
    audit::record(gateway, &tx, audit::WORKER, "tenant.fence_committed", job.request_id, facts).await?;
    tx.commit().await?;
    gateway.crash().reach("tenant_deletion.after_fence");
    Ok(())
}

/// Ends the requests about people: their rows, keys and identities go with the tenant's. Returns how many were ended.
async fn supersede_people(gateway: &Erasure, tx: &TenantTx<'_>, job: &ClaimedJob) -> Result<u64, Error> {
    let now = gateway.now();
    store::job::cancel_of_others(tx, job.request_id, now).await?;
    let superseded = store::request::supersede_people(tx, job.request_id, now).await?;
    for request in &superseded {
        let facts = [("by", Fact::Id(IdText::of(job.request_id)?))];
        audit::record(gateway, tx, audit::WORKER, "request.superseded", request, facts).await?;
    }
    Ok(superseded.len() as u64)
}

async fn make_plan(gateway: &Erasure) -> Result<Plan, Error> {
    let client = gateway.databases().product.client().await?;
    let catalog = product::read_catalog(&client, &gateway.map().schema).await?;
    Ok(planning::plan_tenant(gateway.map(), &catalog)?)
}

/// After a failed verification and a corrected data map, a new plan is made and run beside what the first one did.
async fn replan(gateway: &Erasure, job: &ClaimedJob) -> Result<(), JobFailure> {
    let plan = make_plan(gateway).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::VerificationFailed).await?;
    store_plan(gateway, &tx, job, &plan).await?;
    collect::collect_again(&tx, job).await?;
    tx.commit().await?;
    Ok(())
}

/// The latest plan, with the steps before the tenant's own row and the step that ends it.
struct Run {
    plan: Plan,
    plan_id: PlanId,
}

impl Run {
    async fn of(gateway: &Erasure, job: &ClaimedJob) -> Result<Self, JobFailure> {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        let stored = store::plan::latest_of_request(&tx, job.request_id).await?.ok_or(Error::Missing("the plan"))?;
        Ok(Self { plan: readable(&stored)?, plan_id: stored.plan_id })
    }

    /// Every step but the last, and the last, which is the tenant's own row.
    fn parts(&self, gateway: &Erasure) -> Result<(&[Step], &Step), JobFailure> {
        match self.plan.steps.split_last() {
            Some((root, before))
                if root.table == gateway.map().tenant_root.collection && root.disposal == Disposal::DeleteRows =>
            {
                Ok((before, root))
            }
            Some(_) | None => Err(JobFailure::hold("the plan does not end with the tenant's own row")),
        }
    }
}

/// EXECUTE: mirrors the fence, notes the accounts that identity providers have to be told of, then runs every step but the
/// last in bounded batches.
async fn execute(gateway: &Erasure, job: &ClaimedJob, case: &TenantCase, from: RequestState) -> Result<(), JobFailure> {
    let run = Run::of(gateway, job).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let fences = store::fence::of_request(&tx, job.request_id).await?;
    drop(tx);
    drop(client);
    mirror::mirror(gateway, &case.tenant_key, &fences).await?;
    gateway.crash().reach("tenant_deletion.after_fence_mirror");
    collect::collect(gateway, job, case, from).await?;
    let (steps, _) = run.parts(gateway)?;
    for step in steps {
        run_step(gateway, job, case, &run, step, from).await?;
    }
    gateway.crash().reach("tenant_deletion.after_execute");
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, from).await?;
    store::request::advance(&tx, job.request_id, from, RequestState::Executed, gateway.now(), None).await?;
    audit::record(gateway, &tx, audit::WORKER, "plan.executed", job.request_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Runs one step to its end and records how many rows it has disposed of, over all attempts.
async fn run_step(
    gateway: &Erasure,
    job: &ClaimedJob,
    case: &TenantCase,
    run: &Run,
    step: &Step,
    state: RequestState,
) -> Result<(), JobFailure> {
    let rows = run_batches(gateway, job, case, run, step).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, state).await?;
    let (number, rows) = (i32::try_from(step.number).unwrap_or(i32::MAX), i64::try_from(rows).unwrap_or(i64::MAX));
    store::plan::finish_step(&tx, run.plan_id, number, rows, gateway.now()).await?;
    tx.commit().await?;
    Ok(())
}

async fn run_batches(
    gateway: &Erasure,
    job: &ClaimedJob,
    case: &TenantCase,
    run: &Run,
    step: &Step,
) -> Result<u64, JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let run = product::StepRun {
        plan: &run.plan,
        plan_id: run.plan_id,
        step,
        selection: product::Selection::Tenant,
        token: job.attempt.into(),
        batch_rows: TENANT_BATCH_ROWS,
    };
    let reached = |moment| {
        gateway.crash().reach(match moment {
            product::Moment::BeforeBatch => "tenant_deletion.before_batch",
            product::Moment::AfterBatch => "tenant_deletion.after_batch",
        });
    };
    Ok(product::run_batches(&mut client, scope, &run, &reached).await?)
}

/// VERIFY: an independent reader must see the tenant's own row and no other of the tenant; then that row goes, and the reader
/// must see nothing.
async fn verify(gateway: &Erasure, job: &ClaimedJob, case: &TenantCase) -> Result<(), JobFailure> {
    let run = Run::of(gateway, job).await?;
    let (_, root) = run.parts(gateway)?;
    if !is_root_gone(gateway, job, case, &run, root).await? {
        let report = read(gateway, case, RootRow::MustBeThere).await?;
        gateway.crash().reach("tenant_deletion.after_verify");
        if !report.is_clean() {
            return conclude(gateway, job, &report).await;
        }
        keep_report(gateway, job, &report).await?;
        gateway.crash().reach("tenant_deletion.before_root");
    }
    run_step(gateway, job, case, &run, root, RequestState::Executed).await?;
    gateway.crash().reach("tenant_deletion.after_root");
    let report = read(gateway, case, RootRow::MustBeGone).await?;
    gateway.crash().reach("tenant_deletion.after_absence");
    conclude(gateway, job, &report).await
}

/// True when we have deleted the tenant's own row, which we only do after the reader has seen it: by this plan, as the product database
/// says, or by one before.
async fn is_root_gone(
    gateway: &Erasure,
    job: &ClaimedJob,
    case: &TenantCase,
    run: &Run,
    root: &Step,
) -> Result<bool, JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let markers = product::markers(&mut client, scope, run.plan_id).await?;
    drop(client);
    if markers.iter().any(|marker| marker.step == root.number && marker.rows > 0) {
        return Ok(true);
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let executed = store::plan::executed(&tx, job.request_id).await?;
    Ok(executed.iter().any(|(table, _, rows)| *table == root.table && *rows > 0))
}

async fn read(gateway: &Erasure, case: &TenantCase, root: RootRow) -> Result<VerificationReport, JobFailure> {
    let mut reader = gateway.verifier().client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    match product::verify_tenant(&mut reader, scope, root).await {
        Ok(report) => Ok(report),
        Err(error) if error.is_transient() => Err(Error::from(error).into()),
        // A reader that cannot see has not found nothing: that is a failed verification.
        Err(error) => {
            Ok(VerificationReport { blind: Some(Error::from(error).chain()), ..VerificationReport::default() })
        }
    }
}

/// What the reader has seen is committed before the row goes by which it could see.
async fn keep_report(gateway: &Erasure, job: &ClaimedJob, report: &VerificationReport) -> Result<(), JobFailure> {
    let json = serde_json::to_value(report).map_err(|_| Error::Missing("a report that can be stored"))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::Executed).await?;
    store::request::keep_report(&tx, job.request_id, &json).await?;
    tx.commit().await?;
    Ok(())
}

async fn conclude(gateway: &Erasure, job: &ClaimedJob, report: &VerificationReport) -> Result<(), JobFailure> {
    let is_clean = report.is_clean();
    let next = if is_clean { RequestState::Verified } else { RequestState::VerificationFailed };
    let json = serde_json::to_value(report).map_err(|_| Error::Missing("a report that can be stored"))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::Executed).await?;
    store::request::advance(&tx, job.request_id, RequestState::Executed, next, gateway.now(), Some(&json)).await?;
    let facts = [("left", Fact::Count(report.left_rows())), ("tables", Fact::Count(report.tables_read.into()))];
    let action = if is_clean { "verification.clean" } else { "verification.failed" };
    audit::record(gateway, &tx, audit::WORKER, action, job.request_id, facts).await?;
    tx.commit().await?;
    if is_clean { Ok(()) } else { Err(JobFailure::hold(failure_sentence(report))) }
}
