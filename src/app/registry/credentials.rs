//! Secrets and tokens of sources and of installations within them, each sealed for its own slot.

use super::source::find;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    app::{
        ground::{audit, error::Error},
        registry::{
            LoadedSource, Registry,
            look_up::facts,
            sealed::{credential_aad, open_credential},
        },
    },
    domain::{Actor, SourceId, SourceKind, TenantId, reason::InputReason},
    signature::SecretBytes,
    sources::{
        contract,
        contract::{SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret},
    },
    store::{
        self, TenantTx,
        source::{CredentialSlot, NamedSource, Purpose, SealedCredential},
    },
};

/// How long an installation's token is used, in hours.
pub(in crate::app) const INSTALLATION_TOKEN_HOURS: i64 = 2;
/// How long the previous secret stays valid after a rotation, in hours: more than Jira's longest retry.
const PREVIOUS_SECRET_HOURS: i64 = 24;

/// Keeps the secret that a verified installation has brought; the one before stays valid for a day. Repeating is safe: a
/// repetition changes nothing, so that it does not end the secret before.
pub(in crate::app) async fn keep_holder_secret(
    gateway: &Registry,
    source: &LoadedSource,
    holder: &str,
    secret: &SecretBytes,
) -> Result<(), Error> {
    check_holder_secret(secret)?;
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.tenant_id).await?;
    let slot = CredentialSlot { source: source.source_id, purpose: Purpose::Verify, holder };
    let credentials = store::source::credentials(&tx, slot, now).await?;
    // One that does not open any more is replaced.
    let current = credentials.first().and_then(|current| open_credential(gateway, slot, current).ok());
    if current.is_some_and(|current| is_same(&current, secret)) {
        return Ok(());
    }
    store_secret(gateway, &tx, slot, secret, now).await?;
    audit::record(gateway, &tx, &Actor::Sender { source: source.source_id }, "source.installed", source.source_id, [])
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Compares in constant time.
fn is_same(left: &SecretBytes, right: &SecretBytes) -> bool {
    left.expose().ct_eq(right.expose()).into()
}

/// A secret that an installation can have: visible ASCII characters, as Atlassian makes them, and not too few.
pub(in crate::app) fn check_holder_secret(secret: &SecretBytes) -> Result<(), Error> {
    check_length(secret, SECRET_BYTES_MIN, SECRET_BYTES_MAX)?;
    if secret.expose().iter().all(u8::is_ascii_graphic) {
        Ok(())
    } else {
        Err(Error::rejected(InputReason::InstallationSecretNotValid))
    }
}

/// Keeps the token by which our app may ask an installation's site for the next two hours (Atlassian delivers it with at
/// least that much life). The one before ends at once.
pub(in crate::app) async fn keep_installation_token(
    gateway: &Registry,
    source: &LoadedSource,
    cloud_id: &str,
    token: &str,
) -> Result<(), Error> {
    let now = gateway.now();
    let expires_at = now + SignedDuration::from_hours(INSTALLATION_TOKEN_HOURS);
    let kept = InstallationToken { bearer: token.to_owned(), expires_at };
    let json = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Error::Unserializable { what: "the token" })?);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.tenant_id).await?;
    let slot = CredentialSlot { source: source.source_id, purpose: Purpose::Provider, holder: cloud_id };
    store_secret_until(gateway, &tx, slot, &SecretBytes::new(json.to_vec()), (now, now)).await?;
    store::source::forget_ended_credentials(&tx, slot, now).await?;
    tx.commit().await?;
    Ok(())
}

/// The token by which our app may ask an installation's site now, if one is alive.
pub(in crate::app) async fn installation_token(
    gateway: &Registry,
    source: SourceId,
    cloud_id: &str,
) -> Result<Option<SecretBytes>, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::Provider, holder: cloud_id };
    let Some(kept) = current_secret(gateway, facts.tenant_id, slot).await? else { return Ok(None) };
    let Ok(mut token) = serde_json::from_slice::<InstallationToken>(kept.expose()) else { return Ok(None) };
    let is_alive = token.expires_at > gateway.now();
    Ok(is_alive.then(|| SecretBytes::new(std::mem::take(&mut token.bearer).into_bytes())))
}

/// A token of an installation, as it is sealed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct InstallationToken {
    bearer: String,
    #[zeroize(skip)]
    expires_at: Timestamp,
}

pub(in crate::app) async fn store_secret(
    gateway: &Registry,
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    secret: &SecretBytes,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let previous_valid_until = now + SignedDuration::from_hours(PREVIOUS_SECRET_HOURS);
    store_secret_until(gateway, tx, slot, secret, (now, previous_valid_until)).await?;
    Ok(previous_valid_until)
}

pub(in crate::app) async fn store_secret_until(
    gateway: &Registry,
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    secret: &SecretBytes,
    (now, previous_valid_until): (Timestamp, Timestamp),
) -> Result<(), Error> {
    let credential = sealed_credential(gateway, slot, secret);
    store::source::rotate_credential(tx, slot, &credential, now, previous_valid_until).await?;
    Ok(())
}

