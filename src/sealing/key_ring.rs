//! The keys that stand above all others. They live in a file, the environment or a key service, never in the database.

use secrecy::SecretString;

use super::{SecretKey, aad::length_prefixed, mac::hmac};
use crate::domain::Entropy;

/// The most master keys, and the most digest keys, that one ring may hold.
pub const KEYS_MAX: usize = 64;
/// The longest id of a receipt signing key, in characters.
pub(super) const RECEIPT_KEY_ID_CHARS_MAX: usize = 64;

const CHECK_LABEL: &[u8] = b"milestone-gateway/check-value/v1";

/// Why a key ring was refused. Says where, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Not JSON, or not of the shape of a key ring.
    #[error("the key ring is not valid JSON of the expected shape (line {line}, column {column})")]
    Shape {
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
    },
    /// Written by a version that this one does not know.
    #[error("the key ring has format version {found}; this program reads version 1")]
    UnknownVersion {
        /// The version it says.
        found: u32,
    },
    /// A list without a key.
    #[error("`{list}` has no key")]
    NoKey {
        /// `master` or `digest`.
        list: &'static str,
    },
    /// A list with more than [`KEYS_MAX`] keys.
    #[error("`{list}` has more than {KEYS_MAX} keys")]
    TooManyKeys {
        /// `master` or `digest`.
        list: &'static str,
    },
    /// Ids must be positive and rise from entry to entry, because the last entry is the current one.
    #[error("the ids in `{list}` must be positive and rise from entry to entry (entry {entry})")]
    IdsOutOfOrder {
        /// `master` or `digest`.
        list: &'static str,
        /// 1-based position.
        entry: usize,
    },
    /// A key that is not base64 of 32 bytes, or is all zeros.
    #[error("entry {entry} of `{list}` is not base64 of a 32-byte key")]
    BadKey {
        /// `master`, `digest` or `receipt_signing`.
        list: &'static str,
        /// 1-based position.
        entry: usize,
    },
    /// The same key material stands in two places; a slip of copying would quietly undo a rotation.
    #[error("entry {entry} of `{list}` repeats the key of another entry")]
    RepeatedKey {
        /// `master`, `digest` or `receipt_signing`.
        list: &'static str,
        /// 1-based position.
        entry: usize,
    },
    /// The id of the receipt signing key is not a plain word.
    #[error("the id of `receipt_signing` must be 1 to 64 letters, digits, `.`, `_` or `-`")]
    BadReceiptKeyId,
}

/// A key of the ring and the id stored beside everything made with it.
#[derive(Clone)]
pub(super) struct RingKey {
    pub(super) id: i32,
    pub(super) key: SecretKey,
}

/// The key ring. It has no `Debug` on purpose.
pub struct KeyRing {
    pub(super) master: Vec<RingKey>,
    pub(super) digest: Vec<RingKey>,
    pub(super) receipt_key_id: String,
    pub(super) receipt_seed: SecretKey,
}

impl KeyRing {
    /// A new ring with one master key, one digest key and one receipt signing key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut id = [0_u8; 8];
        entropy.fill(&mut id);
        Self {
            master: vec![RingKey { id: 1, key: SecretKey::generate(entropy) }],
            digest: vec![RingKey { id: 1, key: SecretKey::generate(entropy) }],
            receipt_key_id: format!("receipt-{}", hex::encode(id)),
            receipt_seed: SecretKey::generate(entropy),
        }
    }

    /// Ids of all master keys, oldest first.
    pub fn master_ids(&self) -> Vec<i32> {
        self.master.iter().map(|key| key.id).collect()
    }

    /// Ids of all digest keys, oldest first.
    pub fn digest_ids(&self) -> Vec<i32> {
        self.digest.iter().map(|key| key.id).collect()
    }

    /// A value that tells whether this is the same master key as last time and nothing else about it. Stored at first
    /// use and compared at every start, before anything is sealed with a wrong key. `None` for an unknown id.
    pub fn check_value(&self, master_id: i32) -> Option<[u8; 32]> {
        self.master_key(master_id).map(|key| check_value(key, b"master"))
    }

    /// The same for a digest key: with a wrong one nobody would be found again, and nothing else would show it.
    pub fn digest_check_value(&self, digest_id: i32) -> Option<[u8; 32]> {
        self.digest.iter().find(|key| key.id == digest_id).map(|key| check_value(&key.key, b"digest"))
    }

    /// The id and the Ed25519 seed of the key that signs receipts.
    pub fn receipt_signing(&self) -> (&str, &[u8; 32]) {
        (&self.receipt_key_id, self.receipt_seed.bytes())
    }

    /// The password of one database role, 64 hexadecimal digits derived from the current master key, so that no
    /// password needs to be kept. After a rotation of the master key the roles get their new passwords by `bootstrap`.
    pub fn database_password(&self, role: &str) -> SecretString {
        let label = format!("milestone-gateway/database-password/v1/{role}");
        let key = self.current_master().key.derive(&label);
        SecretString::from(hex::encode(key.bytes()))
    }

    pub(super) fn current_master(&self) -> &RingKey {
        self.master.last().expect("a key ring has a master key")
    }

    pub(super) fn master_key(&self, master_id: i32) -> Option<&SecretKey> {
        self.master.iter().find(|key| key.id == master_id).map(|key| &key.key)
    }
}

fn check_value(key: &SecretKey, list: &[u8]) -> [u8; 32] {
    hmac(key, &length_prefixed(&[CHECK_LABEL, list]))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::sealing::testing::{Counting, fixed_ring};

    #[test]
    fn the_last_entry_is_current() {
        let ring = fixed_ring();
        assert_eq!((ring.master_ids(), ring.current_master().id), (vec![1, 2], 2));
        assert_eq!(ring.digest_ids(), [1, 2]);
    }

    #[test]
    fn a_check_value_knows_its_key_again() {
        let ring = fixed_ring();
        let again = KeyRing::parse(&ring.to_json()).expect("our own format");
        assert_eq!(ring.check_value(1), again.check_value(1));
        assert_ne!(ring.check_value(1), ring.check_value(2));
        assert_ne!(ring.check_value(1), KeyRing::generate(&Counting::default()).check_value(1));
        assert_eq!(ring.check_value(9), None);
        assert_ne!(ring.digest_check_value(1), ring.digest_check_value(2));
    }

    #[test]
    fn each_role_has_its_own_password_and_keeps_it() {
        let ring = fixed_ring();
        let password = ring.database_password("gw_tenant");
        assert_eq!(password.expose_secret().len(), 64);
        assert_eq!(password.expose_secret(), fixed_ring().database_password("gw_tenant").expose_secret());
        assert_ne!(password.expose_secret(), ring.database_password("gw_verify").expose_secret());
    }
}
