//! One secret key.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::Entropy;

/// Length of every key of the hierarchy, in bytes: AES-256 and HMAC-SHA256.
pub const KEY_BYTES: usize = 32;

/// A key: wiped when dropped, never printed, compared in constant time.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    /// Takes over the bytes of a key; `None` when they are not exactly [`KEY_BYTES`].
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        <[u8; KEY_BYTES]>::try_from(bytes).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for the ciphers and files of this room.
    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// An independent key for one purpose (HKDF-SHA256, RFC 5869). The same label always gives the same key, and no
    /// derived key tells anything about its origin or about its siblings.
    pub(super) fn derive(&self, label: &str) -> Self {
        let mut derived = Zeroizing::new([0_u8; KEY_BYTES]);
        Salt::new(HKDF_SHA256, b"milestone-gateway")
            .extract(&*self.0)
            .expand(&[label.as_bytes()], HKDF_SHA256)
            .and_then(|key| key.fill(&mut *derived))
            .expect("HKDF-SHA256 gives 32 bytes for every label");
        Self(derived)
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[key]")
    }
}