/// A secret, sealed for its slot under a name of its own.
fn sealed_credential(gateway: &Registry, slot: CredentialSlot<'_>, secret: &SecretBytes) -> SealedCredential {
    let mut id = [0_u8; 16];
    gateway.entropy().fill(&mut id);
    let credential_id = uuid::Builder::from_random_bytes(id).into_uuid();
    let aad = credential_aad(slot, credential_id);
    let sealed = gateway.vault().seal_credential(&aad, secret.expose());
    SealedCredential { credential_id, master_id: sealed.master_id, sealed: sealed.bytes }
}

/// The current secret of a source, for `send`, which plays the sender.
pub async fn signing_secret(gateway: &Registry, name: &str) -> Result<SecretBytes, Error> {
    let NamedSource { source_id, tenant_id, .. } = find(gateway, name).await?;
    current_secret(gateway, tenant_id, own(source_id)).await?.ok_or(Error::Missing("the source's credential"))
}

/// The provider credentials of a source, by which its own system is called, if there are any.
pub(in crate::app) async fn provider_secret(
    gateway: &Registry,
    source: SourceId,
) -> Result<Option<SecretBytes>, Error> {
    Ok(provider_credential(gateway, source).await?.map(|(_, secret)| secret))
}

/// The same, with the name by which they can be renewed.
pub(in crate::app) async fn provider_credential(
    gateway: &Registry,
    source: SourceId,
) -> Result<Option<(Uuid, SecretBytes)>, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::Provider, holder: "" };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, facts.tenant_id).await?;
    let credentials = store::source::credentials(&tx, slot, gateway.now()).await?;
    let Some(current) = credentials.first() else { return Ok(None) };
    Ok(Some((current.credential_id, open_credential(gateway, slot, current)?)))
}

/// Puts what a sender's system has given us in place of the credentials that were used up by it. False, with nothing
/// changed, when those are not the current ones any more. No person does this, so it is not audited.
pub(in crate::app) async fn renew_provider_credential(
    gateway: &Registry,
    source: SourceId,
    used: Uuid,
    secret: &SecretBytes,
) -> Result<bool, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::Provider, holder: "" };
    let credential = sealed_credential(gateway, slot, secret);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, facts.tenant_id).await?;
    let is_renewed = store::source::renew_credential(&tx, slot, used, &credential, gateway.now()).await?;
    tx.commit().await?;
    Ok(is_renewed)
}

async fn current_secret(
    gateway: &Registry,
    tenant: TenantId,
    slot: CredentialSlot<'_>,
) -> Result<Option<SecretBytes>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let credentials = store::source::credentials(&tx, slot, gateway.now()).await?;
    credentials.first().map(|current| open_credential(gateway, slot, current)).transpose()
}

/// The slot of a source's own verification secret.
pub(in crate::app) const fn own(source: SourceId) -> CredentialSlot<'static> {
    CredentialSlot { source, purpose: Purpose::Verify, holder: "" }
}

/// A secret that the kind can use, as its contract says.
pub(in crate::app) fn check_secret(kind: SourceKind, secret: Option<&SecretBytes>) -> Result<(), Error> {
    match (contract(kind).secret, secret) {
        (Secret::None, Some(_)) => Err(Error::rejected(InputReason::SecretNotUsed)),
        // An app's secrets are its installations' own; they come with each install.
        (Secret::None | Secret::OfInstallations { .. }, None) => Ok(()),
        (
            Secret::Shared { bytes_min, bytes_max, .. } | Secret::OfInstallations { bytes_min, bytes_max },
            Some(secret),
        ) => check_length(secret, bytes_min, bytes_max),
        (Secret::Shared { .. }, None) => Err(Error::rejected(InputReason::SecretNeeded)),
    }
}

fn check_length(secret: &SecretBytes, bytes_min: usize, bytes_max: usize) -> Result<(), Error> {
    if (bytes_min..=bytes_max).contains(&secret.expose().len()) {
        Ok(())
    } else {
        Err(Error::rejected(InputReason::SecretLength { bytes_min, bytes_max }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_brings_a_secret_that_can_be_one() {
        let is_taken = |text: &str| check_holder_secret(&SecretBytes::new(text.as_bytes().to_vec())).is_ok();
        assert!(is_taken("REPLACE-ME-SYNTHETIC"));
        for text in
            ["", "too short", "a sentence with many words", "with a line\nbreak-in-it", "\u{fc}ber-und-\u{fc}ber-lang"]
        {
            assert!(!is_taken(text), "{text}");
        }
        assert!(!is_taken(&"a".repeat(SECRET_BYTES_MAX + 1)));
    }

    #[test]
    fn secrets_are_the_same_only_when_every_byte_is() {
        let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        assert!(is_same(&secret("one and the same"), &secret("one and the same")));
        for other in ["one and the samE", "one and the sam", ""] {
            assert!(!is_same(&secret("one and the same"), &secret(other)));
        }
    }
}
