//! Whether another tenant knows an account too.

use crate::app::ground::fence;

use std::collections::BTreeSet;

use crate::{
    app::{
        accounts::Accounts,
        ground::{
            error::{Error, JobFailure},
            tenants,
        },
    },
    domain::{IdentityKind, Personal, TenantId, job::ParkCode, reason::JobReason},
    product,
    store::{self, TenantTx},
};

/// Those of `uids` that stand on somebody's own row of another tenant right now, by one query in each. A tenant whose erasure
/// is under way does not count: its own erasure tells of the same accounts. One that is leaving does, since it may return; and
/// so does one that was erased, because rows that stand there now prove that it is back, whether or not we were told.
pub(in crate::app) async fn known(
    gateway: &Accounts,
    tenant: TenantId,
    uids: Vec<Personal<String>>,
) -> Result<BTreeSet<Personal<String>>, JobFailure> {
    let others = tenants::list(gateway).await?;
    if i64::try_from(others.len()).unwrap_or(i64::MAX) >= store::tenant::TENANTS_LISTED_MAX {
        let reason = JobReason::BoundExceeded { what: "the list of tenants that may know an account" };
        return Err(JobFailure::park(ParkCode::BoundExceeded, reason));
    }
    let (mut left, mut known) = (uids, BTreeSet::new());
    for other in others.iter().filter(|other| other.tenant_id != tenant) {
        if left.is_empty() {
            break;
        }
        let mut client = gateway.databases().product.client().await?;
        let scope = product::TenantScope { map: gateway.map(), tenant_key: &other.stable_key };
        let there = product::known_among(&mut client, scope, IdentityKind::FirebaseUid, &left).await?;
        drop(client);
        if there.is_empty() || (other.erased_at.is_none() && is_being_erased(gateway, other.tenant_id).await?) {
            continue;
        }
        left.retain(|uid| !there.contains(uid));
        known.extend(there);
    }
    Ok(known)
}

async fn is_being_erased(gateway: &Accounts, tenant: TenantId) -> Result<bool, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    Ok(fence::tenant::standing(&tx, gateway.now()).await?.is_gone())
}
