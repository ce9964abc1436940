//! Provider calls about one person: the identity provider is told what was decided here.
//!
//! What must be told stands in an outbox, one row for each call and one for each attempt, so that an attempt that crashed is
//! seen. Attempts go on until the other side has confirmed; every call may be made twice. The erasure of a person waits for
//! them: without the uid, which goes with the person's key, nobody could be told any more. So does the erasure of a whole
//! tenant, which makes those calls itself that no other job makes any more.

use jiff::Timestamp;

use crate::{
    app::{
        accounts::{
            Accounts,
            attempt::{self, Audited, Made},
            elsewhere,
            outcome::{self, Outcome, is_anothers},
            provider_credentials::{self, destination, toolkit},
        },
        ground::error::{AttemptEnd, Error, JobFailure},
        registry,
        requests::{
            case::{AnyCase, Case, read_case, read_case_of},
            job::RequestJob,
            lease::complete,
        },
    },
    domain::{
        CallId, IdentityKind, JobId, Personal, RequestId, SourceId,
        job::{JobKind, ParkCode},
        provider_call::{CallKind, CallState},
        reason::{JobReason, WorkReason},
        request::RequestState,
    },
    outbound::{CallFailure, identity_toolkit::ChangeAnswer},
    signature::SecretBytes,
    store::{
        self, TenantTx,
        job::ClaimedJob,
        provider_call::{AttemptNumber, PersonCall},
    },
};

/// Requests whose calls one round of a tenant's erasure makes.
const REQUESTS_PER_ROUND: i64 = 100;

/// The most rounds of one attempt; what is left then is for the next attempt.
const ROUNDS_MAX: usize = 10;

/// Puts the calls that revoke access into the outbox, with the job that makes them, in the caller's transaction.
pub(in crate::app) async fn enqueue_revocation(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    request: RequestId,
    source: SourceId,
    now: Timestamp,
) -> Result<(), Error> {
    for kind in [CallKind::FirebaseDisable, CallKind::FirebaseRevoke] {
        let call = CallId::new(gateway.clock(), gateway.entropy());
        store::provider_call::insert_of_person(tx, call, request, kind, source, now).await?;
    }
    let job = JobId::new(gateway.clock(), gateway.entropy());
    store::job::insert_or_restart(tx, job, JobKind::ProviderCalls, request, now).await?;
    Ok(())
}

