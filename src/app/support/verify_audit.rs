//! Checking a tenant's audit chain: every entry is hashed again and compared with what was stored.

use jiff::{ToSpan as _, tz::TimeZone};

use crate::{
    app::ground::{Ground, error::Error},
    domain::TenantId,
    proof::audit::{chain_hash, chain_start},
    store::{self, TenantTx},
};

/// Links read at a time.
const LINKS_MAX: i64 = 1_000;
/// The most entries without a place that are counted.
const WAITING_MAX: i64 = 10_000;

/// How long audit entries are kept at least; `drop_history_before` has the same bound.
const ENTRIES_KEPT_MONTHS: i64 = 12;

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChain {
    /// Entries whose stored hash follows from the one before.
    pub verified: i64,
    /// Entries before them that have outlived their time; their links stay, and the check begins at the last of those.
    pub gone: i64,
    /// The place where the chain breaks: an entry there was changed, removed or moved.
    pub broken_at: Option<i64>,
    /// The hash after the last verified entry.
    pub head: [u8; 32],
    /// Entries that wait for their place, at most 10000; the next sweep gives it to them.
    pub waiting: usize,
}

/// Walks a tenant's chain from the oldest entry that is still kept. Changes nothing.
///
/// Only entries older than twelve months may be gone; a younger one that is missing breaks the chain.
pub async fn verify(gateway: &Ground, tenant: TenantId) -> Result<AuditChain, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    // Read first: a sealer may lengthen the chain meanwhile. A link whose entry is gone does not show among the links, so
    // what was followed must reach this end.
    let end = store::audit::last_link(&tx).await?.map_or(0, |link| link.place);
    let bound = gateway.now().to_zoned(TimeZone::UTC).saturating_sub(ENTRIES_KEPT_MONTHS.months()).timestamp();
    let (gone, head) = match store::audit::last_gone(&tx, bound).await? {
        None => (0, chain_start(tenant)),
        Some((place, hash)) => {
            (place, hash.as_slice().try_into().map_err(|_| Error::Unserializable { what: "a chain hash of 32 bytes" })?)
        }
    };
    let mut chain = AuditChain { verified: 0, gone, broken_at: None, head, waiting: 0 };
    loop {
        let links = store::audit::chain(&tx, chain.last_place(), LINKS_MAX).await?;
        let is_last = i64::try_from(links.len()).is_ok_and(|count| count < LINKS_MAX);
        chain.follow(&links);
        if is_last || chain.broken_at.is_some() {
            break;
        }
    }
    if chain.broken_at.is_none() && chain.last_place() < end {
        chain.broken_at = Some(chain.last_place() + 1);
    }
    chain.waiting = store::audit::unlinked(&tx, None, WAITING_MAX).await?.len();
    Ok(chain)
}

impl AuditChain {
    fn last_place(&self) -> i64 {
        self.gone + self.verified
    }

    fn follow(&mut self, links: &[(i64, Vec<u8>, String)]) {
        for (place, stored, canonical) in links {
            let expected = chain_hash(&self.head, canonical.as_bytes());
            if *place != self.last_place() + 1 || stored.as_slice() != expected {
                self.broken_at = Some(self.last_place() + 1);
                return;
            }
            self.verified += 1;
            self.head = expected;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn empty() -> AuditChain {
        let head = chain_start(TenantId::from_uuid(Uuid::from_u128(1)));
        AuditChain { verified: 0, gone: 0, broken_at: None, head, waiting: 0 }
    }

    fn links() -> Vec<(i64, Vec<u8>, String)> {
        let mut head = empty().head;
        (1..=3)
            .map(|place| {
                let entry = format!(r#"{{"n":{place}}}"#);
                head = chain_hash(&head, entry.as_bytes());
                (place, head.to_vec(), entry)
            })
            .collect()
    }

    fn broken_at(links: &[(i64, Vec<u8>, String)]) -> Option<i64> {
        let mut chain = empty();
        chain.follow(links);
        chain.broken_at
    }

    #[test]
    fn an_untouched_chain_holds() {
        let mut chain = empty();
        chain.follow(&links());
        assert_eq!((chain.verified, chain.broken_at), (3, None));
    }

    #[test]
    fn a_changed_removed_or_moved_entry_breaks_the_chain_where_it_stood() {
        let mut changed = links();
        changed[1].2 = r#"{"n":9}"#.to_owned();
        assert_eq!(broken_at(&changed), Some(2));
        let mut moved = links();
        let earlier = (moved[0].1.clone(), moved[0].2.clone());
        (moved[0].1, moved[0].2) = (moved[1].1.clone(), moved[1].2.clone());
        (moved[1].1, moved[1].2) = earlier;
        assert_eq!(broken_at(&moved), Some(1));
        let mut removed = links();
        removed.remove(0);
        assert_eq!(broken_at(&removed), Some(1));
    }

    #[test]
    fn a_chain_of_another_tenant_does_not_hold() {
        let head = chain_start(TenantId::from_uuid(Uuid::from_u128(2)));
        let mut chain = AuditChain { head, ..empty() };
        chain.follow(&links());
        assert_eq!((chain.verified, chain.broken_at), (0, Some(1)));
    }
}
