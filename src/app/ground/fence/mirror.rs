//! Mirroring our fences into the product database, where every writer of the product's people asks them.

use jiff::Timestamp;

use crate::{
    app::ground::{Ground, error::Error},
    product::{self, FenceRow, TenantScope},
    store::fence::Fence,
};

/// Gives the fences of a finished erasure their term in the product database. Safe to repeat.
pub(in crate::app) async fn set_term(
    gateway: &Ground,
    tenant_key: &str,
    fences: &[Fence],
    expires_at: Timestamp,
) -> Result<(), Error> {
    let mut client = gateway.databases().product.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    for fence in fences {
        product::set_fence_term(&mut client, scope, &FenceRow { expires_at, ..row_of(fence)? }).await?;
    }
    Ok(())
}

fn row_of(fence: &Fence) -> Result<FenceRow, Error> {
    Ok(FenceRow {
        kind: fence.kind,
        digest_key_id: fence.digest_key_id,
        digest: fence
            .digest
            .as_slice()
            .try_into()
            .map_err(|_| Error::Unserializable { what: "a digest of 32 bytes" })?,
        generation: fence.generation,
        covers_until: fence.covers_until,
        expires_at: fence.expires_at,
    })
}

/// Writes fences into the product database, with the returns that they know of. Safe to repeat.
pub(in crate::app) async fn mirror(gateway: &Ground, tenant_key: &str, fences: &[Fence]) -> Result<(), Error> {
    let mut client = gateway.databases().product.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    for fence in fences {
        let row = row_of(fence)?;
        product::mirror_fence(&mut client, scope, &row).await?;
        if let Some(returned_at) = fence.returned_at {
            let digests = [(row.digest_key_id, row.digest)];
            product::open_generation(&mut client, scope, fence.kind, &digests, returned_at).await?;
        }
    }
    Ok(())
}
