//! The fence of one person, asked under a lock.
//!
//! Everything that is about to write something about a person goes through [`lock`]: it takes the transaction's advisory lock
//! on (tenant, digest) and reads the fence there, so that an erasure and a late event cannot pass each other.

use jiff::Timestamp;

use crate::{
    app::ground::{error::Error, identities::Named},
    store::{self, TenantTx, fence::Fence},
};

/// Where a source time stands with regard to the fence.
pub(in crate::app) enum Standing {
    /// No fence is in the way; the subject would be of this generation.
    Free { generation: i32 },
    /// The person was erased and has not returned.
    Behind(Box<Fence>),
}

impl Standing {
    /// The fence in the way, if there is one.
    pub(in crate::app) fn fence(self) -> Option<Box<Fence>> {
        match self {
            Self::Free { .. } => None,
            Self::Behind(fence) => Some(fence),
        }
    }
}

/// Takes the lock of a person and asks the fence about a source time.
pub(in crate::app) async fn lock(tx: &TenantTx<'_>, named: &Named, source_at: Timestamp) -> Result<Standing, Error> {
    let mut locks: Vec<i64> = named.digests.iter().map(|digest| lock_name(tx, &digest.digest)).collect();
    // In one order everywhere, or two transactions could wait for each other.
    locks.sort_unstable();
    for name in locks {
        tx.lock(name).await?;
    }
    let fence = store::fence::standing(tx, named.kind, &named.issuer, &named.digest_bytes()).await?;
    Ok(match fence {
        None => Standing::Free { generation: 1 },
        Some(fence) => match fence.returned_at {
            Some(returned_at) if source_at >= returned_at => Standing::Free { generation: fence.generation + 1 },
            Some(_) | None => Standing::Behind(Box::new(fence)),
        },
    })
}

/// The lock's 64 bits: the digest's first eight bytes, mixed with the tenant's.
fn lock_name(tx: &TenantTx<'_>, digest: &[u8; 32]) -> i64 {
    let mut name = [0_u8; 8];
    for (index, byte) in digest.iter().take(8).chain(tx.tenant().uuid().as_bytes()).enumerate() {
        name[index % 8] ^= byte;
    }
    i64::from_be_bytes(name)
}
