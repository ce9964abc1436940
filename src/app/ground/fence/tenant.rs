//! The fence of a whole tenant, asked under a lock.
//!
//! Whoever is about to write something about anybody of a tenant takes the tenant's lock beside others, by [`standing`], in
//! the transaction that writes. Evidence and fence take it alone. So a writer either commits before the fence, and the erasure
//! that follows finds what it wrote, or it learns that the tenant is gone.

use jiff::Timestamp;

use crate::{
    app::ground::error::Error,
    domain::TenantId,
    store::{self, TenantTx, fence::Fence},
};

/// Where a source time stands with regard to the tenant's own fence.
#[derive(Debug, Clone)]
pub enum TenantStanding {
    /// Nothing is in the way.
    Here,
    /// Everything of the tenant was deleted, or is being deleted, and it had not come back by then.
    Gone(Option<Box<Fence>>),
}

impl TenantStanding {
    /// True when whatever happened at this source time must be ignored with [`IgnoreReason::TenantGone`].
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

/// Asks the tenant's fence about a source time, and keeps that fence away until the transaction ends. Whoever writes about
/// anybody of the tenant asks first, before taking any lock of a person.
pub async fn standing(tx: &TenantTx<'_>, source_at: Timestamp) -> Result<TenantStanding, Error> {
    tx.lock_shared(lock_name(tx.tenant())).await?;
    standing_under_lock(tx, source_at).await
}

/// Waits for every writer about the tenant, and keeps them away until the transaction ends.
pub(in crate::app) async fn lock_alone(tx: &TenantTx<'_>) -> Result<(), Error> {
    Ok(tx.lock(lock_name(tx.tenant())).await?)
}

fn lock_name(tenant: TenantId) -> i64 {
    let (high, low) = tenant.uuid().as_u64_pair();
    i64::from_be_bytes(*b"tenantof") ^ i64::from_be_bytes((high ^ low).to_be_bytes())
}

pub(in crate::app) async fn standing_under_lock(
    tx: &TenantTx<'_>,
    source_at: Timestamp,
) -> Result<TenantStanding, Error> {
    Ok(match store::fence::of_tenant(tx).await? {
        Some(fence) if fence.returned_at.is_some_and(|returned_at| source_at >= returned_at) => TenantStanding::Here,
        Some(fence) => TenantStanding::Gone(Some(Box::new(fence))),
        None if store::tenant::erased_at(tx).await?.is_some() => TenantStanding::Gone(None),
        None => TenantStanding::Here,
    })
}
