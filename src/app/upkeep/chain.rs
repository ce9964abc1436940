//! The audit chain: every entry gets its place, once.

use jiff::SignedDuration;

use crate::{
    app::{
        ground::{Ground, error::Error},
        upkeep::swept::{Depth, ROUNDS_MAX},
    },
    domain::TenantId,
    proof::audit::{chain_hash, chain_start},
    store::{self, TenantTx},
};

/// Audit entries given their place in one transaction.
const LINKS_MAX: i64 = 500;
/// How far before the newest link an entry without a place is looked for.
///
/// Entries are dated before they are committed, and by several machines, so a late one may be older than what is linked
/// already: by the length of a transaction and by how far their clocks disagree, which together are far less than this.
/// Looking only here keeps a sweep from reading the whole history. Should an entry come later still, it is not lost: it
/// counts as waiting in `audit verify`, and a sweep over everything ([`Depth::Whole`]) gives it its place.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// Gives every new audit entry its place in the tenant's chain.
pub(in crate::app) async fn link(gateway: &Ground, tenant: TenantId, depth: Depth) -> Result<u64, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let mut linked = 0;
    for _ in 0..ROUNDS_MAX {
        let tx = TenantTx::begin(&mut client, tenant).await?;
        // One sealer at a time for a tenant.
        tx.lock(i64::from_be_bytes(*b"auditlnk") ^ first_bytes(tenant)).await?;
        let last = store::audit::last_link(&tx).await?;
        let since = match depth {
            Depth::Recent => last.as_ref().map(|link| link.audit_at - LOOK_BACK),
            Depth::Whole => None,
        };
        let (mut place, mut hash) = match last {
            None => (0, chain_start(tenant)),
            Some(link) => {
                let hash = link.chain_hash.as_slice().try_into();
                (link.place, hash.map_err(|_| Error::Unserializable { what: "a chain hash of 32 bytes" })?)
            }
        };
        let entries = store::audit::unlinked(&tx, since, LINKS_MAX).await?;
        if entries.is_empty() {
            return Ok(linked);
        }
        for (id, at, canonical) in entries {
            place += 1;
            hash = chain_hash(&hash, canonical.as_bytes());
            store::audit::insert_link(&tx, place, (id, at), &hash).await?;
            linked += 1;
        }
        tx.commit().await?;
    }
    Ok(linked)
}

fn first_bytes(tenant: TenantId) -> i64 {
    let (high, low) = tenant.uuid().as_u64_pair();
    i64::from_be_bytes((high ^ low).to_be_bytes())
}
