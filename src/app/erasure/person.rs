//! The deletion of a person: fence → execute → verify → tell the provider → destroy the key → certify. Forward only.
//!
//! The request's state says how far it is, and each phase may run twice and may die at any line: what it did is either
//! in one committed transaction or can be repeated without effect. Every phase re-checks that this worker still holds the
//! job. Nothing is atomic across our database and the product database; the order makes that harmless: the fence stands before the
//! first destructive batch, and the key goes only after the independent reader has found nothing.

use super::plans::PHASES_MAX;

use crate::app::ground::fence;

use jiff::SignedDuration;

use crate::{
    app::{
        accounts::of_person,
        erasure::{
            Erasure,
            certify::{self, Certified},
            plans::{FENCE_DAYS_UNFINISHED, failure_sentence, readable, store_plan},
            tenant,
        },
        ground::{
            audit,
            error::{Error, JobFailure},
            fence::mirror,
            identities::{self, Named},
        },
        requests::{
            case::{AnyCase, Case, read_case},
            lease::hold,
        },
    },
    domain::{
        FenceId, IdentityKind, Personal, PlanId, job::Verdict, plan::Plan, request::RequestState,
        verification::VerificationReport,
    },
    planning, product,
    proof::audit::Fact,
    sealing::normalise,
    store::{self, TenantTx, fence::Fence, job::ClaimedJob},
};

async fn make_plan(gateway: &Erasure, case: &Case) -> Result<Plan, Error> {
    let client = gateway.databases().product.client().await?;
    let catalog = product::read_catalog(&client, &gateway.map().schema).await?;
    Ok(planning::plan_against(gateway.map(), &catalog, &case.person.kind)?)
}

/// Rows in one batch: small enough that the product's own users do not notice, see `docs/performance.md`.
pub const ERASE_BATCH_ROWS: u32 = 1_000;

/// A shorter value identifies nobody and would be found everywhere.
const SEARCHED_BYTES_MIN: usize = 6;

/// Runs the deletion to its end, from wherever it stands.
pub(in crate::app) async fn run(gateway: &Erasure, job: &ClaimedJob) -> Result<(), JobFailure> {
    for _ in 0..PHASES_MAX {
        let case = match read_case(gateway, job).await? {
            AnyCase::Person(case) => case,
            AnyCase::Tenant(_) => return Box::pin(tenant::run(gateway, job)).await,
        };
        match case.request.state {
            RequestState::Open => raise_fence(gateway, job, &case).await?,
            RequestState::Fenced => execute(gateway, job, &case, RequestState::Fenced).await?,
            RequestState::VerificationFailed => {
                replan(gateway, job, &case).await?;
                execute(gateway, job, &case, RequestState::VerificationFailed).await?;
            }
            RequestState::Executed => verify(gateway, job, &case).await?,
            RequestState::Verified => {
                of_person::tell_of_deletion(gateway, job, &case).await?;
                destroy_key(gateway, job, &case).await?;
            }
            RequestState::KeyDestroyed => return certify::run(gateway, job, &Certified::of_person(&case)).await,
            RequestState::Completed => return Err(JobFailure::discard("the request is complete")),
            RequestState::Cancelled => return Err(JobFailure::discard("the request was cancelled")),
        }
    }
    Err(JobFailure::hold("the deletion did not come to its end"))
}

