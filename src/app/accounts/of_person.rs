//! Calling back: telling senders' own systems what was decided here.
//!
//! What must be told stands in an outbox, one row for each call and one for each attempt, so that an attempt that ends
//! without a word is seen. Attempts go on until the other side has confirmed; every call may be made twice. The erasure of
//! a person waits for them: without the uid, which goes with the person's key, nobody could be told any more. So does the
//! erasure of a whole tenant, which makes those calls itself that no other job makes any more.

use crate::app::registry;

use jiff::Timestamp;

use crate::{
    app::{
        accounts::{
            Accounts,
            call::{UNFINISHED, failure_word, is_anothers, new_id},
            credentials::{destination, project_and_tenant, teller, toolkit},
            elsewhere,
        },
        ground::{
            audit,
            error::{AttemptEnd, Error, JobFailure},
        },
        requests::{
            case::{AnyCase, Case, read_case, read_case_of},
            job::RequestJob,
            lease::complete,
        },
    },
    domain::{
        IdentityKind, JobId, Personal, RequestId, SourceId,
        call_back::{CallBackKind, CallBackState},
        job::{JobKind, ParkCode},
        request::RequestState,
    },
    outbound::{CallFailure, identity_toolkit::AccountCall},
    proof::{Word, audit::Fact},
    signature::SecretBytes,
    store::{self, TenantTx, call_back::CallBackRow},
};

/// Requests whose calls one round of a customer's purge makes.
const REQUESTS_PER_ROUND: i64 = 100;

/// The most rounds of one attempt; what is left then is for the next attempt.
const ROUNDS_MAX: usize = 10;

/// Puts the calls that take access away into the outbox, with the job that makes them, in the caller's transaction.
pub(in crate::app) async fn enqueue_revocation(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    request: RequestId,
    source: SourceId,
    now: Timestamp,
) -> Result<(), Error> {
    for kind in [CallBackKind::FirebaseDisable, CallBackKind::FirebaseRevoke] {
        store::call_back::insert(tx, new_id(gateway), request, kind, source, now).await?;
    }
    let job = JobId::new(gateway.clock(), gateway.entropy());
    store::job::insert_or_restart(tx, job, JobKind::ProviderCalls, request, now).await?;
    Ok(())
}

