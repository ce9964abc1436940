//! The product database's word of whether a tenant is leaving.

use crate::{
    app::ground::{Ground, error::Error},
    domain::request::{RequestScope, RequestState},
    product,
    store::{self, TenantTx, tenant::Tenant},
};

/// The product database's word of whether the tenant is leaving is made the same as ours. It may be another when a product
/// database was restored.
pub(in crate::app) async fn keep_leaving(gateway: &Ground, tenant: &Tenant) -> Result<(), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
    // In this order: an offboarding that begins in between is not among what is over.
    let (opened, _) = store::offboarding::written_by_tenant(&tx).await?;
    let living = match store::request::living(&tx, RequestScope::Tenant).await? {
        Some(request) => store::request::read(&tx, request).await?,
        None => None,
    };
    drop(tx);
    drop(client);
    if opened.is_empty() {
        return Ok(());
    }
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant.stable_key };
    let mut client = gateway.databases().product.client().await?;
    let there = product::leaving_since(&mut client, scope).await?;
    let current = living.as_ref().map(|request| request.opened_at);
    if let Some(wrong) = there.filter(|there| Some(*there) != current && opened.contains(there)) {
        product::end_leaving(&mut client, scope, &[wrong]).await?;
    }
    // Behind the fence it has gone with everything else, and must not be there for a tenant that returns.
    let is_revoked = living.is_some_and(|request| {
        let revoked_at = request.offboarding.and_then(|offboarding| offboarding.access_revoked_at);
        request.state == RequestState::Scheduled && revoked_at.is_some()
    });
    if let Some(missing) = current.filter(|current| is_revoked && there != Some(*current)) {
        product::begin_leaving(&mut client, scope, missing).await?;
    }
    Ok(())
}
