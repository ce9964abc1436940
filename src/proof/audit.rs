//! The audit chain of one tenant: entries in order, each hashed together with the hash before it.
//!
//! Times count in microseconds, the precision of the database, so an entry read back hashes as it did when it was written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{IdText, ProofError, Word};
use crate::domain::{AuditId, TenantId};

const START_LABEL: &[u8] = b"milestone-gateway/audit-start/v1";
const ENTRY_LABEL: &[u8] = b"milestone-gateway/audit-entry/v1";

/// One detail of an audit entry: an id, a count, a closed word or a time. There is no kind for free text, on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A printed id of ours.
    Id(IdText),
    /// A count.
    Count(u64),
    /// A closed word.
    Word(Word),
    /// A time, to the microsecond.
    At(#[serde(with = "microseconds")] Timestamp),
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: AuditId,
    /// Whose chain it stands in.
    pub tenant: TenantId,
    /// When it was done, to the microsecond.
    pub at: Timestamp,
    /// What was done, for example `fence_committed`.
    pub action: Word,
    /// Who did it, for example `worker` or `operator:7`.
    pub actor: Word,
    /// What it was done to.
    pub object: IdText,
    /// Ids, counts, words and times that belong to it.
    pub detail: BTreeMap<Word, Fact>,
}

/// The first entry whose stored hash does not follow from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit chain is broken at entry {id} (position {position})")]
pub struct BrokenChain {
    /// 1-based position among the entries given.
    pub position: usize,
    /// The entry.
    pub id: AuditId,
}

impl AuditEntry {
    /// The bytes that are hashed: JSON without spaces, fields in a fixed order, detail sorted by name.
    pub fn canonical(&self) -> Result<Vec<u8>, ProofError> {
        #[derive(Serialize)]
        struct Canonical<'a> {
            id: AuditId,
            tenant: TenantId,
            at_us: i64,
            action: &'a Word,
            actor: &'a Word,
            object: &'a IdText,
            detail: &'a BTreeMap<Word, Fact>,
        }
        let Self { id, tenant, at, action, actor, object, detail } = self;
        let at_us = at.as_microsecond();
        serde_json::to_vec(&Canonical { id: *id, tenant: *tenant, at_us, action, actor, object, detail })
            .map_err(|_| ProofError::Sign)
    }
}

/// What stands before a tenant's first entry. It differs between tenants, so a chain cannot be given to another one.
pub fn chain_start(tenant: TenantId) -> [u8; 32] {
    hash(&[START_LABEL, tenant.uuid().as_bytes()])
}

/// The hash of an entry that follows `previous`. The label and the fixed length of `previous` keep parts apart.
pub fn entry_hash(previous: [u8; 32], entry: &AuditEntry) -> Result<[u8; 32], ProofError> {
    Ok(hash(&[ENTRY_LABEL, &previous, &entry.canonical()?]))
}

/// The digest of one canonical entry by itself, stored beside it and named by receipts.
pub fn entry_digest(canonical: &[u8]) -> [u8; 32] {
    hash(&[ENTRY_LABEL, canonical])
}

/// The hash of the chain after an entry, from the canonical bytes that are stored: what [`entry_hash`] gives.
pub fn chain_hash(previous: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    hash(&[ENTRY_LABEL, previous, canonical])
}