/// FENCE: remembers what has to be searched for later, makes the plan, and commits the tombstone.
async fn raise_fence(gateway: &Erasure, job: &ClaimedJob, case: &Case) -> Result<(), JobFailure> {
    gateway.crash().reach("deletion.before_fence");
    remember_identifiers(gateway, job, case).await?;
    gateway.crash().reach("deletion.after_identities");
    let plan = make_plan(gateway, case).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let now = gateway.now();
    // The locks make every writer about this person wait until the fence is committed; what is read after them is final.
    let anchors = lock_anchors(gateway, &tx, job, case).await?;
    hold(&tx, job, RequestState::Open).await?;
    let request = store::request::read(&tx, job.request_id).await?;
    let request = request.ok_or(Error::NotFound("request"))?;
    if request.timeline.purge_start_at > now {
        // The timeline has moved since the job was taken, or somebody ran it early: it waits for its day, which the job
        // row holds.
        return Err(JobFailure { verdict: Verdict::Retry, reason: "the purge is not due yet".to_owned() });
    }
    let subject = case.subject;
    let row = store::subject::read(&tx, subject).await?.ok_or(Error::Missing("the subject"))?;
    for named in &anchors {
        for digest in &named.digests {
            let fence = Fence {
                fence_id: FenceId::new(gateway.clock(), gateway.entropy()),
                subject_id: Some(subject),
                request_id: job.request_id,
                kind: named.kind.into(),
                issuer: named.issuer.clone(),
                digest_key_id: digest.key_id,
                digest: digest.digest.to_vec(),
                generation: row.generation,
                covers_until: request.latest_departure_at,
                committed_at: now,
                expires_at: now + SignedDuration::from_hours(24 * FENCE_DAYS_UNFINISHED),
                returned_at: None,
            };
            store::fence::insert(&tx, &fence).await?;
        }
    }
    store_plan(gateway, &tx, job, &plan).await?;
    store::request::advance(&tx, job.request_id, RequestState::Open, RequestState::Fenced, now, None).await?;
    let facts = [("steps", Fact::Count(plan.steps.len() as u64))];
    audit::record(gateway, &tx, audit::WORKER, "fence.committed", job.request_id, facts).await?;
    tx.commit().await?;
    gateway.crash().reach("deletion.after_fence");
    Ok(())
}

async fn lock_anchors(
    gateway: &Erasure,
    tx: &TenantTx<'_>,
    job: &ClaimedJob,
    case: &Case,
) -> Result<Vec<Named>, JobFailure> {
    let mut anchors = Vec::with_capacity(case.person.identities.len());
    for (kind, value) in &case.person.identities {
        let identity = normalise(*kind, value.expose_for("the fence's digest"))
            .map_err(|_| Error::Missing("a normalised identity"))?;
        let named = Named::new(gateway, job.tenant_id, *kind, &case.issuer, identity);
        fence::person::lock(tx, &named, gateway.now()).await?;
        anchors.push(named);
    }
    Ok(anchors)
}

