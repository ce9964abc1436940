//! The small jobs of the timeline: access off at once, the mark at day 30, access back after a return.

use jiff::Timestamp;

use super::{Error, Gateway, JobFailure, audit, person};
use crate::{
    domain::{JobId, SubjectId, TenantId, job::JobKind, request::RequestState},
    proof::audit::Fact,
    store::{self, TenantTx, job::ClaimedJob, request::RequestRow},
    target::{self, PersonKey},
};

/// Requests that one person can have had: each is a departure and a return.
const REQUESTS_OF_A_PERSON_MAX: i64 = 1_000;

/// What a job about a person needs, read in one short transaction.
pub(super) struct Case {
    pub(super) request: RequestRow,
    pub(super) tenant_key: String,
    pub(super) person: PersonKey,
    /// Who gives out the identities that the person is found by.
    pub(super) issuer: String,
}

/// Reads a request with its person, whose identities are opened for this operation.
pub(super) async fn read_case(gateway: &Gateway, job: &ClaimedJob) -> Result<Case, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let request = store::request::read(&tx, job.request_id).await?.ok_or(Error::NotFound("request"))?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    let subject = store::subject::read(&tx, request.subject_id).await?.ok_or(Error::Missing("the subject"))?;
    let anchors: Vec<_> = match gateway.vault().subject_key(&tx, request.subject_id).await? {
        None => Vec::new(),
        Some(key) => person::open_identities(&tx, request.subject_id, &key)
            .await?
            .into_iter()
            .filter(|identity| identity.is_anchor)
            .collect(),
    };
    let issuer = anchors.first().map_or_else(String::new, |anchor| anchor.issuer.clone());
    let identities = anchors.into_iter().map(|identity| (identity.kind, identity.value)).collect();
    Ok(Case { request, tenant_key, person: PersonKey { kind: subject.kind, identities }, issuer })
}

/// Takes access away in the target and records when.
pub(super) async fn access_off(gateway: &Gateway, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    if case.request.state != RequestState::Open {
        return Err(JobFailure::discard("the request is not open any more"));
    }
    let now = gateway.now();
    let mut client = gateway.databases().target.client().await?;
    let scope = target::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    // The instant is the request's own, the same in every attempt, so that a return knows which mark is ours.
    let done = target::access_off(&mut client, scope, &case.person, case.request.opened_at).await?;
    drop(client);
    gateway.crash().reach("access_off.after_target");
    let facts = [("people", Fact::Count(done.people)), ("sessions", Fact::Count(done.sessions))];
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    audit::record(gateway, &tx, audit::WORKER, "access.off", job.request_id, facts).await?;
    match store::request::lock_state(&tx, job.request_id).await? {
        Some(RequestState::Open) => {
            store::request::set_access_off(&tx, job.request_id, now).await?;
            complete(&tx, job, now).await?;
        }
        Some(RequestState::Cancelled) => give_back(gateway, &tx, job, now).await?,
        // The erasure has overtaken us: there is no access to give back, and soon nobody to give it to.
        Some(_) | None => complete(&tx, job, now).await?,
    }
    tx.commit().await.map_err(Error::from)?;
    Ok(())
}

/// Day 30: marks the data in the target.
pub(super) async fn mark(gateway: &Gateway, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    if case.request.state != RequestState::Open {
        return Err(JobFailure::discard("the request is not open any more"));
    }
    let now = gateway.now();
    let mut client = gateway.databases().target.client().await?;
    let scope = target::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let people = target::mark(&mut client, scope, &case.person, now).await?;
    drop(client);
    gateway.crash().reach("mark.after_target");
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    audit::record(gateway, &tx, audit::WORKER, "data.marked", job.request_id, [("people", Fact::Count(people))])
        .await?;
    match store::request::lock_state(&tx, job.request_id).await? {
        Some(RequestState::Open) => {
            store::request::set_marked(&tx, job.request_id, now).await?;
            complete(&tx, job, now).await?;
        }
        Some(RequestState::Cancelled) => give_back(gateway, &tx, job, now).await?,
        Some(_) | None => complete(&tx, job, now).await?,
    }
    tx.commit().await.map_err(Error::from)?;
    Ok(())
}

/// A return came while this job was at the target: a job of its own gives access back after this one. It is committed even
/// though the return has cancelled our job, for what we did in the target stands.
async fn give_back(gateway: &Gateway, tx: &TenantTx<'_>, job: &ClaimedJob, now: Timestamp) -> Result<(), Error> {
    let again = JobId::new(gateway.clock(), gateway.entropy());
    store::job::insert_or_restart(tx, again, JobKind::AccessOn, job.request_id, now).await?;
    store::job::complete(tx, job, now).await?;
    Ok(())
}

/// Gives access back after a return, unless the person has left again meanwhile.
pub(super) async fn access_on(gateway: &Gateway, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    let subject = case.request.subject_id;
    let Some(opened_at) = requests_unless_leaving(gateway, job.tenant_id, subject).await? else {
        return Err(JobFailure::discard("the person has left again"));
    };
    if case.person.identities.is_empty() {
        return Err(JobFailure::discard("the person was erased"));
    }
    let mut client = gateway.databases().target.client().await?;
    let scope = target::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let people = target::access_on(&mut client, scope, &case.person, &opened_at).await?;
    drop(client);
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    if let Some(living) = store::request::living(&tx, subject).await? {
        // A departure came between the check and the change: access goes off again, by a job of its own.
        let again = JobId::new(gateway.clock(), gateway.entropy());
        store::job::insert_or_restart(&tx, again, JobKind::AccessOff, living, now).await?;
    }
    audit::record(gateway, &tx, audit::WORKER, "access.on", job.request_id, [("people", Fact::Count(people))]).await?;
    complete(&tx, job, now).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(())
}

/// When each of the person's requests was opened, which is what access-off writes; `None` when one is living.
async fn requests_unless_leaving(
    gateway: &Gateway,
    tenant: TenantId,
    subject: SubjectId,
) -> Result<Option<Vec<Timestamp>>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    if store::request::living(&tx, subject).await?.is_some() {
        return Ok(None);
    }
    let requests = store::request::list(&tx, Some(subject), None, REQUESTS_OF_A_PERSON_MAX).await?;
    Ok(Some(requests.into_iter().map(|request| request.opened_at).collect()))
}

/// Completes a job in the transaction of its result; a worker whose lease ran out commits nothing.
pub(super) async fn complete(tx: &TenantTx<'_>, job: &ClaimedJob, at: Timestamp) -> Result<(), JobFailure> {
    if store::job::complete(tx, job, at).await.map_err(Error::from)? {
        Ok(())
    } else {
        Err(JobFailure::discard("another worker holds the job"))
    }
}
