//! Fences that have outlived their time are forgotten, in the product database first.

use jiff::Timestamp;

use crate::{
    app::ground::{Ground, error::Error},
    product,
    store::{self, TenantTx, tenant::Tenant},
};

pub(in crate::app) async fn forget_fences(
    gateway: &Ground,
    tenant: &Tenant,
    which: product::Expired,
) -> Result<u64, Error> {
    let now: Timestamp = gateway.now();
    let mut product_client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant.stable_key };
    product::forget_expired_fences(&mut product_client, scope, which, now).await?;
    drop(product_client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
    let forgotten = store::fence::forget_expired(&tx, now).await?;
    tx.commit().await?;
    Ok(forgotten)
}
