//! The small jobs of the timeline, of a person or of a whole tenant: access revoked at once, data flagged for deletion at
//! day 30, access restored after a return.

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
            job::RequestJob,
            lease::complete,
        },
    },
    domain::{
        JobId, TenantId,
        job::JobKind,
        reason::{JobReason, WaitReason},
        request::{RequestScope, RequestState},
    },
    product,
    proof::audit::Fact,
    store::{self, TenantTx, job::ClaimedJob},
};

const NOT_SCHEDULED: JobReason = JobReason::NotScheduled;

/// Revokes access in the product database, of one person or of everybody, and records when.
pub(in crate::app) async fn revoke(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let job = &RequestJob::of(job)?;
    let case = read_case(gateway, job).await?;
    let request = case.request();
    if request.state != RequestState::Scheduled {
        return Err(JobFailure::discard(NOT_SCHEDULED));
    }
    let now = gateway.now();
    let of_tenant = revoked_by_tenant(gateway, job).await?;
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    // The instant is the request's own, the same in every attempt, so that a return knows which mark is ours. A person's
    // takes the place of the whole tenant's: should the tenant come back, that person stays restricted.
    let done = match &case {
        AnyCase::Person(case) => {
            let person = (&case.person, case.digests.as_slice());
            product::revoke_access(&mut client, scope, person, request.opened_at, &of_tenant).await?
        }
        AnyCase::Tenant(_) => product::revoke_access_of_tenant(&mut client, scope, request.opened_at).await?,
    };
    drop(client);
    gateway.crash().reach("revoke_access.after_product");
    let credentials_of = match &case {
        AnyCase::Person(case) => provider_credentials::of_person(gateway, job.tenant_id, case).await?,
        AnyCase::Tenant(_) => None,
    };
    let facts = [("people", Fact::Count(done.people)), ("sessions", Fact::Count(done.sessions))];
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    audit::record(gateway, &tx, audit::WORKER, "access.revoked", job.request_id, facts).await?;
    match store::request::lock_state(&tx, job.request_id).await? {
        Some(RequestState::Scheduled) => {
            if store::offboarding::written_by_tenant(&tx).await?.0 != of_tenant {
                return Err(Error::later(WaitReason::TenantOffboardingBegan).into());
            }
            store::offboarding::set_access_revoked(&tx, job.request_id, now).await?;
            if let Some(source) = credentials_of {
                of_person::enqueue_revocation(gateway, &tx, job.request_id, source, now).await?;
            }
            complete(&tx, job, now).await?;
        }
        Some(RequestState::Cancelled) => restore_later(gateway, &tx, job, now).await?,
        // The erasure has overtaken us: there is no access to restore, and soon nobody to restore it to.
        Some(_) | None => complete(&tx, job, now).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn revoked_by_tenant(gateway: &Accounts, job: &RequestJob<'_>) -> Result<Vec<Timestamp>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    Ok(store::offboarding::written_by_tenant(&tx).await?.0)
}

/// Day 30: flags the data for deletion in the product database.
pub(in crate::app) async fn flag(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let job = &RequestJob::of(job)?;
    let case = read_case(gateway, job).await?;
    if case.request().state != RequestState::Scheduled {
        return Err(JobFailure::discard(NOT_SCHEDULED));
    }
    let now = gateway.now();
    let scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let people = match &case {
        AnyCase::Person(case) => {
            let mut client = gateway.databases().product.client().await?;
            product::flag_for_deletion(&mut client, scope, &case.person, now).await?
        }
        AnyCase::Tenant(_) => {
            let at = begin_flag(gateway, job, now).await?;
            gateway.crash().reach("tenant_flag.after_begin");
            let mut client = gateway.databases().product.client().await?;
            product::flag_for_deletion_of_tenant(&mut client, scope, at).await?
        }
    };
    gateway.crash().reach("flag.after_product");
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    audit::record(gateway, &tx, audit::WORKER, "data.flagged", job.request_id, [("people", Fact::Count(people))])
        .await?;
    match store::request::lock_state(&tx, job.request_id).await? {
        Some(RequestState::Scheduled) => {
            store::offboarding::set_flagged(&tx, job.request_id, now).await?;
            complete(&tx, job, now).await?;
        }
        Some(RequestState::Cancelled) => restore_later(gateway, &tx, job, now).await?,
        Some(_) | None => complete(&tx, job, now).await?,
    }
    tx.commit().await?;
    Ok(())
}

/// The instant that everybody is flagged with is committed before the first flag, so that a return knows which flags are ours
/// even when this worker dies among them.
async fn begin_flag(gateway: &Accounts, job: &RequestJob<'_>, now: Timestamp) -> Result<Timestamp, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    if store::request::lock_state(&tx, job.request_id).await? != Some(RequestState::Scheduled) {
        return Err(JobFailure::discard(NOT_SCHEDULED));
    }
    let at = store::offboarding::begin_flag(&tx, job.request_id, now).await?;
    tx.commit().await?;
    Ok(at)
}

/// A return came while this job was at the product: a job of its own restores access after this one. It is committed even
/// though the return has cancelled our job, for what we did in the product database stands.
async fn restore_later(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    job: &RequestJob<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let again = JobId::new(gateway.clock(), gateway.entropy());
    store::job::insert_or_restart(tx, again, JobKind::RestoreAccess, job.request_id, now).await?;
    store::job::complete(tx, job, now).await?;
    Ok(())
}

/// Restores access after a return, unless whoever came back has left again.
pub(in crate::app) async fn restore(gateway: &Accounts, job: &ClaimedJob) -> Result<(), JobFailure> {
    let job = &RequestJob::of(job)?;
    let case = read_case(gateway, job).await?;
    let scope = case.request().scope;
    let Some(ours) = written_unless_leaving(gateway, job.tenant_id, scope).await? else {
        return Err(JobFailure::discard(JobReason::LeftAgain));
    };
    let mut client = gateway.databases().product.client().await?;
    let product_scope = product::TenantScope { map: gateway.map(), tenant_key: case.tenant_key() };
    let people = match &case {
        AnyCase::Person(case) if case.person.identities.is_empty() => {
            return Err(JobFailure::discard(JobReason::PersonErased));
        }
        AnyCase::Person(case) => {
            let person = (&case.person, case.digests.as_slice());
            product::restore_access(&mut client, product_scope, person, &ours.restricted_at).await?
        }
        AnyCase::Tenant(_) => {
            product::restore_access_of_tenant(&mut client, product_scope, &ours.restricted_at, &ours.flagged_at).await?
        }
    };
    drop(client);
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    // A departure came between the check and the change, or the whole tenant is leaving: access is revoked again, by a job of
    // its own.
    for leaving in [scope, RequestScope::Tenant] {
        if let Some(living) = store::request::living(&tx, leaving).await? {
            let again = JobId::new(gateway.clock(), gateway.entropy());
            store::job::insert_or_restart(&tx, again, JobKind::RevokeAccess, living, now).await?;
        }
    }
    audit::record(gateway, &tx, audit::WORKER, "access.restored", job.request_id, [("people", Fact::Count(people))])
        .await?;
    complete(&tx, job, now).await?;
    tx.commit().await?;
    Ok(())
}

/// What the requests of a person or tenant have written into the product database.
struct Written {
    restricted_at: Vec<Timestamp>,
    flagged_at: Vec<Timestamp>,
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
            Written { restricted_at: store::request::openings(&tx, subject).await?, flagged_at: Vec::new() }
        }
        RequestScope::Tenant => {
            let (restricted_at, flagged_at) = store::offboarding::written_by_tenant(&tx).await?;
            Written { restricted_at, flagged_at }
        }
    }))
}
