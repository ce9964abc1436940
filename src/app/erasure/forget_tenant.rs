//! DESTROY, for a whole tenant: what we keep of its people goes, its credentials, and every key.
//!
//! Every provider call is confirmed by now: with the keys goes whom they were about. What is forgotten first is forgotten in bounded transactions of its own, and all of it may be forgotten twice; the keys and the
//! request's state are one commit at the end. Fences of people stay until their own term: a tenant that comes back must not
//! bring back whoever was erased before.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        accounts::of_tenant,
        erasure::Erasure,
        ground::{audit, error::JobFailure, fence::mirror},
        requests::{case::TenantCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        RunId, SourceKind, TenantId,
        job::ParkCode,
        reason::JobReason,
        run::{Phase, Stage},
    },
    proof::audit::Fact,
    sources::{
        contract::{Contract, Tenancy},
        contracts,
    },
    store::{self, TenantTx, source::Holder},
};

const STAGE: Stage = Stage::Running(Phase::Told);

/// Rows of each kind that are forgotten in one transaction of ours.
const FORGOTTEN_ROWS_MAX: i64 = 10_000;
/// The most transactions in which they are forgotten; more do not end.
const FORGETTING_ROUNDS_MAX: usize = 100_000;

/// Everything that we keep of the tenant's people, the tenant's sources and credentials, and every key.
pub(in crate::app) async fn destroy_keys(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &TenantCase,
    run: RunId,
) -> Result<(), JobFailure> {
    gateway.crash().reach("tenant_erasure.before_key_destruction");
    forget_everybody(gateway, job).await?;
    forget_installations(gateway, job, case).await?;
    let now = gateway.now();
    let fences_end = now + SignedDuration::from_hours(24 * i64::from(gateway.policy().fence_days));
    set_term_of_superseded(gateway, job, case, fences_end).await?;
    gateway.crash().reach("tenant_erasure.after_forgetting");
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, STAGE).await?;
    of_tenant::close(gateway, &tx, job.request_id, now).await?;
    let (subjects, epochs) = store::keys::destroy_all(&tx, now).await?;
    store::subject::mark_all_erased(&tx, now).await?;
    let sources = store::tenant::end_sources(&tx, now).await?;
    store::fence::finish_superseded(&tx, job.request_id, fences_end).await?;
    store::run::advance(&tx, run, (Phase::Told, Phase::KeyDestroyed), now, None).await?;
    let facts =
        [("subjects", Fact::Count(subjects)), ("epochs", Fact::Count(epochs)), ("sources", Fact::Count(sources))];
    audit::record(gateway, &tx, audit::WORKER, "tenant.keys_destroyed", job.request_id, facts).await?;
    tx.commit().await?;
    gateway.crash().reach("tenant_erasure.after_key_destruction");
    Ok(())
}

/// Identities, signals and minimized events, a bounded number in each transaction.
async fn forget_everybody(gateway: &Erasure, job: &RequestJob<'_>) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    for _ in 0..FORGETTING_ROUNDS_MAX {
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        ensure_lease(&tx, job, STAGE).await?;
        let forgotten = store::subject::forget_some_of_everybody(&tx, FORGOTTEN_ROWS_MAX).await?
            + store::tree::forget_some(&tx, FORGOTTEN_ROWS_MAX).await?;
        tx.commit().await?;
        if forgotten == 0 {
            return Ok(());
        }
    }
    Err(JobFailure::park(ParkCode::BoundExceeded, JobReason::BoundExceeded { what: "forgetting the tenant's people" }))
}

/// The kinds whose deliveries name their tenant: an installation's credentials are kept under that tenant's key.
fn named_by_key() -> Vec<SourceKind> {
    let is_named = |contract: &Contract| matches!(contract.tenancy, Tenancy::OfDelivery);
    contracts().filter(|(_, contract)| is_named(contract)).map(|(kind, _)| kind).collect()
}

/// What the tenant's installations have brought to sources that all tenants share, and that they are the tenant's. The
/// credentials first: by the binding we know which they are.
async fn forget_installations(gateway: &Erasure, job: &RequestJob<'_>, case: &TenantCase) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    for _ in 0..FORGETTING_ROUNDS_MAX {
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        ensure_lease(&tx, job, STAGE).await?;
        let bound: Vec<Holder> = store::source::holders_of_tenant(&tx, FORGOTTEN_ROWS_MAX).await?;
        tx.commit().await?;
        let tx = TenantTx::begin(&mut client, TenantId::PLATFORM).await?;
        store::source::forget_installations(&tx, &case.tenant_key, &named_by_key(), &bound).await?;
        tx.commit().await?;
        let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
        ensure_lease(&tx, job, STAGE).await?;
        store::source::unbind(&tx, &bound).await?;
        tx.commit().await?;
        if bound.is_empty() {
            return Ok(());
        }
    }
    Err(JobFailure::park(
        ParkCode::BoundExceeded,
        JobReason::BoundExceeded { what: "forgetting the tenant's installations" },
    ))
}

/// People who were behind a fence of their own when the tenant's superseded their request: their rows went with the
/// tenant's, and their fence gets the term of a finished erasure.
async fn set_term_of_superseded(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &TenantCase,
    fences_end: Timestamp,
) -> Result<(), JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let fences = store::fence::of_superseded(&tx, job.request_id, FORGOTTEN_ROWS_MAX).await?;
    drop(tx);
    drop(client);
    // Their request may have ended before it had mirrored them.
    mirror::mirror(gateway, &case.tenant_key, &fences).await?;
    Ok(mirror::set_term(gateway, &case.tenant_key, &fences, fences_end).await?)
}
