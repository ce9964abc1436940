//! Sources: registered by operators, looked up by intake before a body is read.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Error, Gateway, audit};
use crate::{
    domain::{SourceId, TenantId},
    proof::audit::Fact,
    sealing::Aad,
    signature::SecretBytes,
    store::{
        self, TenantTx,
        source::{NewSource, SealedCredential, SourceRow},
    },
};

/// How long a look-up is believed. A rotated secret works at once all the same: a mismatch looks again.
const BELIEVED_FOR: Duration = Duration::from_secs(2);
/// After a mismatch the source is read again, but not more often than this, or forged calls would load the database.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The most names kept, known and unknown ones; beyond it the memory is emptied.
const NAMES_MAX: usize = 10_000;
/// The longest secret accepted, in bytes.
pub const SECRET_BYTES_MAX: usize = 1_024;
/// The shortest secret accepted, in bytes: 16 random bytes in hexadecimal.
pub const SECRET_BYTES_MIN: usize = 16;
/// How long the previous secret stays valid after a rotation, in hours: more than Jira's longest retry.
const PREVIOUS_SECRET_HOURS: i64 = 24;

/// A source with its secrets opened.
pub struct LoadedSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose deliveries it brings.
    pub tenant_id: TenantId,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window: Option<SignedDuration>,
    /// Current secret first.
    pub secrets: Vec<SecretBytes>,
}

/// Sources as they were last read, bounded in number and age.
#[derive(Default)]
pub struct SourceCache {
    entries: RwLock<HashMap<String, LookUp>>,
}

/// What a look-up has found: a source, or that there certainly is none.
#[derive(Clone)]
struct LookUp {
    read_at: Instant,
    found: Option<Arc<LoadedSource>>,
}

impl SourceCache {
    fn fresh(&self, name: &str, within: Duration) -> Option<LookUp> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(name).filter(|look_up| look_up.read_at.elapsed() < within).cloned()
    }

    fn keep(&self, name: &str, source: Option<Arc<LoadedSource>>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= NAMES_MAX && !entries.contains_key(name) {
            entries.clear();
        }
        entries.insert(name.to_owned(), LookUp { read_at: Instant::now(), found: source });
    }
}

/// The source with this name. `Ok(None)` means that it certainly does not exist; an error, that we could not look.
pub(super) async fn look_up(gateway: &Gateway, name: &str) -> Result<Option<Arc<LoadedSource>>, Error> {
    look_up_within(gateway, name, BELIEVED_FOR).await
}

/// Reads the source again after a mismatch, unless it was read a moment ago.
pub(super) async fn look_again(gateway: &Gateway, name: &str) -> Result<Option<Arc<LoadedSource>>, Error> {
    look_up_within(gateway, name, LOOK_AGAIN_AFTER).await
}

async fn look_up_within(gateway: &Gateway, name: &str, within: Duration) -> Result<Option<Arc<LoadedSource>>, Error> {
    if let Some(kept) = gateway.sources().fresh(name, within) {
        return Ok(kept.found);
    }
    let client = gateway.databases().intake.client().await?;
    let source = match store::source::for_intake(&client, name, gateway.now()).await? {
        None => None,
        Some(found) => {
            let secrets = found
                .credentials
                .iter()
                .map(|credential| open_credential(gateway, found.source_id, credential))
                .collect::<Result<_, _>>()?;
            Some(Arc::new(LoadedSource {
                source_id: found.source_id,
                tenant_id: found.tenant_id,
                replay_window: found.replay_window_seconds.map(|seconds| SignedDuration::from_secs(seconds.into())),
                secrets,
            }))
        }
    };
    gateway.sources().keep(name, source.clone());
    Ok(source)
}

fn open_credential(gateway: &Gateway, source: SourceId, credential: &SealedCredential) -> Result<SecretBytes, Error> {
    let aad = credential_aad(source, credential.credential_id);
    let opened = gateway.ring().open_credential(credential.master_id, &aad, &credential.sealed)?;
    Ok(SecretBytes::new(opened.to_vec()))
}

fn credential_aad(source: SourceId, credential: Uuid) -> Aad {
    let mut row = source.uuid().as_bytes().to_vec();
    row.extend_from_slice(credential.as_bytes());
    Aad::new("source_credential", None, &row, "sealed")
}

