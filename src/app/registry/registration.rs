//! What operators do with sources: register, rotate, enable, bind, and give provider credentials.

use super::source::find;

use jiff::Timestamp;

use crate::{
    app::{
        ground::{audit, error::Error},
        registry::{
            Registration, Registry,
            credentials::{check_secret, own, store_secret, store_secret_until},
            is_holder, is_name,
            look_up::facts,
        },
    },
    domain::{
        Actor, SourceId, SourceKind, TenantId,
        reason::{Cause, InputReason},
    },
    proof::audit::Fact,
    signature::SecretBytes,
    sources::{contract, contract::Tenancy, contracts},
    store::{
        self, TenantTx,
        source::{CredentialSlot, NamedSource, NewSource, Purpose},
    },
};

/// The shortest replay window, in seconds: Jira repeats a delivery up to five times, up to 15 minutes apart, under its first
/// timestamp. A shorter window would refuse for good what came late because we were away. The schema says the same.
const REPLAY_WINDOW_SECONDS_MIN: i32 = 5 * 15 * 60;
/// The longest provider credentials, in bytes: a service account's key file is a fifth of it.
const PROVIDER_CREDENTIALS_BYTES_MAX: usize = 16 * 1024;

/// Registers a source, and its tenant when that is new. Fails when the name is taken.
pub async fn register(
    gateway: &Registry,
    actor: &Actor,
    registration: &Registration<'_>,
) -> Result<(SourceId, TenantId), Error> {
    check(registration)?;
    let queue = gateway.databases().queue.client().await?;
    if let Some(taken) = store::source::find_by_name(&queue, registration.name).await? {
        let source = registration.name.to_owned();
        return Err(Error::rejected(if taken.disabled_at.is_some() {
            InputReason::SourceExistsDisabled { source }
        } else {
            InputReason::SourceExists { source }
        }));
    }
    let known = match registration.tenant_key {
        None => Some(TenantId::PLATFORM),
        Some(key) => store::tenant::find_by_key(&queue, key).await?,
    };
    drop(queue);
    let now = gateway.now();
    let tenant_id = known.unwrap_or_else(|| TenantId::new(gateway.clock(), gateway.entropy()));
    let source_id = SourceId::new(gateway.clock(), gateway.entropy());
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    if let (None, Some(key)) = (known, registration.tenant_key) {
        store::tenant::insert(&tx, key, now).await?;
    }
    let host = registration.site_host.map(str::to_ascii_lowercase);
    let source = NewSource {
        source_id,
        name: registration.name,
        kind: registration.settings.kind(),
        site_host: host.as_deref(),
        settings: &registration.settings.to_value(),
        replay_window_seconds: registration.replay_window_seconds,
        expected_every_seconds: registration.expected_every_seconds,
    };
    store::source::insert(&tx, &source, now).await?;
    if let Some(secret) = registration.secret {
        store_secret(gateway, &tx, own(source_id), secret, now).await?;
    }
    audit::record(gateway, &tx, actor, "source.registered", source_id, []).await?;
    tx.commit().await?;
    Ok((source_id, tenant_id))
}

/// Gives a source a new secret; the one before stays valid for a day, so that nothing signed before is refused. Fails for a
/// source that is disabled, because nobody would look at its secrets.
pub async fn rotate(gateway: &Registry, actor: &Actor, name: &str, secret: &SecretBytes) -> Result<Timestamp, Error> {
    let source = find(gateway, name).await?;
    if source.disabled_at.is_some() {
        return Err(Error::rejected(InputReason::SourceDisabled));
    }
    let facts = facts(gateway, source.source_id).await?;
    check_secret(facts.kind, Some(secret))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.tenant_id).await?;
    let previous_valid_until = store_secret(gateway, &tx, own(source.source_id), secret, gateway.now()).await?;
    let facts = [("previous_valid_until", Fact::At(previous_valid_until))];
    audit::record(gateway, &tx, actor, "source.rotated", source.source_id, facts).await?;
    tx.commit().await?;
    Ok(previous_valid_until)
}

