//! CERTIFY: the signed receipt, the closing audit entry and the job's end, in one commit.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        erasure::Erasure,
        ground::{
            audit,
            error::{Error, JobFailure},
            fence::mirror,
            vault::PENDING_BODY_DAYS_MAX,
        },
        requests::{case::AnyCase, job::RequestJob, lease::complete},
    },
    domain::{
        ReceiptId, RunId,
        request::RequestState,
        run::{KeyDestroyed, Phase},
    },
    proof::{self, AuditReference, IdText, ReceiptClaims, ReceiptScope, StepCount, VerificationSummary, audit::Fact},
    store::{self, TenantTx},
};

/// Signs and stores the receipt; completes request and job. A tenant is erased from this commit on.
pub(super) async fn certify(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    (run, destroyed): (RunId, &KeyDestroyed),
) -> Result<(), JobFailure> {
    gateway.crash().reach(case.either("erasure.before_certificate", "tenant_erasure.before_certificate"));
    let now = gateway.now();
    let fence_ends = now + SignedDuration::from_hours(24 * i64::from(gateway.policy().fence_days));
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let raised = store::fence::of_request(&tx, job.request_id).await?;
    drop(tx);
    mirror::set_term(gateway, case.tenant_key(), &raised, fence_ends).await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let receipt = ReceiptId::new(gateway.clock(), gateway.entropy());
    let facts = [("receipt", Fact::Id(IdText::of(receipt)?))];
    let (entry_id, hash) =
        audit::record(gateway, &tx, audit::WORKER, "request.completed", job.request_id, facts).await?;
    let audit = AuditReference { entry_id, hash: hex::encode(hash) };
    let claims = claims(gateway, &tx, (case, run, destroyed), (receipt, audit), now).await?;
    let jws = proof::sign(&claims, gateway.signing_key())?;
    store::receipt::insert(&tx, receipt, run, now, &jws).await?;
    store::run::advance(&tx, run, (Phase::KeyDestroyed, Phase::Certified), now, None).await?;
    store::request::advance(&tx, job.request_id, (RequestState::Running, RequestState::Completed), now).await?;
    store::fence::finish(&tx, job.request_id, fence_ends).await?;
    if let AnyCase::Tenant(_) = case {
        store::tenant::set_erased(&tx, Some(now)).await?;
    }
    complete(&tx, job, now).await?;
    tx.commit().await?;
    gateway.crash().reach(case.either("erasure.after_certificate", "tenant_erasure.after_certificate"));
    Ok(())
}

async fn claims(
    gateway: &Erasure,
    tx: &TenantTx<'_>,
    (case, run, destroyed): (&AnyCase, RunId, &KeyDestroyed),
    (receipt, audit): (ReceiptId, AuditReference),
    now: Timestamp,
) -> Result<ReceiptClaims, Error> {
    let plan = store::plan::latest_of_run(tx, run).await?.ok_or(Error::Missing("the plan"))?;
    let steps = store::plan::executed(tx, run).await?;
    let key_destroyed_at = destroyed.key_destroyed_at;
    let (scope, person) = match case {
        AnyCase::Person(person) => (ReceiptScope::Person, Some(person)),
        AnyCase::Tenant(_) => (ReceiptScope::Tenant, None),
    };
    Ok(ReceiptClaims {
        jti: receipt,
        request: case.request().request_id,
        tenant: tx.tenant(),
        scope,
        subject: person.map(|person| person.subject),
        subject_kind: person.map(|person| person.person.kind.clone()),
        dataset: gateway.map().dataset.clone(),
        policy: gateway.policy().product.clone(),
        plan_digest: hex::encode(&plan.digest),
        steps: steps
            .into_iter()
            .map(|(table, disposal, rows)| StepCount { table, disposal, rows: u64::try_from(rows).unwrap_or(0) })
            .collect(),
        withheld: Vec::new(),
        verification: VerificationSummary::from(&destroyed.told.verified.report),
        key_destroyed_at,
        logical_at: key_destroyed_at,
        physical_by: physical_by(gateway, tx, now).await?,
        backup_horizon_days: gateway.policy().backup_horizon_days,
        audit,
        issued_at: now,
    })
}

/// When nothing can be read any more even in backups: the subject's wrapped key is unreadable once its tenant's epoch is
/// rotated, raw deliveries once the last day key that may cover one is destroyed; then the last backup has to go.
async fn physical_by(gateway: &Erasure, tx: &TenantTx<'_>, now: Timestamp) -> Result<Timestamp, Error> {
    let policy = gateway.policy();
    let days = |count: u16| SignedDuration::from_hours(24 * i64::from(count));
    let epoch_ends = match store::keys::current_epoch(tx).await? {
        Some(epoch) => epoch.created_at + days(policy.key_epoch_days),
        None => now,
    };
    // A day with a pending event is kept longer than promised, within a bound of its own.
    let held_back = SignedDuration::from_hours(24 * PENDING_BODY_DAYS_MAX) + days(policy.raw_body_days);
    let bodies_end = now + held_back.max(days(policy.dead_letter_body_days)) + days(1);
    Ok(epoch_ends.max(bodies_end) + days(policy.backup_horizon_days))
}
