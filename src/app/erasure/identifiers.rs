//! What a person is searched for by, after their own row is gone.

use crate::{
    app::{
        erasure::Erasure,
        ground::{
            error::{Error, JobFailure},
            identities,
        },
        requests::{case::Case, job::RequestJob, lease::ensure_lease},
    },
    domain::{IdentityKind, Personal, run::Stage},
    product,
    sealing::normalise,
    store::TenantTx,
};

/// A shorter value identifies nobody and would be found everywhere.
const SEARCHED_BYTES_MIN: usize = 6;

/// E-mail and other identities stand only in the product database's own row, which will be gone when the reader looks for
/// them: they are kept, sealed under the subject's key, until that key is destroyed.
pub(super) async fn remember(gateway: &Erasure, job: &RequestJob<'_>, case: &Case) -> Result<(), JobFailure> {
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &case.tenant_key };
    let tx = product::begin(&mut client, scope).await?;
    let found = product::collect_identifiers(&tx, &case.person).await?;
    drop(tx);
    drop(client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let subject = case.subject;
    let key = gateway.vault().subject_key(&tx, subject).await?.ok_or(Error::Missing("the subject's key"))?;
    // A worker that was asleep must not add an identity after the person is forgotten.
    ensure_lease(&tx, job, Stage::Scheduled).await?;
    let known = identities::open_identities(&tx, subject, &key).await?;
    for (kind, value) in found {
        let is_known = known.iter().any(|open| open.kind == kind && open.value == value);
        if !is_known && value.expose_for("its length").len() >= SEARCHED_BYTES_MIN {
            identities::add_spelling(gateway, &tx, subject, &key, kind, &value).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Every identifier that the reader looks for.
pub(super) async fn all(
    gateway: &Erasure,
    job: &RequestJob<'_>,
    case: &Case,
) -> Result<Vec<(IdentityKind, Personal<String>)>, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    let subject = case.subject;
    let key = gateway.vault().subject_key(&tx, subject).await?.ok_or(Error::Missing("the subject's key"))?;
    let mut values = Vec::new();
    for identity in identities::open_identities(&tx, subject, &key).await? {
        // The product may have stored either form of an address: as it was written, or normalised.
        if let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("its normalised form")) {
            let normalised = normalised.value().clone();
            if normalised != identity.value {
                values.push((identity.kind, normalised));
            }
        }
        values.push((identity.kind, identity.value));
    }
    Ok(values)
}
