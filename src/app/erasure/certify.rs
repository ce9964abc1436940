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
        requests::{
            case::{Case, TenantCase},
            lease::complete,
        },
    },
    domain::{ReceiptId, SubjectId, SubjectKind, request::RequestState, verification::VerificationReport},
    proof::{self, AuditReference, IdText, ReceiptClaims, ReceiptScope, StepCount, VerificationSummary, audit::Fact},
    store::{self, TenantTx, job::ClaimedJob, request::RequestRow},
};

/// Whose erasure is certified.
pub(in crate::app) struct Certified<'a> {
    request: &'a RequestRow,
    tenant_key: &'a str,
    /// `None` when it is the whole tenant's.
    person: Option<(SubjectId, &'a SubjectKind)>,
}

impl<'a> Certified<'a> {
    pub(in crate::app) fn of_person(case: &'a Case) -> Self {
        let person = Some((case.subject, &case.person.kind));
        Self { request: &case.request, tenant_key: &case.tenant_key, person }
    }

    pub(in crate::app) fn of_tenant(case: &'a TenantCase) -> Self {
        Self { request: &case.request, tenant_key: &case.tenant_key, person: None }
    }

    fn crash_point(&self, of_person: &'static str, of_tenant: &'static str) -> &'static str {
        if self.person.is_some() { of_person } else { of_tenant }
    }
}

/// Signs and stores the receipt; completes request and job. A tenant is purged from this commit on.
pub(in crate::app) async fn run(gateway: &Erasure, job: &ClaimedJob, case: &Certified<'_>) -> Result<(), JobFailure> {
    let before = case.crash_point("deletion.before_certificate", "tenant_deletion.before_certificate");
    gateway.crash().reach(before);
    let now = gateway.now();
    let fence_ends = now + SignedDuration::from_hours(24 * i64::from(gateway.policy().fence_days));
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let raised = store::fence::of_request(&tx, job.request_id).await?;
    drop(tx);
    mirror::set_term(gateway, case.tenant_key, &raised, fence_ends).await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let receipt = ReceiptId::new(gateway.clock(), gateway.entropy());
    let facts = [("receipt", Fact::Id(IdText::of(receipt)?))];
    let (entry_id, hash) =
        audit::record(gateway, &tx, audit::WORKER, "request.completed", job.request_id, facts).await?;
    let audit = AuditReference { entry_id, hash: hex::encode(hash) };
    let claims = claims(gateway, &tx, case, receipt, audit, now).await?;
    let jws = proof::sign(&claims, gateway.signing_key())?;
    store::receipt::insert(&tx, receipt, job.request_id, now, &jws).await?;
    store::request::advance(&tx, job.request_id, RequestState::KeyDestroyed, RequestState::Completed, now, None)
        .await?;
    store::fence::finish(&tx, job.request_id, fence_ends).await?;
    if case.person.is_none() {
        store::tenant::set_purged(&tx, Some(now)).await?;
    }
    complete(&tx, job, now).await?;
    tx.commit().await?;
    gateway.crash().reach(case.crash_point("deletion.after_certificate", "tenant_deletion.after_certificate"));
    Ok(())
}

async fn claims(
    gateway: &Erasure,
    tx: &TenantTx<'_>,
    case: &Certified<'_>,
    receipt: ReceiptId,
    audit: AuditReference,
    now: Timestamp,
) -> Result<ReceiptClaims, Error> {
    let request = case.request;
    let plan = store::plan::latest_of_request(tx, request.request_id).await?.ok_or(Error::Missing("the plan"))?;
    let steps = store::plan::executed(tx, request.request_id).await?;
    let report: VerificationReport = request
        .verification
        .clone()
        .and_then(|json| serde_json::from_value(json).ok())
        .ok_or(Error::Missing("the verification report"))?;
    let key_destroyed_at = request.key_destroyed_at.ok_or(Error::Missing("the time of the key's destruction"))?;
    Ok(ReceiptClaims {
        jti: receipt,
        request: request.request_id,
        tenant: tx.tenant(),
        scope: if case.person.is_some() { ReceiptScope::Person } else { ReceiptScope::Tenant },
        subject: case.person.map(|(subject, _)| subject),
        subject_kind: case.person.map(|(_, kind)| kind.clone()),
        dataset: gateway.map().dataset.clone(),
        policy: gateway.policy().product.clone(),
        plan_digest: hex::encode(&plan.digest),
        steps: steps
            .into_iter()
            .map(|(table, disposal, rows)| StepCount { table, disposal, rows: u64::try_from(rows).unwrap_or(0) })
            .collect(),
        withheld: Vec::new(),
        verification: VerificationSummary::from(&report),
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