/// A source to be registered.
pub struct Registration<'a> {
    /// Last part of its route: lower-case letters, digits and hyphens, at most 63.
    pub name: &'a str,
    /// The key the target knows the tenant by (Milestone: the cloudId).
    pub tenant_key: &'a str,
    /// The site its deliveries must speak of, for example `acme.atlassian.net`.
    pub site_host: Option<&'a str>,
    /// How old, by the body's own timestamp, a delivery may be, in seconds.
    pub replay_window_seconds: Option<i32>,
    /// The shared secret.
    pub secret: &'a SecretBytes,
}

/// Registers a source, and its tenant when that is new. Fails when the name is taken.
pub async fn register(
    gateway: &Gateway,
    actor: &str,
    registration: &Registration<'_>,
) -> Result<(SourceId, TenantId), Error> {
    check_name(registration.name)?;
    check_secret(registration.secret)?;
    let queue = gateway.databases().queue.client().await?;
    if store::source::find_by_name(&queue, registration.name).await?.is_some() {
        return Err(Error::Refused(format!(
            "a source named {} exists already; use `sources rotate`",
            registration.name
        )));
    }
    let known = store::tenant::find_by_key(&queue, registration.tenant_key).await?;
    drop(queue);
    let now = gateway.now();
    let tenant_id = known.unwrap_or_else(|| TenantId::new(gateway.clock(), gateway.entropy()));
    let source_id = SourceId::new(gateway.clock(), gateway.entropy());
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    if known.is_none() {
        store::tenant::insert(&tx, registration.tenant_key, now).await?;
    }
    let host = registration.site_host.map(str::to_ascii_lowercase);
    let source = NewSource {
        source_id,
        name: registration.name,
        site_host: host.as_deref(),
        replay_window_seconds: registration.replay_window_seconds,
    };
    store::source::insert(&tx, &source, now).await?;
    store_secret(gateway, &tx, source_id, registration.secret, now).await?;
    audit::record(gateway, &tx, actor, "source.registered", source_id, []).await?;
    tx.commit().await?;
    Ok((source_id, tenant_id))
}

/// Gives a source a new secret; the one before stays valid for a day, so that nothing signed before is refused.
pub async fn rotate(gateway: &Gateway, actor: &str, name: &str, secret: &SecretBytes) -> Result<Timestamp, Error> {
    check_secret(secret)?;
    let queue = gateway.databases().queue.client().await?;
    let (source_id, tenant_id) = store::source::find_by_name(&queue, name).await?.ok_or(Error::NotFound("source"))?;
    drop(queue);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    let previous_valid_until = store_secret(gateway, &tx, source_id, secret, gateway.now()).await?;
    let facts = [("previous_valid_until", Fact::At(previous_valid_until))];
    audit::record(gateway, &tx, actor, "source.rotated", source_id, facts).await?;
    tx.commit().await?;
    Ok(previous_valid_until)
}

async fn store_secret(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    source_id: SourceId,
    secret: &SecretBytes,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let mut id = [0_u8; 16];
    gateway.entropy().fill(&mut id);
    let credential_id = uuid::Builder::from_random_bytes(id).into_uuid();
    let sealed =
        gateway.ring().seal_credential(&credential_aad(source_id, credential_id), secret.expose(), gateway.entropy());
    let previous_valid_until = now + SignedDuration::from_hours(PREVIOUS_SECRET_HOURS);
    let credential = SealedCredential { credential_id, master_id: sealed.master_id, sealed: sealed.bytes };
    store::source::rotate_credential(tx, source_id, &credential, now, previous_valid_until).await?;
    Ok(previous_valid_until)
}

/// The current secret of a source, for `send`, which plays the sender.
pub async fn signing_secret(gateway: &Gateway, name: &str) -> Result<SecretBytes, Error> {
    let queue = gateway.databases().queue.client().await?;
    let (source_id, tenant_id) = store::source::find_by_name(&queue, name).await?.ok_or(Error::NotFound("source"))?;
    drop(queue);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    let credentials = store::source::credentials(&tx, source_id, gateway.now()).await?;
    let current = credentials.first().ok_or(Error::Missing("the source's credential"))?;
    open_credential(gateway, source_id, current)
}

/// Every source, without credentials.
pub async fn list(gateway: &Gateway) -> Result<Vec<SourceRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::source::list(&queue).await?)
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_name = (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_name {
        Ok(())
    } else {
        Err(Error::Refused("a source's name is 1 to 63 lower-case letters, digits and hyphens".to_owned()))
    }
}

fn check_secret(secret: &SecretBytes) -> Result<(), Error> {
    if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.expose().len()) {
        Ok(())
    } else {
        Err(Error::Refused(format!("a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")))
    }
}
