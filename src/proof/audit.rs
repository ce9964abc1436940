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

/// The digest of one canonical entry by itself, stored beside it and named by receipts.
pub fn entry_digest(canonical: &[u8]) -> [u8; 32] {
    hash(&[ENTRY_LABEL, canonical])
}

/// The hash of the chain after an entry, from the canonical bytes that are stored. The label and the fixed length of
/// `previous` keep parts apart.
pub fn chain_hash(previous: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    hash(&[ENTRY_LABEL, previous, canonical])
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
    fn detail_reads_back_from_the_database_and_free_text_does_not() {
        let json = serde_json::to_string(&entry(1).detail).expect("JSON");
        assert_eq!(serde_json::from_str::<BTreeMap<Word, Fact>>(&json).expect("our own form"), entry(1).detail);
        assert!(serde_json::from_str::<Fact>(r#"{"word":"mallory@example.invalid"}"#).is_err());
        assert!(serde_json::from_str::<Fact>(r#"{"text":"free"}"#).is_err());
    }
}
