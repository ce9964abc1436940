//! Mirroring our fences into the target, where every writer of the product's people asks them.

use super::{Error, Gateway};
use crate::{
    store::fence::Fence,
    target::{self, FenceRow, TenantScope},
};

/// Writes fences into the target, with the returns that they know of. Safe to repeat.
pub(super) async fn mirror(gateway: &Gateway, tenant_key: &str, fences: &[Fence]) -> Result<(), Error> {
    let mut client = gateway.databases().target.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    for fence in fences {
        let digest = fence.digest.as_slice().try_into().map_err(|_| Error::Missing("a digest of 32 bytes"))?;
        let row = FenceRow {
            identity_kind: fence.identity_kind,
            digest_key_id: fence.digest_key_id,
            digest,
            generation: fence.generation,
            covers_until: fence.covers_until,
            expires_at: fence.expires_at,
        };
        target::mirror_fence(&mut client, scope, &row).await?;
        if let Some(returned_at) = fence.returned_at {
            let digests = [(fence.digest_key_id, digest)];
            target::open_generation(&mut client, scope, fence.identity_kind, &digests, returned_at).await?;
        }
    }
    Ok(())
}
