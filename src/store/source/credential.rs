//! Sealed credentials of a source: what it checks deliveries with, and what its system is called with.
//!
//! At most one of a slot is current and one previous; nothing here can open them.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::SourceId,
    store::{StoreError, TenantTx, statements},
};

statements! {
    END_CURRENT_CREDENTIAL = "UPDATE gateway.source_credential
        SET valid_until = $4
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until IS NULL";
    END_PREVIOUS_CREDENTIALS = "UPDATE gateway.source_credential
        SET valid_until = $4
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until > $4";
    INSERT_CREDENTIAL = "INSERT INTO gateway.source_credential
            (source_id, credential_id, purpose, holder, master_id, sealed, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    RENEW_CREDENTIAL = "UPDATE gateway.source_credential
        SET credential_id = $5, master_id = $6, sealed = $7, created_at = $8
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND credential_id = $4 AND valid_until IS NULL";
    FORGET_ENDED_CREDENTIALS = "DELETE FROM gateway.source_credential
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until <= $4";
    CREDENTIALS = "SELECT credential_id, master_id, sealed
        FROM gateway.source_credential
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND (valid_until IS NULL OR valid_until > $4)
        ORDER BY valid_until DESC NULLS FIRST
        LIMIT 4";
    CREDENTIAL_DATES = "SELECT purpose, holder, created_at, valid_until
        FROM gateway.source_credential
        WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2)
        ORDER BY purpose, holder, created_at DESC
        LIMIT 1000";
}

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Checking what the sender says.
    Verify,
    /// Calls to the sender's own system.
    Provider,
}

impl Purpose {
    /// The word used in SQL and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Provider => "provider",
        }
    }
}

/// A sealed secret.
#[derive(Debug, Clone)]
pub struct SealedCredential {
    /// Its id, part of the seal's authenticated data.
    pub credential_id: Uuid,
    /// The master key whose derived key seals it.
    pub master_id: i32,
    /// The sealed secret.
    pub sealed: Vec<u8>,
}

/// Whose credential, and for what.
#[derive(Debug, Clone, Copy)]
pub struct CredentialSlot<'a> {
    /// The source.
    pub source: SourceId,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is within the source; empty for the source's own.
    pub holder: &'a str,
}

/// When a credential was made and until when it is valid. Nothing of the credential itself.
#[derive(Debug, Clone)]
pub struct CredentialDates {
    /// What it is for.
    pub purpose: String,
    /// Whose it is within the source.
    pub holder: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when, when a newer one has replaced it.
    pub valid_until: Option<Timestamp>,
}

/// Makes `credential` the current one; the one before stays valid until `previous_valid_until`, older ones end now.
pub async fn rotate_credential(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    credential: &SealedCredential,
    now: Timestamp,
    previous_valid_until: Timestamp,
) -> Result<(), StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    tx.execute("end_previous_credentials", END_PREVIOUS_CREDENTIALS, &[&source, &purpose, &slot.holder, &now]).await?;
    let until = previous_valid_until;
    tx.execute("end_current_credential", END_CURRENT_CREDENTIAL, &[&source, &purpose, &slot.holder, &until]).await?;
    let SealedCredential { credential_id, master_id, sealed } = credential;
    tx.execute_one(
        "insert_credential",
        INSERT_CREDENTIAL,
        &[&source, credential_id, &purpose, &slot.holder, master_id, sealed, &now],
    )
    .await
}

/// Puts a credential in the place of the current one if that is still `used`; nothing of it is left. False when it is not.
pub async fn renew_credential(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    used: Uuid,
    credential: &SealedCredential,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    let SealedCredential { credential_id, master_id, sealed } = credential;
    let renewed = tx
        .execute(
            "renew_credential",
            RENEW_CREDENTIAL,
            &[&source, &purpose, &slot.holder, &used, credential_id, master_id, sealed, &now],
        )
        .await?;
    Ok(renewed == 1)
}

/// Forgets the credentials of a slot that have ended. Repeating is safe.
pub async fn forget_ended_credentials(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    tx.execute("forget_ended_credentials", FORGET_ENDED_CREDENTIALS, &[&source, &purpose, &slot.holder, &now]).await
}

/// The valid credentials of a slot within the transaction's tenant, current first.
pub async fn credentials(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    at: Timestamp,
) -> Result<Vec<SealedCredential>, StoreError> {
    let purpose = slot.purpose.as_str();
    let rows = tx.query("credentials", CREDENTIALS, &[&slot.source.uuid(), &purpose, &slot.holder, &at]).await?;
    Ok(rows
        .iter()
        .map(|row| SealedCredential { credential_id: row.get(0), master_id: row.get(1), sealed: row.get(2) })
        .collect())
}

/// The dates of the valid credentials of a source of the transaction's tenant.
pub async fn credential_dates(
    tx: &TenantTx<'_>,
    source: SourceId,
    at: Timestamp,
) -> Result<Vec<CredentialDates>, StoreError> {
    let rows = tx.query("credential_dates", CREDENTIAL_DATES, &[&source.uuid(), &at]).await?;
    Ok(rows
        .iter()
        .map(|row| CredentialDates {
            purpose: row.get(0),
            holder: row.get(1),
            created_at: row.get(2),
            valid_until: row.get(3),
        })
        .collect())
}