/// Takes a disabled source into use again, with a new secret where its kind has one. Fails for one that is in use.
///
/// The erasure of a tenant disables its sources and deletes their credentials, so no older secret is valid beside the new
/// one. What arrives counts only once the tenant itself is back.
pub async fn enable(gateway: &Registry, actor: &Actor, name: &str, secret: Option<&SecretBytes>) -> Result<(), Error> {
    let source = find(gateway, name).await?;
    let is_in_use = || Error::rejected(InputReason::SourceInUse);
    if source.disabled_at.is_none() {
        return Err(is_in_use());
    }
    check_secret(facts(gateway, source.source_id).await?.kind, secret)?;
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.tenant_id).await?;
    if !store::source::enable(&tx, source.source_id).await? {
        return Err(is_in_use());
    }
    if let Some(secret) = secret {
        store_secret_until(gateway, &tx, own(source.source_id), secret, (now, now)).await?;
    }
    audit::record(gateway, &tx, actor, "source.enabled", source.source_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a source its provider credentials, by which its own system is called. The ones before end at once.
pub async fn set_provider_credentials(
    gateway: &Registry,
    actor: &Actor,
    name: &str,
    secret: &SecretBytes,
) -> Result<(), Error> {
    let NamedSource { source_id, tenant_id, .. } = find(gateway, name).await?;
    if secret.is_empty() || secret.expose().len() > PROVIDER_CREDENTIALS_BYTES_MAX {
        return Err(Error::rejected(InputReason::CredentialsLength { bytes_max: PROVIDER_CREDENTIALS_BYTES_MAX }));
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    let slot = CredentialSlot { source: source_id, purpose: Purpose::Provider, holder: "" };
    let now = gateway.now();
    store_secret_until(gateway, &tx, slot, secret, (now, now)).await?;
    audit::record(gateway, &tx, actor, "source.provider_credentials_set", source_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Says that an installation of a shared source is this tenant, which must be known. Fails when it was bound before, to
/// whomever: a binding never changes.
pub async fn bind(
    gateway: &Registry,
    actor: &Actor,
    name: &str,
    holder: &str,
    tenant_key: &str,
) -> Result<TenantId, Error> {
    let NamedSource { source_id, .. } = find(gateway, name).await?;
    if !is_holder(holder) {
        return Err(Error::rejected(InputReason::InstallationNotValid));
    }
    check_tenant_key(tenant_key)?;
    let queue = gateway.databases().queue.client().await?;
    let known = store::tenant::find_by_key(&queue, tenant_key).await?;
    drop(queue);
    // A key with a slip of the pen must not become a tenant that nobody has.
    let Some(tenant_id) = known.filter(|tenant| *tenant != TenantId::PLATFORM) else {
        return Err(Error::rejected(InputReason::TenantKeyUnknown));
    };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    if !store::source::bind_holder(&tx, source_id, holder, gateway.now()).await? {
        return Err(Error::rejected(InputReason::AlreadyBound { source: name.to_owned() }));
    }
    audit::record(gateway, &tx, actor, "source.bound", source_id, []).await?;
    tx.commit().await?;
    Ok(tenant_id)
}

fn check_name(name: &str) -> Result<(), Error> {
    if is_name(name) { Ok(()) } else { Err(Error::rejected(InputReason::SourceNameNotValid)) }
}

/// The window reads the timestamp in a Jira webhook's own body. Of any other sender it would refuse every delivery.
fn check_replay_window(kind: SourceKind, seconds: Option<i32>) -> Result<(), Error> {
    let Some(seconds) = seconds else { return Ok(()) };
    if contract(kind).own_time.is_none() {
        let with_time = contracts().filter(|(_, contract)| contract.own_time.is_some());
        let called: Vec<&str> = with_time.map(|(_, contract)| contract.called).collect();
        return Err(Error::rejected(InputReason::ReplayWindowNotUsed { kinds: called.join(" or ") }));
    }
    if seconds < REPLAY_WINDOW_SECONDS_MIN {
        return Err(Error::rejected(InputReason::ReplayWindowShort { seconds_min: REPLAY_WINDOW_SECONDS_MIN }));
    }
    Ok(())
}

/// What begins with a bracket is ours: the platform is no tenant of anybody.
fn check_tenant_key(key: &str) -> Result<(), Error> {
    if key.starts_with('(') {
        return Err(Error::rejected(InputReason::TenantKeyNotValid));
    }
    Ok(())
}

fn check(registration: &Registration<'_>) -> Result<(), Error> {
    check_name(registration.name)?;
    let kind = registration.settings.kind();
    check_replay_window(kind, registration.replay_window_seconds)?;
    check_secret(kind, registration.secret)?;
    registration
        .settings
        .check()
        .map_err(|error| Error::rejected(InputReason::SettingsNotValid { cause: Cause::of(&error) }))?;
    let contract = contract(kind);
    match (contract.tenancy, registration.tenant_key) {
        (Tenancy::OfRegistration, None) => Err(Error::rejected(InputReason::TenantKeyNeeded { kind: contract.called })),
        (Tenancy::OfDelivery | Tenancy::OfInstallation(_), Some(_)) => {
            Err(Error::rejected(InputReason::TenantKeyNotUsed))
        }
        (Tenancy::OfRegistration | Tenancy::Shared, Some(key)) => check_tenant_key(key),
        (Tenancy::Shared | Tenancy::OfDelivery | Tenancy::OfInstallation(_), None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_window_is_never_shorter_than_the_senders_retries_and_only_for_jiras_own_webhooks() {
        for kind in SourceKind::ALL {
            assert!(check_replay_window(kind, None).is_ok());
            assert_eq!(check_replay_window(kind, Some(4_500)).is_ok(), kind == SourceKind::JiraAdmin);
        }
        assert!(check_replay_window(SourceKind::JiraAdmin, Some(4_499)).is_err());
    }

    #[test]
    fn no_tenant_key_is_the_platforms() {
        assert!(check_tenant_key("(platform)").is_err());
        assert!(check_tenant_key("11111111-2222-4333-8444-555555555555").is_ok());
    }
}
