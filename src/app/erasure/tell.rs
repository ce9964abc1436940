//! TELL: identity providers are told of the accounts that go, before the keys go, with which it would be forgotten whose they
//! are. Returns when every provider call is confirmed; what can be mended by waiting is tried again.
//!
//! A tenant's erasure makes the calls about its people that no other job makes any more, those about everybody's accounts, and
//! waits for people's own erasures that were verified before its fence. Behind that fence none of them becomes more.

use crate::{
    app::{
        accounts::{of_person, of_tenant},
        erasure::Erasure,
        ground::{audit, error::JobFailure},
        requests::{
            case::{AnyCase, TenantCase},
            job::RequestJob,
            lease::ensure_lease,
        },
    },
    domain::{
        RunId,
        reason::JobReason,
        run::{Phase, Stage},
    },
    store::{self, TenantTx},
};

/// Tells, and commits that everybody is told.
pub(super) async fn tell(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &AnyCase,
    run: RunId,
) -> Result<(), JobFailure> {
    match case {
        AnyCase::Person(person) => of_person::tell_of_erasure(gateway, job, person).await?,
        AnyCase::Tenant(tenant) => tell_of_everybody(gateway, job, tenant).await?,
    }
    gateway.crash().reach(case.either("erasure.before_told", "tenant_erasure.before_told"));
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, Stage::Running(Phase::Verified)).await?;
    store::run::advance(&tx, run, (Phase::Verified, Phase::Told), gateway.now(), None).await?;
    audit::record(gateway, &tx, audit::WORKER, "erasure.told", job.request_id, []).await?;
    tx.commit().await?;
    gateway.crash().reach(case.either("erasure.after_told", "tenant_erasure.after_told"));
    Ok(())
}

async fn tell_of_everybody(gateway: &Erasure, job: &RequestJob<'_>, case: &TenantCase) -> Result<(), JobFailure> {
    let about_people = of_person::attempt_all_of_tenant(gateway, job).await;
    // Also when the first has failed: one person's call must not keep everybody's accounts from being told of.
    of_tenant::tell(gateway, job, case).await?;
    about_people?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    match store::request::unfinished_of_people(&tx).await? {
        0 => Ok(()),
        _ => Err(JobFailure::retry(JobReason::ProviderCallsUnfinished)),
    }
}
