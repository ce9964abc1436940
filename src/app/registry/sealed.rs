//! One sealed credential: opened for the slot that it was sealed for, and for no other.

use uuid::Uuid;

use crate::{
    app::{ground::error::Error, registry::Registry},
    sealing::Aad,
    signature::SecretBytes,
    store::source::{CredentialSlot, Purpose, SealedCredential},
};

pub(super) fn open_credential(
    gateway: &Registry,
    slot: CredentialSlot<'_>,
    credential: &SealedCredential,
) -> Result<SecretBytes, Error> {
    let aad = credential_aad(slot, credential.credential_id);
    let opened = gateway.vault().open_credential(credential.master_id, &aad, &credential.sealed)?;
    Ok(SecretBytes::new(opened.to_vec()))
}

/// A credential opens only as what it was sealed for: that source, that use, that installation.
pub(super) fn credential_aad(slot: CredentialSlot<'_>, credential: Uuid) -> Aad {
    let mut row = slot.source.uuid().as_bytes().to_vec();
    row.extend_from_slice(credential.as_bytes());
    row.extend_from_slice(slot.holder.as_bytes());
    let column = match slot.purpose {
        Purpose::Verify => "sealed",
        Purpose::Provider => "sealed_provider",
    };
    Aad::new("source_credential", None, &row, column)
}
