//! Sealing of values: AES-256-GCM (NIST SP 800-38D) with the place of the value as authenticated data.
//!
//! Format: version byte 1 ‖ 12-byte nonce ‖ ciphertext and 16-byte tag. Nonces are random; the bound of 2³² values under
//! one key is far away, because every key serves one day's deliveries, one subject or one purpose.

use aws_lc_rs::aead::{AES_256_GCM, Aad as CipherAad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{Aad, SecretKey};
use crate::domain::Entropy;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + NONCE_LEN;

/// Why something sealed did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are shorter than any sealed value.
    #[error("the sealed value is truncated")]
    Truncated,
    /// The bytes were sealed by a version that this one does not know.
    #[error("the sealed value has an unknown format version")]
    UnknownVersion,
    /// Wrong key, wrong place or changed bytes; a cipher cannot tell which.
    #[error("the sealed value does not open with this key in this place")]
    Refused,
    /// The key ring no longer (or not yet) has the master key that wrapped it.
    #[error("the key ring has no master key {master_id}")]
    UnknownMaster {
        /// The id stored beside the value.
        master_id: i32,
    },
}

/// Seals `plaintext` for the place `aad`. Two sealings of the same value differ.
pub fn seal(key: &SecretKey, aad: &Aad, plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut nonce = [0_u8; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(HEADER_BYTES + plaintext.len() + AES_256_GCM.tag_len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = cipher(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            CipherAad::from(aad.as_bytes()),
            sealed.get_mut(HEADER_BYTES..).unwrap_or_default(),
        )
        .expect("a body is shorter than AES-GCM's bound of 64 GiB");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// Opens what [`seal`] made with the same key for the same place.
pub fn open(key: &SecretKey, aad: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (version, rest) = sealed.split_first().ok_or(OpenError::Truncated)?;
    if *version != VERSION {
        return Err(OpenError::UnknownVersion);
    }
    if rest.len() < NONCE_LEN + AES_256_GCM.tag_len() {
        return Err(OpenError::Truncated);
    }
    let (nonce, ciphertext) = rest.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Truncated)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let plaintext_len = cipher(key)
        .open_in_place(nonce, CipherAad::from(aad.as_bytes()), &mut buffer)
        .map_err(|_| OpenError::Refused)?
        .len();
    buffer.truncate(plaintext_len);
    Ok(buffer)
}

fn cipher(key: &SecretKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).expect("AES-256 takes 32 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sealing::testing::Counting;

    fn place() -> Aad {
        Aad::new("identity", None, b"row", "value")
    }

    #[test]
    fn a_value_opens_in_its_place_and_nowhere_else() {
        let entropy = Counting::default();
        let (key, other) = (SecretKey::generate(&entropy), SecretKey::generate(&entropy));
        let sealed = seal(&key, &place(), b"value", &entropy);
        assert_eq!(open(&key, &place(), &sealed).expect("own place").as_slice(), b"value");
        assert_eq!(open(&other, &place(), &sealed), Err(OpenError::Refused));
        let elsewhere = Aad::new("identity", None, b"row2", "value");
        assert_eq!(open(&key, &elsewhere, &sealed), Err(OpenError::Refused));
        assert_ne!(sealed, seal(&key, &place(), b"value", &entropy));
    }

    #[test]
    fn a_truncated_or_foreign_value_says_so() {
        let key = SecretKey::generate(&Counting::default());
        assert_eq!(open(&key, &place(), b""), Err(OpenError::Truncated));
        assert_eq!(open(&key, &place(), &[1; 28]), Err(OpenError::Truncated));
        assert_eq!(open(&key, &place(), &[2; 99]), Err(OpenError::UnknownVersion));
    }

    proptest! {
        #[test]
        fn every_changed_bit_is_noticed(plaintext in proptest::collection::vec(any::<u8>(), 0..200),
                                        at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
            let entropy = Counting::default();
            let key = SecretKey::generate(&entropy);
            let mut sealed = seal(&key, &place(), &plaintext, &entropy);
            let opened = open(&key, &place(), &sealed).expect("unchanged");
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open(&key, &place(), &sealed).is_err());
        }
    }
}
