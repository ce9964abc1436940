//! Which tenants there are. A tenant's row says nothing about a person, so the queue's role reads them all.

use crate::{
    app::ground::{Ground, error::Error},
    domain::TenantId,
    store::{self, tenant::Tenant},
};

/// Every tenant.
pub async fn list(gateway: &Ground) -> Result<Vec<Tenant>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::tenant::list(&queue).await?)
}

/// The tenant with this id.
pub async fn by_id(gateway: &Ground, id: TenantId) -> Result<Tenant, Error> {
    let queue = gateway.databases().queue.client().await?;
    store::tenant::find(&queue, id).await?.ok_or(Error::NotFound("tenant"))
}

/// The tenant that the product database knows by this key.
pub async fn by_key(gateway: &Ground, key: &str) -> Result<TenantId, Error> {
    let queue = gateway.databases().queue.client().await?;
    store::tenant::find_by_key(&queue, key).await?.ok_or(Error::NotFound("tenant"))
}