/// Checks stored hashes in order, beginning after `start`, and returns the last one. `start` is [`chain_start`] or, when
/// older entries are gone, the hash of a signed checkpoint. An entry of another tenant than the first breaks the chain.
pub fn verify_chain<'a>(
    start: [u8; 32],
    entries: impl IntoIterator<Item = (&'a AuditEntry, [u8; 32])>,
) -> Result<[u8; 32], BrokenChain> {
    let mut previous = start;
    let mut tenant = None;
    for (position, (entry, stored)) in (1..).zip(entries) {
        let is_same_chain = *tenant.get_or_insert(entry.tenant) == entry.tenant;
        if !is_same_chain || entry_hash(previous, entry) != Ok(stored) {
            return Err(BrokenChain { position, id: entry.id });
        }
        previous = stored;
    }
    Ok(previous)
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

mod microseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_microsecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_microsecond(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn word(text: &str) -> Word {
        Word::parse(text).expect("a word")
    }

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    fn entry(number: u128) -> AuditEntry {
        let id = AuditId::from_uuid(Uuid::from_u128(number));
        let at = Timestamp::from_microsecond(1_790_200_000_000_001).expect("a time");
        let detail = BTreeMap::from([
            (word("rows"), Fact::Count(26)),
            (word("at"), Fact::At(at)),
            (word("fence"), Fact::Id(IdText::of(id).expect("an id"))),
            (word("kind"), Fact::Word(word("msp_team_member"))),
        ]);
        let object = IdText::of(id).expect("an id");
        AuditEntry { id, tenant: tenant(1), at, action: word("done"), actor: word("worker"), object, detail }
    }

    fn chain() -> Vec<(AuditEntry, [u8; 32])> {
        let mut previous = chain_start(tenant(1));
        (1..=4)
            .map(|number| {
                previous = entry_hash(previous, &entry(number)).expect("canonical");
                (entry(number), previous)
            })
            .collect()
    }

    fn check(chain: &[(AuditEntry, [u8; 32])]) -> Result<[u8; 32], usize> {
        verify_chain(chain_start(tenant(1)), chain.iter().map(|(entry, hash)| (entry, *hash)))
            .map_err(|broken| broken.position)
    }

    #[test]
    fn the_canonical_form_is_fixed() {
        let canonical = String::from_utf8(entry(7).canonical().expect("canonical")).expect("UTF-8");
        assert_eq!(
            canonical,
            concat!(
                r#"{"id":"aud_00000000000000000000000000000007","tenant":"ten_00000000000000000000000000000001","#,
                r#""at_us":1790200000000001,"action":"done","actor":"worker","#,
                r#""object":"aud_00000000000000000000000000000007","detail":{"at":{"at":1790200000000001},"#,
                r#""fence":{"id":"aud_00000000000000000000000000000007"},"kind":{"word":"msp_team_member"},"#,
                r#""rows":{"count":26}}}"#
            )
        );
    }

    #[test]
    fn an_untouched_chain_holds_and_ends_in_its_last_hash() {
        assert_eq!(check(&chain()), Ok(chain()[3].1));
        assert_eq!(check(&[]), Ok(chain_start(tenant(1))));
    }

    #[test]
    fn a_changed_lost_moved_or_foreign_entry_breaks_the_chain_where_it_stood() {
        let mut changed = chain();
        changed[2].0.action = word("undone");
        assert_eq!(check(&changed), Err(3));
        let mut lost = chain();
        lost.remove(1);
        assert_eq!(check(&lost), Err(2));
        let mut moved = chain();
        moved.swap(0, 1);
        assert_eq!(check(&moved), Err(1));
        let mut foreign = chain();
        foreign[3].0.tenant = tenant(2);
        assert_eq!(check(&foreign), Err(4));
        assert_eq!(
            verify_chain(chain_start(tenant(2)), [(&chain()[0].0, chain()[0].1)]).map_err(|broken| broken.position),
            Err(1)
        );
    }

    #[test]
    fn detail_reads_back_from_the_database_and_free_text_does_not() {
        let json = serde_json::to_string(&entry(1).detail).expect("JSON");
        assert_eq!(serde_json::from_str::<BTreeMap<Word, Fact>>(&json).expect("our own form"), entry(1).detail);
        assert!(serde_json::from_str::<Fact>(r#"{"word":"mallory@example.invalid"}"#).is_err());
        assert!(serde_json::from_str::<Fact>(r#"{"text":"free"}"#).is_err());
    }
}
