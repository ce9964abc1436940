//! DESTROY, for a person: what was sealed for them can never be opened again, in our database or its backups, once the tenant's
//! key epoch has been rotated too.

use crate::{
    app::{
        erasure::Erasure,
        ground::{audit, error::JobFailure},
        requests::{case::Case, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        RunId,
        run::{Phase, Stage},
    },
    store::{self, TenantTx},
};

/// Identities, signals, minimized events, and the key.
pub(super) async fn destroy_key(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &Case,
    run: RunId,
) -> Result<(), JobFailure> {
    gateway.crash().reach("erasure.before_key_destruction");
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, Stage::Running(Phase::Told)).await?;
    store::subject::forget(&tx, case.subject, now).await?;
    store::keys::destroy_subject_key(&tx, case.subject, now).await?;
    store::run::advance(&tx, run, (Phase::Told, Phase::KeyDestroyed), now, None).await?;
    audit::record(gateway, &tx, audit::WORKER, "key.destroyed", job.request_id, []).await?;
    tx.commit().await?;
    gateway.crash().reach("erasure.after_key_destruction");
    Ok(())
}