/// E-mail and other identities stand only in the product database's own row, which will be gone when the reader looks for them:
/// they are kept, sealed under the subject's key, until that key is destroyed.
async fn remember_identifiers(gateway: &Erasure, job: &ClaimedJob, case: &Case) -> Result<(), JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let tx = product::begin(&mut client, scope).await?;
    let found = product::collect_identifiers(&tx, &case.person).await?;
    drop(tx);
    drop(client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let subject = case.subject;
    let key = gateway.vault().subject_key(&tx, subject).await?.ok_or(Error::Missing("the subject's key"))?;
    // A worker that was asleep must not add an identity after the person is forgotten.
    hold(&tx, job, RequestState::Open).await?;
    let known = identities::open_identities(&tx, subject, &key).await?;
    for (kind, value) in found {
        let is_known = known.iter().any(|open| open.kind == kind && open.value == value);
        if !is_known && value.expose_for("its length").len() >= SEARCHED_BYTES_MIN {
            identities::add_spelling(gateway, &tx, subject, &key, kind, &value).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// After a failed verification and a corrected data map, a new plan is made and run beside what the first one did.
async fn replan(gateway: &Erasure, job: &ClaimedJob, case: &Case) -> Result<(), JobFailure> {
    let plan = make_plan(gateway, case).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::VerificationFailed).await?;
    store_plan(gateway, &tx, job, &plan).await?;
    tx.commit().await?;
    Ok(())
}

/// EXECUTE: mirrors the fence, then runs every step in bounded batches, each with its marker in one product database transaction.
async fn execute(gateway: &Erasure, job: &ClaimedJob, case: &Case, from: RequestState) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let fences = store::fence::of_request(&tx, job.request_id).await?;
    let stored = store::plan::latest_of_request(&tx, job.request_id).await?.ok_or(Error::Missing("the plan"))?;
    let key = gateway.vault().subject_key(&tx, case.subject).await?;
    let key = key.ok_or(Error::Missing("the subject's key"))?;
    drop(tx);
    let plan = readable(&stored)?;
    mirror::mirror(gateway, &case.tenant_key, &fences).await?;
    gateway.crash().reach("deletion.after_fence_mirror");
    let pseudonym = key.pseudonym(job.request_id);
    for step in &plan.steps {
        let rows = run_step(gateway, job, case, (&plan, stored.plan_id), step, &pseudonym).await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        hold(&tx, job, from).await?;
        let (number, rows) = (i32::try_from(step.number).unwrap_or(i32::MAX), i64::try_from(rows).unwrap_or(i64::MAX));
        store::plan::finish_step(&tx, stored.plan_id, number, rows, gateway.now()).await?;
        tx.commit().await?;
    }
    gateway.crash().reach("deletion.after_execute");
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, from).await?;
    store::request::advance(&tx, job.request_id, from, RequestState::Executed, gateway.now(), None).await?;
    audit::record(gateway, &tx, audit::WORKER, "plan.executed", job.request_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Runs one step to its end; returns how many rows it has disposed of, over all attempts.
async fn run_step(
    gateway: &Erasure,
    job: &ClaimedJob,
    case: &Case,
    plan: (&Plan, PlanId),
    step: &crate::domain::plan::Step,
    pseudonym: &str,
) -> Result<u64, JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let run = product::StepRun {
        plan: plan.0,
        plan_id: plan.1,
        step,
        selection: product::Selection::Person { key: &case.person, pseudonym },
        token: job.attempt.into(),
        batch_rows: ERASE_BATCH_ROWS,
    };
    let reached = |moment| {
        gateway.crash().reach(match moment {
            product::Moment::BeforeBatch => "deletion.before_batch",
            product::Moment::AfterBatch => "deletion.after_batch",
        });
    };
    Ok(product::run_batches(&mut client, scope, &run, &reached).await?)
}

/// VERIFY: an independent reader, as its own role, looks for every identifier.
async fn verify(gateway: &Erasure, job: &ClaimedJob, case: &Case) -> Result<(), JobFailure> {
    let identifiers = identifiers(gateway, job, case).await?;
    let mut reader = gateway.verifier().client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let report = match product::verify(&mut reader, scope, &identifiers).await {
        Ok(report) => report,
        Err(error) if error.is_transient() => return Err(Error::from(error).into()),
        // A reader that cannot see has not found nothing: that is a failed verification.
        Err(error) => VerificationReport { blind: Some(Error::from(error).chain()), ..VerificationReport::default() },
    };
    drop(reader);
    gateway.crash().reach("deletion.after_verify");
    let is_clean = report.is_clean();
    let next = if is_clean { RequestState::Verified } else { RequestState::VerificationFailed };
    let json = serde_json::to_value(&report).map_err(|_| Error::Missing("a report that can be stored"))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::Executed).await?;
    store::request::advance(&tx, job.request_id, RequestState::Executed, next, gateway.now(), Some(&json)).await?;
    let facts = [("left", Fact::Count(report.left_rows())), ("columns", Fact::Count(report.columns_read.into()))];
    let action = if is_clean { "verification.clean" } else { "verification.failed" };
    audit::record(gateway, &tx, audit::WORKER, action, job.request_id, facts).await?;
    tx.commit().await?;
    if is_clean { Ok(()) } else { Err(JobFailure::hold(failure_sentence(&report))) }
}

async fn identifiers(
    gateway: &Erasure,
    job: &ClaimedJob,
    case: &Case,
) -> Result<Vec<(IdentityKind, Personal<String>)>, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let subject = case.subject;
    let key = gateway.vault().subject_key(&tx, subject).await?.ok_or(Error::Missing("the subject's key"))?;
    let mut values = Vec::new();
    for identity in identities::open_identities(&tx, subject, &key).await? {
        // The product may have stored either form of an address: as it was written, or normalised.
        if let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("its normalised form")) {
            let normalised = normalised.value().clone();
            if normalised != identity.value {
                values.push((identity.kind, normalised));
            }
        }
        values.push((identity.kind, identity.value));
    }
    Ok(values)
}

/// DESTROY: what was sealed for the person can never be opened again, in our database or its backups, once the tenant's
/// key epoch has been rotated too.
async fn destroy_key(gateway: &Erasure, job: &ClaimedJob, case: &Case) -> Result<(), JobFailure> {
    gateway.crash().reach("deletion.before_key_destruction");
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    hold(&tx, job, RequestState::Verified).await?;
    store::subject::forget(&tx, case.subject, now).await?;
    store::keys::destroy_subject_key(&tx, case.subject, now).await?;
    store::request::advance(&tx, job.request_id, RequestState::Verified, RequestState::KeyDestroyed, now, None).await?;
    audit::record(gateway, &tx, audit::WORKER, "key.destroyed", job.request_id, []).await?;
    tx.commit().await?;
    gateway.crash().reach("deletion.after_key_destruction");
    Ok(())
}
