//! Wrapping of keys: how the hierarchy hangs together.
//!
//! A master key never touches data. For each purpose a key-encryption key is derived from it, so that a wrapped body key
//! can never be passed off as a tenant's.

use zeroize::Zeroizing;

use super::{Aad, KeyRing, OpenError, SecretKey, open, seal};
use crate::domain::Entropy;

/// What a key directly below the master is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// One epoch of a tenant's key, which wraps the keys of its subjects.
    TenantEpoch,
    /// The key of one day's raw deliveries.
    BodyDay,
    /// The credential of a source.
    SourceCredential,
}

impl KeyPurpose {
    const fn label(self) -> &'static str {
        match self {
            Self::TenantEpoch => "milestone-gateway/kek/v1/tenant-epoch",
            Self::BodyDay => "milestone-gateway/kek/v1/body-day",
            Self::SourceCredential => "milestone-gateway/kek/v1/source-credential",
        }
    }
}

/// Something sealed directly under a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The master key it was sealed under, stored beside it.
    pub master_id: i32,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl KeyRing {
    /// Wraps a key under the current master key for the place `aad`.
    pub fn wrap(&self, purpose: KeyPurpose, aad: &Aad, key: &SecretKey, entropy: &dyn Entropy) -> Wrapped {
        self.seal_under_master(purpose, aad, key.bytes(), entropy)
    }

    /// Unwraps what [`KeyRing::wrap`] made for the same purpose and place.
    pub fn unwrap(&self, purpose: KeyPurpose, master_id: i32, aad: &Aad, bytes: &[u8]) -> Result<SecretKey, OpenError> {
        let key = self.open_under_master(purpose, master_id, aad, bytes)?;
        SecretKey::from_slice(&key).ok_or(OpenError::Refused)
    }

    /// Seals a source's credential under the current master key.
    pub fn seal_credential(&self, aad: &Aad, credential: &[u8], entropy: &dyn Entropy) -> Wrapped {
        self.seal_under_master(KeyPurpose::SourceCredential, aad, credential, entropy)
    }

    /// Opens what [`KeyRing::seal_credential`] made for the same place.
    pub fn open_credential(&self, master_id: i32, aad: &Aad, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.open_under_master(KeyPurpose::SourceCredential, master_id, aad, bytes)
    }

    fn seal_under_master(&self, purpose: KeyPurpose, aad: &Aad, plaintext: &[u8], entropy: &dyn Entropy) -> Wrapped {
        let master = self.current_master();
        let bytes = seal(&master.key.derive(purpose.label()), aad, plaintext, entropy);
        Wrapped { master_id: master.id, bytes }
    }

    fn open_under_master(
        &self,
        purpose: KeyPurpose,
        master_id: i32,
        aad: &Aad,
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let master = self.master_key(master_id).ok_or(OpenError::UnknownMaster { master_id })?;
        open(&master.derive(purpose.label()), aad, bytes)
    }
}

const UNDER_PARENT_LABEL: &str = "milestone-gateway/kek/v1/subject";

/// Wraps a subject's key under its tenant's epoch key.
pub fn wrap_under(epoch: &SecretKey, aad: &Aad, key: &SecretKey, entropy: &dyn Entropy) -> Vec<u8> {
    seal(&epoch.derive(UNDER_PARENT_LABEL), aad, key.bytes(), entropy)
}

/// Unwraps what [`wrap_under`] made with the same epoch key for the same place.
pub fn unwrap_under(epoch: &SecretKey, aad: &Aad, bytes: &[u8]) -> Result<SecretKey, OpenError> {
    let key = open(&epoch.derive(UNDER_PARENT_LABEL), aad, bytes)?;
    SecretKey::from_slice(&key).ok_or(OpenError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::testing::{Counting, fixed_ring};

    fn place(row: &[u8]) -> Aad {
        Aad::new("tenant_key", None, row, "wrapped")
    }

    #[test]
    fn a_wrapped_key_opens_for_its_purpose_and_place_only() {
        let (ring, entropy) = (fixed_ring(), Counting::default());
        let key = SecretKey::generate(&entropy);
        let wrapped = ring.wrap(KeyPurpose::TenantEpoch, &place(b"1"), &key, &entropy);
        let unwrap = |purpose, master_id, row: &[u8]| ring.unwrap(purpose, master_id, &place(row), &wrapped.bytes);
        assert_eq!(wrapped.master_id, 2);
        assert_eq!(unwrap(KeyPurpose::TenantEpoch, 2, b"1"), Ok(key));
        assert_eq!(unwrap(KeyPurpose::BodyDay, 2, b"1"), Err(OpenError::Refused));
        assert_eq!(unwrap(KeyPurpose::TenantEpoch, 2, b"2"), Err(OpenError::Refused));
        assert_eq!(unwrap(KeyPurpose::TenantEpoch, 1, b"1"), Err(OpenError::Refused));
        assert_eq!(unwrap(KeyPurpose::TenantEpoch, 7, b"1"), Err(OpenError::UnknownMaster { master_id: 7 }));
    }

    #[test]
    fn a_subjects_key_is_gone_with_its_epoch() {
        let entropy = Counting::default();
        let (epoch, next_epoch, key) =
            (SecretKey::generate(&entropy), SecretKey::generate(&entropy), SecretKey::generate(&entropy));
        let wrapped = wrap_under(&epoch, &place(b"s"), &key, &entropy);
        assert_eq!(unwrap_under(&epoch, &place(b"s"), &wrapped), Ok(key));
        assert_eq!(unwrap_under(&next_epoch, &place(b"s"), &wrapped), Err(OpenError::Refused));
    }

    #[test]
    fn a_credential_of_any_length_comes_back() {
        let (ring, entropy) = (fixed_ring(), Counting::default());
        let wrapped = ring.seal_credential(&place(b"c"), b"a sender's secret", &entropy);
        let opened = ring.open_credential(wrapped.master_id, &place(b"c"), &wrapped.bytes);
        assert_eq!(opened.expect("own place").as_slice(), b"a sender's secret");
    }
}