/// The job: makes every call of its request that is still to be made.
pub(in crate::app) async fn run(gateway: &Accounts, job: &RequestJob<'_>) -> Result<(), JobFailure> {
    let AnyCase::Person(case) = read_case(gateway, job).await? else {
        return Err(JobFailure::discard("a whole customer is nobody's account"));
    };
    let now = gateway.now();
    if matches!(case.request.state, RequestState::Cancelled | RequestState::Superseded) {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        store::call_back::withdraw(&tx, job.request_id, now).await?;
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

/// CALL BACK, as a phase of the erasure: the account goes at the identity provider too. Returns when everything is told.
pub(in crate::app) async fn tell_of_erasure(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &Case,
) -> Result<(), JobFailure> {
    if let Some(source) = teller(gateway, job.tenant_id, case).await? {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        let (id, kind) = (new_id(gateway), CallBackKind::FirebaseDelete);
        store::call_back::insert(&tx, id, job.request_id, kind, source, gateway.now()).await?;
        tx.commit().await?;
    }
    gateway.crash().reach("deletion.before_call_back");
    attempt_all(gateway, job, case).await?;
    gateway.crash().reach("deletion.after_call_back");
    Ok(())
}

/// Before a whole customer's keys go: makes every call about its people that is still to be made. Jobs that would have made
/// them have ended with the tenant's fence. Each request has its turn however the others fail; a failure is tried again, for
/// nobody could make the call once the keys are gone. Returns when nothing is pending.
pub(in crate::app) async fn attempt_all_of_tenant(gateway: &Accounts, job: &RequestJob<'_>) -> Result<(), JobFailure> {
    for _ in 0..ROUNDS_MAX {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        let requests = store::call_back::requests_with_pending(&tx, REQUESTS_PER_ROUND).await?;
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
            return Err(JobFailure::retry(format!("{UNFINISHED}: {}", failed.reason)));
        }
    }
    Err(JobFailure::retry(UNFINISHED))
}

async fn attempt_all_of_request(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    request: RequestId,
) -> Result<(), JobFailure> {
    let AnyCase::Person(case) = read_case_of(gateway, job.tenant_id, request).await? else {
        return Err(JobFailure::park(ParkCode::WrongSubject, "a whole tenant is nobody's account"));
    };
    if matches!(case.request.state, RequestState::Cancelled | RequestState::Superseded) {
        let mut client = gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        store::call_back::withdraw(&tx, request, gateway.now()).await?;
        tx.commit().await?;
    }
    attempt_all(gateway, job, &case).await
}

async fn attempt_all(gateway: &Accounts, job: &RequestJob<'_>, case: &Case) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let rows = store::call_back::of_request(&tx, case.request.request_id).await?;
    drop(tx);
    drop(client);
    for row in rows.iter().filter(|row| row.state == CallBackState::Pending) {
        attempt(gateway, job, case, row).await?;
    }
    Ok(())
}

/// One attempt: recorded before it is made and after.
async fn attempt(gateway: &Accounts, job: &RequestJob<'_>, case: &Case, row: &CallBackRow) -> Result<(), JobFailure> {
    // Before the attempt: a database that is away for a moment is no fault of the credentials.
    let credentials = registry::call_back_secret(gateway, row.source_id).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    if !store::job::has_lease(&tx, job).await? {
        return Err(JobFailure::discard("another worker has the job"));
    }
    let begun = store::call_back::begin_attempt(&tx, row.call_back_id, gateway.now()).await?;
    tx.commit().await?;
    drop(client);
    let Some(number) = begun else { return Ok(()) };
    let uid = uid_of(case);
    // Another customer's people must not lose their account because this one's person has left.
    let known = elsewhere::known(gateway, job.tenant_id, uid.cloned().into_iter().collect()).await?;
    let is_shared = uid.is_some_and(|uid| known.contains(uid));
    gateway.crash().reach("call_back.before_call");
    let told = tell(gateway, case, row, credentials, is_shared).await;
    gateway.crash().reach("call_back.after_call");
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let outcome = told.as_ref().map_or_else(failure_word, |state| state.as_str().to_owned());
    store::call_back::end_attempt(&tx, row.call_back_id, number, now, &outcome).await?;
    if let Ok(state) = told {
        store::call_back::finish(&tx, row.call_back_id, state, now).await?;
        let word = |text| Word::parse(text).map_err(Error::from);
        let facts = [("call", Fact::Word(word(row.kind.as_str())?)), ("ended", Fact::Word(word(state.as_str())?))];
        audit::record(gateway, &tx, audit::WORKER, "call_back.ended", case.request.request_id, facts).await?;
    }
    tx.commit().await?;
    metrics::counter!(crate::domain::metric::CALL_BACKS_TOTAL, "kind" => row.kind.as_str(), "outcome" => outcome)
        .increment(1);
    told.map(|_| ()).map_err(|failure| job_failure(&failure))
}

/// What can be mended by waiting is tried again; everything else waits for a person.
fn job_failure(failure: &CallFailure) -> JobFailure {
    let reason = format!("call-back: {failure}");
    if failure.is_transient() { JobFailure::retry(reason) } else { JobFailure::park(ParkCode::ProviderRefuses, reason) }
}

fn uid_of(case: &Case) -> Option<&Personal<String>> {
    case.person.identities.iter().find(|(kind, _)| *kind == IdentityKind::FirebaseUid).map(|(_, uid)| uid)
}

/// Makes the call, unless there is nobody to tell of, or somebody else's account.
async fn tell(
    gateway: &Accounts,
    case: &Case,
    row: &CallBackRow,
    credentials: Option<SecretBytes>,
    is_shared: bool,
) -> Result<CallBackState, CallFailure> {
    let (project, tenant) = project_and_tenant(&case.issuer);
    let uid = uid_of(case).ok_or(CallFailure::NotSendable { what: "the person has no uid any more" })?;
    let credentials = credentials.ok_or(CallFailure::NotSendable { what: "the source has no credentials any more" })?;
    let toolkit = toolkit(gateway, row.source_id, project, credentials)?;
    let now = gateway.now();
    let call = async {
        let accounts = toolkit.lookup(tenant, std::slice::from_ref(uid), now).await?;
        match accounts.first() {
            None => return Ok(CallBackState::AlreadyGone),
            Some(account) if is_anothers(account, case.request.covers_until()) => {
                return Ok(CallBackState::Withdrawn);
            }
            Some(_) if is_shared => return Ok(CallBackState::Shared),
            Some(_) => {}
        }
        match row.kind {
            CallBackKind::FirebaseDisable => toolkit.disable(tenant, uid, now).await.map(ended),
            CallBackKind::FirebaseRevoke => toolkit.revoke(tenant, uid, now.as_second(), now).await.map(ended),
            CallBackKind::FirebaseDelete => toolkit.delete(tenant, uid, now).await.map(ended),
        }
    };
    gateway.outgoing().breaker().guard(&destination(project), call).await
}

const fn ended(call: AccountCall) -> CallBackState {
    match call {
        AccountCall::Done => CallBackState::Done,
        AccountCall::AlreadyGone => CallBackState::AlreadyGone,
    }
}