/// The job: makes every call of its request that is still to be made.
pub(in crate::app) async fn run(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let job = &RequestJob::of(job)?;
    let AnyCase::Person(case) = read_case(gateway, job).await? else {
        return Err(JobFailure::discard(JobReason::WrongSubject));
    };
    let now = gateway.now();
    if matches!(case.request.state, RequestState::Cancelled | RequestState::Superseded) {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        store::provider_call::withdraw(&tx, job.request_id, now).await?;
        complete(&tx, job, now).await?;
        tx.commit().await?;
        return Ok(());
    }
    attempt_all(gateway, job, &case).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    complete(&tx, job, gateway.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// A step of the erasure: the account goes at the identity provider too. Returns when everything is told.
pub(in crate::app) async fn tell_of_erasure(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &Case,
) -> Result<(), JobFailure> {
    if let Some(source) = provider_credentials::of_person(gateway, job.tenant_id, case).await? {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        let (call, kind) = (CallId::new(gateway.clock(), gateway.entropy()), CallKind::FirebaseDelete);
        store::provider_call::insert_of_person(&tx, call, job.request_id, kind, source, gateway.now()).await?;
        tx.commit().await?;
    }
    gateway.crash().reach("erasure.before_provider_calls");
    attempt_all(gateway, job, case).await?;
    gateway.crash().reach("erasure.after_provider_calls");
    Ok(())
}

/// Before a whole tenant's keys go: makes every call about its people that is still to be made. Jobs that would have made
/// them have ended with the tenant's fence. Each request has its turn however the others fail; a failure is tried again, for
/// nobody could make the call once the keys are gone. Returns when nothing is pending.
pub(in crate::app) async fn attempt_all_of_tenant(gateway: &Accounts, job: &RequestJob<'_>) -> Result<(), JobFailure> {
    for _ in 0..ROUNDS_MAX {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        let requests = store::provider_call::requests_with_pending(&tx, REQUESTS_PER_ROUND).await?;
        drop(tx);
        drop(client);
        if requests.is_empty() {
            return Ok(());
        }
        let mut failure = None;
        for request in requests {
            match attempt_all_of_request(gateway, job, request).await {
                Ok(()) => {}
                Err(lost) if lost.end == AttemptEnd::Discard => return Err(lost),
                Err(failed) => failure = Some(failed),
            }
        }
        if let Some(failed) = failure {
            return Err(outcome::unfinished(Some(&failed.reason), true));
        }
    }
    Err(outcome::unfinished(None, true))
}

async fn attempt_all_of_request(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    request: RequestId,
) -> Result<(), JobFailure> {
    let AnyCase::Person(case) = read_case_of(gateway, job.tenant_id, request).await? else {
        return Err(JobFailure::park(ParkCode::WrongSubject, JobReason::WrongSubject));
    };
    if matches!(case.request.state, RequestState::Cancelled | RequestState::Superseded) {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        store::provider_call::withdraw(&tx, request, gateway.now()).await?;
        tx.commit().await?;
    }
    attempt_all(gateway, job, &case).await
}

async fn attempt_all(gateway: &Accounts, job: &RequestJob<'_>, case: &Case) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let calls = store::provider_call::pending_of_person(&tx, case.request.request_id).await?;
    drop(tx);
    drop(client);
    for call in &calls {
        attempt_one(gateway, job, case, call).await?;
    }
    Ok(())
}

/// One attempt: recorded before it is made and after.
async fn attempt_one(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &Case,
    call: &PersonCall,
) -> Result<(), JobFailure> {
    // Before the attempt: a database that is away for a moment is no fault of the credentials.
    let secret = registry::provider_secret(gateway, call.source_id).await?;
    let Some(attempt) = begin(gateway, job, call.call_id).await? else { return Ok(()) };
    let uid = uid_of(case);
    // Another tenant's people must not lose their account because this one's person has left.
    let known = elsewhere::known(gateway, job.tenant_id, uid.cloned().into_iter().collect()).await?;
    let is_shared = uid.is_some_and(|uid| known.contains(uid));
    gateway.crash().reach("provider_call.before_call");
    let made = make(gateway, case, call, secret, is_shared).await;
    gateway.crash().reach("provider_call.after_call");
    let outcome = Outcome::of(&made);
    let record = [Made { attempt, kind: call.kind, outcome: &outcome }];
    attempt::end(gateway, job.tenant_id, &record, Audited::Each(case.request.request_id)).await?;
    made.map(|_| ()).map_err(|failure| outcome::job_failure(&failure))
}

/// `None` when the call has ended meanwhile.
async fn begin(gateway: &Accounts, job: &RequestJob<'_>, call: CallId) -> Result<Option<AttemptNumber>, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    if !store::job::has_lease(&tx, job).await? {
        return Err(JobFailure::discard(WorkReason::LeaseLost));
    }
    let begun = attempt::begin(gateway, &tx, &[call]).await?;
    tx.commit().await?;
    Ok(begun.first().copied())
}

fn uid_of(case: &Case) -> Option<&Personal<String>> {
    case.person.identities.iter().find(|(kind, _)| *kind == IdentityKind::FirebaseUid).map(|(_, uid)| uid)
}

/// Makes the call, unless the account is gone, or somebody else's.
async fn make(
    gateway: &Accounts,
    case: &Case,
    call: &PersonCall,
    secret: Option<SecretBytes>,
    is_shared: bool,
) -> Result<CallState, CallFailure> {
    let uid = uid_of(case).ok_or(CallFailure::NotSendable { what: "the person has no uid any more" })?;
    let project = case
        .issuer
        .project()
        .ok_or(CallFailure::NotSendable { what: "nobody knows the project of the person's uid" })?;
    let tenant = case.issuer.tenant();
    let secret = secret.ok_or(CallFailure::NotSendable { what: "the source has no credentials any more" })?;
    let toolkit = toolkit(gateway, call.source_id, project, secret)?;
    let now = gateway.now();
    let made = async {
        let accounts = toolkit.lookup(tenant, std::slice::from_ref(uid), now).await?;
        match accounts.first() {
            None => return Ok(CallState::AlreadyGone),
            Some(account) if is_anothers(account, case.request.covers_until()) => {
                return Ok(CallState::Withdrawn);
            }
            Some(_) if is_shared => return Ok(CallState::Shared),
            Some(_) => {}
        }
        match call.kind {
            CallKind::FirebaseDisable => toolkit.disable(tenant, uid, now).await.map(ended),
            CallKind::FirebaseRevoke => toolkit.revoke(tenant, uid, now.as_second(), now).await.map(ended),
            CallKind::FirebaseDelete => toolkit.delete(tenant, uid, now).await.map(ended),
        }
    };
    gateway.outgoing().breaker().guard(&destination(project), made).await
}

const fn ended(answer: ChangeAnswer) -> CallState {
    match answer {
        ChangeAnswer::Done => CallState::Done,
        ChangeAnswer::AlreadyGone => CallState::AlreadyGone,
    }
}
