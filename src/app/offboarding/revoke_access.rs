//! The small jobs of the timeline, of a person or of a whole tenant: access off at once, the mark at day 30, access back
//! after a return.

use crate::app::ground::fence;

use jiff::Timestamp;

use crate::{
    app::{
        accounts::{Accounts, of_person, provider_credentials},
        ground::{
            audit,
            error::{Error, JobFailure},
        },
        requests::{
            case::{AnyCase, read_case},
            lease::complete,
        },
    },
    domain::{
        JobId, TenantId,
        job::JobKind,
        request::{RequestScope, RequestState},
    },
    product,
    proof::audit::Fact,
    store::{self, TenantTx, job::ClaimedJob},
};

/// Takes access away in the product database, from one person or from everybody, and records when.
pub(in crate::app) async fn access_off(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    let request = case.request();
    if request.state != RequestState::Open {
        return Err(JobFailure::discard("the request is not open any more"));
    }
    let now = gateway.now();
    let (of_tenant, _) = marks_of_tenant(gateway, job).await?;
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    // The instant is the request's own, the same in every attempt, so that a return knows which mark is ours. A person's
    // takes the place of the whole customer's: should the customer come back, that person stays restricted.
    let done = match &case {
        AnyCase::Person(case) => {
            let person = (&case.person, case.digests.as_slice());
            product::revoke_access(&mut client, scope, person, request.opened_at, &of_tenant).await?
        }
        AnyCase::Tenant(_) => product::revoke_access_of_tenant(&mut client, scope, request.opened_at).await?,
    };
    drop(client);
    gateway.crash().reach("access_off.after_product");
    let credentials_of = match &case {
        AnyCase::Person(case) => provider_credentials::of_person(gateway, job.tenant_id, case).await?,
        AnyCase::Tenant(_) => None,
    };
    let facts = [("people", Fact::Count(done.people)), ("sessions", Fact::Count(done.sessions))];
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    audit::record(gateway, &tx, audit::WORKER, "access.off", job.request_id, facts).await?;
    match store::request::lock_state(&tx, job.request_id).await? {
        Some(RequestState::Open) => {
            if store::request::marks_of_tenant(&tx).await?.0 != of_tenant {
                return Err(Error::Busy("the customer's own offboarding began meanwhile").into());
            }
            store::request::set_access_off(&tx, job.request_id, now).await?;
            if let Some(source) = credentials_of {
                of_person::enqueue_access_off(gateway, &tx, job.request_id, source, now).await?;
            }
            complete(&tx, job, now).await?;
        }
        Some(RequestState::Cancelled) => give_back(gateway, &tx, job, now).await?,
        // The erasure has overtaken us: there is no access to give back, and soon nobody to give it to.
        Some(_) | None => complete(&tx, job, now).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn marks_of_tenant(gateway: &Accounts, job: &ClaimedJob) -> Result<(Vec<Timestamp>, Vec<Timestamp>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    Ok(store::request::marks_of_tenant(&tx).await?)
}

/// Day 30: marks the data in the product database.
pub(in crate::app) async fn mark(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    if case.request().state != RequestState::Open {
        return Err(JobFailure::discard("the request is not open any more"));
    }
    let now = gateway.now();
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let people = match &case {
        AnyCase::Person(case) => {
            let mut client = gateway.databases().product.client().await?;
            product::flag_for_deletion(&mut client, scope, &case.person, now).await?
        }
        AnyCase::Tenant(_) => {
            let at = begin_mark(gateway, job, now).await?;
            gateway.crash().reach("tenant_mark.after_begin");
            let mut client = gateway.databases().product.client().await?;
            product::flag_for_deletion_of_tenant(&mut client, scope, at).await?
        }
    };
    gateway.crash().reach("mark.after_product");
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
    tx.commit().await?;
    Ok(())
}

/// The instant that everybody is marked with is committed before the first mark, so that a return knows which marks are ours
/// even when this worker dies among them.
async fn begin_mark(gateway: &Accounts, job: &ClaimedJob, now: Timestamp) -> Result<Timestamp, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    if store::request::lock_state(&tx, job.request_id).await? != Some(RequestState::Open) {
        return Err(JobFailure::discard("the request is not open any more"));
    }
    let at = store::request::begin_mark(&tx, job.request_id, now).await?;
    tx.commit().await?;
    Ok(at)
}

/// A return came while this job was at the product: a job of its own gives access back after this one. It is committed even
/// though the return has cancelled our job, for what we did in the product database stands.
async fn give_back(gateway: &Accounts, tx: &TenantTx<'_>, job: &ClaimedJob, now: Timestamp) -> Result<(), Error> {
    let again = JobId::new(gateway.clock(), gateway.entropy());
    store::job::insert_or_restart(tx, again, JobKind::AccessOn, job.request_id, now).await?;
    store::job::complete(tx, job, now).await?;
    Ok(())
}

/// Gives access back after a return, unless whoever came back has left again.
pub(in crate::app) async fn access_on(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let case = read_case(gateway, job).await?;
    let scope = case.request().scope;
    let Some(ours) = written_unless_leaving(gateway, job.tenant_id, scope).await? else {
        return Err(JobFailure::discard("whoever came back has left again"));
    };
    let mut client = gateway.databases().product.client().await?;
    let product_scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let people = match &case {
        AnyCase::Person(case) if case.person.identities.is_empty() => {
            return Err(JobFailure::discard("the person was erased"));
        }
        AnyCase::Person(case) => {
            let person = (&case.person, case.digests.as_slice());
            product::restore_access(&mut client, product_scope, person, &ours.restricted_at).await?
        }
        AnyCase::Tenant(_) => {
            product::restore_access_of_tenant(&mut client, product_scope, &ours.restricted_at, &ours.marked_at).await?
        }
    };
    drop(client);
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    // A departure came between the check and the change, or the whole customer is leaving: access goes off again, by a job
    // of its own.
    for leaving in [scope, RequestScope::Tenant] {
        if let Some(living) = store::request::living(&tx, leaving).await? {
            let again = JobId::new(gateway.clock(), gateway.entropy());
            store::job::insert_or_restart(&tx, again, JobKind::AccessOff, living, now).await?;
        }
    }
    audit::record(gateway, &tx, audit::WORKER, "access.on", job.request_id, [("people", Fact::Count(people))]).await?;
    complete(&tx, job, now).await?;
    tx.commit().await?;
    Ok(())
}

/// What the requests of a person or tenant have written into the product database.
struct Written {
    restricted_at: Vec<Timestamp>,
    marked_at: Vec<Timestamp>,
}

/// `None` when a request is living, or everything of the tenant is gone.
async fn written_unless_leaving(
    gateway: &Accounts,
    tenant: TenantId,
    scope: RequestScope,
) -> Result<Option<Written>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let is_gone = fence::tenant::standing(&tx, gateway.now()).await?.is_gone();
    if is_gone || store::request::living(&tx, scope).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(match scope {
        RequestScope::Subject(subject) => {
            Written { restricted_at: store::request::openings(&tx, subject).await?, marked_at: Vec::new() }
        }
        RequestScope::Tenant => {
            let (restricted_at, marked_at) = store::request::marks_of_tenant(&tx).await?;
            Written { restricted_at, marked_at }
        }
    }))
}
