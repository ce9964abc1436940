//! A key that the vault has opened.

use zeroize::Zeroizing;

use crate::{
    domain::{Entropy, RequestId},
    sealing::{Aad, OpenError, SecretKey, open, pseudonym, seal},
};

/// A key that the vault has opened: it seals and opens, and nobody can read it.
pub struct OpenKey(SecretKey);

impl OpenKey {
    pub(super) const fn new(key: SecretKey) -> Self {
        Self(key)
    }

    pub(super) const fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// Seals a value for its place.
    pub(in crate::app) fn seal(&self, place: &Aad, plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        seal(&self.0, place, plaintext, entropy)
    }

    /// Opens what was sealed for this place under this key.
    pub(in crate::app) fn open(&self, place: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        open(&self.0, place, sealed)
    }

    /// The pseudonym of one erasure: underivable once the key is gone.
    pub(in crate::app) fn pseudonym(&self, request: RequestId) -> String {
        pseudonym(&self.0, request)
    }
}
