//! Sources: registered by operators, looked up by intake before a body is read.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Error, Gateway, audit};
use crate::{
    domain::{SourceId, SourceKind, TenantId},
    proof::audit::Fact,
    sealing::Aad,
    signature::SecretBytes,
    sources::SourceSettings,
    store::{
        self, TenantTx,
        source::{
            CredentialDates, CredentialSlot, HolderRow, NamedSource, NewSource, Purpose, SealedCredential, SourceFacts,
        },
    },
};

/// A source as operators see it.
pub use crate::store::source::SourceRow;

/// How long a source is believed that was found. A rotated secret works at once all the same: a mismatch looks again.
const BELIEVED_FOR: Duration = Duration::from_secs(2);
/// The least time between two readings of one source that mismatches cause. Callers meanwhile wait and share the next one.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Readings under way at once of names that are known, and of all others. Together fewer than intake's connections, and
/// apart, so that a flood of names that nobody has does not keep known sources from being read again.
const READINGS_OF_KNOWN_MAX: usize = 2;
const READINGS_OF_OTHERS_MAX: usize = 2;
/// How long a caller waits for its reading to begin before it is told to come back.
const READING_WAIT: Duration = Duration::from_secs(1);
/// The most names kept. Beyond it unknown ones are forgotten first.
const NAMES_MAX: usize = 10_000;
/// The most installations kept, of all sources together. Whoever calls chooses their names, so they have a room of their own.
const HOLDERS_MAX: usize = 2_000;
/// The longest name that a source can have, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// The shortest replay window, in seconds: Jira repeats a delivery up to five times, up to 15 minutes apart, under its first
/// timestamp. A shorter window would refuse for good what came late because we were away. The schema says the same.
const REPLAY_WINDOW_SECONDS_MIN: i32 = 5 * 15 * 60;
/// The longest secret accepted, in bytes.
pub const SECRET_BYTES_MAX: usize = 1_024;
/// The shortest secret accepted, in bytes: 16 random bytes in hexadecimal.
pub const SECRET_BYTES_MIN: usize = 16;
/// How long an installation's token is used, in hours.
pub(super) const INSTALLATION_TOKEN_HOURS: i64 = 2;
/// The bounds of the forwarder's secret, decoded, in bytes (Standard Webhooks).
const FORWARDER_SECRET_BYTES_MIN: usize = 24;
const FORWARDER_SECRET_BYTES_MAX: usize = 64;
/// The longest credentials for call-backs, in bytes: a service account's key file is a fifth of it.
const CALL_BACK_BYTES_MAX: usize = 16 * 1024;
/// How long the previous secret stays valid after a rotation, in hours: more than Jira's longest retry.
const PREVIOUS_SECRET_HOURS: i64 = 24;

/// A source with its secrets opened.
pub struct LoadedSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose deliveries it brings; [`TenantId::PLATFORM`] when a delivery says that itself.
    pub tenant_id: TenantId,
    /// What its kind has to know.
    pub settings: SourceSettings,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window: Option<SignedDuration>,
    /// Current secret first.
    pub secrets: Vec<SecretBytes>,
}

/// Sources as they were last read, bounded in number and age, and the bounds of reading them.
///
/// An installation is a name that an unverified token chooses. What is kept of installations can therefore never drive out
/// a source, and one that has brought no secret is nobody: whoever calls may have invented it.
pub struct SourceCache {
    own: Remembered,
    of_holders: Remembered,
    facts: RwLock<HashMap<SourceId, Arc<SourceFacts>>>,
    tenants: RwLock<HashMap<String, TenantId>>,
    readings_of_known: Semaphore,
    readings_of_others: Semaphore,
}

/// What a look-up has found: a source, or that there certainly was none.
#[derive(Clone)]
struct LookUp {
    /// When the reading began.
    read_at: Instant,
    found: Option<Arc<LoadedSource>>,
    /// True for a source, and for an installation of one that has brought a secret.
    is_known: bool,
}

impl LookUp {
    fn new(asked: Asked<'_>, read_at: Instant, found: Option<Arc<LoadedSource>>) -> Self {
        let is_known = found.as_ref().is_some_and(|source| asked.holder.is_empty() || !source.secrets.is_empty());
        Self { read_at, found, is_known }
    }

    /// True when a call may be judged by it: by what is known for a while, by nobody only when it was looked up since.
    fn is_enough_for(&self, arrived_at: Instant, is_signed: bool) -> bool {
        if is_signed && !self.is_known { self.read_at >= arrived_at } else { self.read_at.elapsed() < BELIEVED_FOR }
    }
}

/// The latest look-ups, at most `most` of them.
struct Remembered {
    entries: RwLock<HashMap<String, LookUp>>,
    most: usize,
}

impl Remembered {
    fn new(most: usize) -> Self {
        Self { entries: RwLock::default(), most }
    }

    fn kept(&self, key: &str) -> Option<LookUp> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps what a reading has found, unless a later one was faster. Where there is no room, nobody goes first, and is not
    /// kept at all where everybody is somebody.
    fn keep(&self, key: String, look_up: LookUp) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.get(&key).is_some_and(|kept| kept.read_at > look_up.read_at) {
            return;
        }
        if entries.len() >= self.most && !entries.contains_key(&key) {
            entries.retain(|_, kept| kept.is_known);
            if entries.len() >= self.most {
                if !look_up.is_known {
                    return;
                }
                entries.clear();
            }
        }
        entries.insert(key, look_up);
    }
}

impl Default for SourceCache {
    fn default() -> Self {
        Self {
            own: Remembered::new(NAMES_MAX),
            of_holders: Remembered::new(HOLDERS_MAX),
            facts: RwLock::default(),
            tenants: RwLock::default(),
            readings_of_known: Semaphore::new(READINGS_OF_KNOWN_MAX),
            readings_of_others: Semaphore::new(READINGS_OF_OTHERS_MAX),
        }
    }
}

impl SourceCache {
    fn room_of(&self, asked: Asked<'_>) -> &Remembered {
        if asked.holder.is_empty() { &self.own } else { &self.of_holders }
    }

    fn kept(&self, asked: Asked<'_>) -> Option<LookUp> {
        self.room_of(asked).kept(&asked.cache_key())
    }

    fn keep(&self, asked: Asked<'_>, look_up: LookUp) {
        self.room_of(asked).keep(asked.cache_key(), look_up);
    }

    /// Leave to read. Fails when none can be had in time.
    async fn leave_to_read(&self, is_known: bool) -> Result<SemaphorePermit<'_>, Error> {
        let readings = if is_known { &self.readings_of_known } else { &self.readings_of_others };
        match tokio::time::timeout(READING_WAIT, readings.acquire()).await {
            Ok(Ok(leave)) => Ok(leave),
            Ok(Err(_)) | Err(_) => Err(Error::Busy("too many sources are being looked up")),
        }
    }
}

/// Whose credentials are asked for: a source's own, or those of one installation within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    /// The source's name.
    pub(super) name: &'a str,
    /// The installation; empty for the source itself.
    pub(super) holder: &'a str,
}

impl Asked<'_> {
    /// No name and no installation has this byte.
    fn cache_key(&self) -> String {
        format!("{}\0{}", self.name, self.holder)
    }
}

/// The source with this name. `Ok(None)` means that it certainly does not exist; an error, that we could not look.
///
/// That there is none is believed from memory only for a call that is refused whatever is found, because it is not signed.
/// For a signed one it must have been read since the call arrived: the source may be new, and its sender never repeats a
/// refusal. The same holds for an installation that has brought no secret. So a flood of signed calls under unknown names
/// costs one short reading each, a few at a time.
pub(super) async fn look_up(
    gateway: &Gateway,
    asked: Asked<'_>,
    arrived_at: Instant,
    is_signed: bool,
) -> Result<Option<Arc<LoadedSource>>, Error> {
    read_unless(gateway, asked, |kept| kept.is_enough_for(arrived_at, is_signed)).await
}

/// The source as it was read at some time after the call arrived: what a mismatch is judged by.
///
/// Forged calls could make us read as often as they come. So readings of one source that mismatches cause are a tenth of a
/// second apart; whoever comes meanwhile waits for the next one and shares it, and is told to come back only when none can
/// begin within a second.
pub(super) async fn look_again(
    gateway: &Gateway,
    asked: Asked<'_>,
    arrived_at: Instant,
) -> Result<Option<Arc<LoadedSource>>, Error> {
    let is_enough = |kept: &LookUp| kept.read_at >= arrived_at;
    if let Some(kept) = gateway.sources().kept(asked)
        && !is_enough(&kept)
    {
        tokio::time::sleep(READ_AGAIN_AFTER.saturating_sub(kept.read_at.elapsed())).await;
    }
    read_unless(gateway, asked, is_enough).await
}

/// Reads a source unless what is kept is enough, also when somebody else has read it while this caller waited.
async fn read_unless(
    gateway: &Gateway,
    asked: Asked<'_>,
    is_enough: impl Fn(&LookUp) -> bool,
) -> Result<Option<Arc<LoadedSource>>, Error> {
    let kept = gateway.sources().kept(asked);
    let is_known = kept.as_ref().is_some_and(|kept| kept.is_known);
    if let Some(kept) = kept.filter(&is_enough) {
        return Ok(kept.found);
    }
    let _leave = gateway.sources().leave_to_read(is_known).await?;
    if let Some(kept) = gateway.sources().kept(asked).filter(&is_enough) {
        return Ok(kept.found);
    }
    read(gateway, asked).await
}

async fn read(gateway: &Gateway, asked: Asked<'_>) -> Result<Option<Arc<LoadedSource>>, Error> {
    let client = gateway.databases().intake.client().await?;
    let read_at = Instant::now();
    let source = match store::source::for_intake(&client, asked.name, asked.holder, gateway.now()).await? {
        None => None,
        Some(found) => {
            let slot = CredentialSlot { source: found.source_id, purpose: Purpose::Verify, holder: asked.holder };
            let secrets = found
                .credentials
                .iter()
                .map(|credential| open_credential(gateway, slot, credential))
                .collect::<Result<_, _>>()?;
            Some(Arc::new(LoadedSource {
                source_id: found.source_id,
                tenant_id: found.tenant_id,
                settings: SourceSettings::parse(found.kind, &found.settings)
                    .map_err(|_| Error::Missing("settings of the source that this version can read"))?,
                replay_window: found.replay_window_seconds.map(|seconds| SignedDuration::from_secs(seconds.into())),
                secrets,
            }))
        }
    };
    gateway.sources().keep(asked, LookUp::new(asked, read_at, source.clone()));
    Ok(source)
}

/// What interpretation has to know of a source. Nothing of it changes after registration, so it is read once.
pub(super) async fn facts(gateway: &Gateway, source: SourceId) -> Result<Arc<SourceFacts>, Error> {
    let known = &gateway.sources().facts;
    if let Some(facts) = known.read().unwrap_or_else(PoisonError::into_inner).get(&source) {
        return Ok(Arc::clone(facts));
    }
    let queue = gateway.databases().queue.client().await?;
    let facts = Arc::new(store::source::find(&queue, source).await?.ok_or(Error::NotFound("source"))?);
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= NAMES_MAX {
        known.clear();
    }
    known.insert(source, Arc::clone(&facts));
    Ok(facts)
}

/// The tenant that a verified credential names, made when it is the first time. A key never changes its tenant.
pub(super) async fn tenant_of_key(gateway: &Gateway, stable_key: &str) -> Result<TenantId, Error> {
    let known = &gateway.sources().tenants;
    if let Some(tenant) = known.read().unwrap_or_else(PoisonError::into_inner).get(stable_key) {
        return Ok(*tenant);
    }
    let client = gateway.databases().intake.client().await?;
    let new = TenantId::new(gateway.clock(), gateway.entropy());
    let tenant = store::tenant::for_intake(&client, stable_key, new, gateway.now()).await?;
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= NAMES_MAX {
        known.clear();
    }
    known.insert(stable_key.to_owned(), tenant);
    Ok(tenant)
}

fn open_credential(
    gateway: &Gateway,
    slot: CredentialSlot<'_>,
    credential: &SealedCredential,
) -> Result<SecretBytes, Error> {
    let aad = credential_aad(slot, credential.credential_id);
    let opened = gateway.ring().open_credential(credential.master_id, &aad, &credential.sealed)?;
    Ok(SecretBytes::new(opened.to_vec()))
}

/// A credential opens only as what it was sealed for: that source, that use, that installation.
fn credential_aad(slot: CredentialSlot<'_>, credential: Uuid) -> Aad {
    let mut row = slot.source.uuid().as_bytes().to_vec();
    row.extend_from_slice(credential.as_bytes());
    row.extend_from_slice(slot.holder.as_bytes());
    let column = match slot.purpose {
        Purpose::Verify => "sealed",
        Purpose::CallBack => "sealed_call_back",
    };
    Aad::new("source_credential", None, &row, column)
}

/// A source to be registered.
pub struct Registration<'a> {
    /// Last part of its route: lower-case letters, digits and hyphens, at most 63.
    pub name: &'a str,
    /// The key the target knows the tenant by (Milestone: the cloudId). `None` for a source that several tenants share.
    pub tenant_key: Option<&'a str>,
    /// What its kind has to know.
    pub settings: SourceSettings,
    /// The site its deliveries must speak of, for example `acme.atlassian.net`.
    pub site_host: Option<&'a str>,
    /// How old, by the body's own timestamp, a delivery may be, in seconds; at least 4500, Jira's whole span of retries.
    /// For a Jira webhook only: other senders write no such timestamp.
    pub replay_window_seconds: Option<i32>,
    /// How long it may be silent before somebody should ask why, in seconds.
    pub expected_every_seconds: Option<i32>,
    /// The shared secret, for a kind that has one.
    pub secret: Option<&'a SecretBytes>,
}

impl<'a> Registration<'a> {
    /// A Jira webhook of one tenant.
    pub fn jira(name: &'a str, tenant_key: &'a str, secret: &'a SecretBytes) -> Self {
        Self {
            name,
            tenant_key: Some(tenant_key),
            settings: SourceSettings::JiraAdmin,
            site_host: None,
            replay_window_seconds: None,
            expected_every_seconds: None,
            secret: Some(secret),
        }
    }

    /// A source of another kind, without a secret.
    pub fn of(name: &'a str, tenant_key: Option<&'a str>, settings: SourceSettings) -> Self {
        Self {
            name,
            tenant_key,
            settings,
            site_host: None,
            replay_window_seconds: None,
            expected_every_seconds: None,
            secret: None,
        }
    }
}

/// Registers a source, and its tenant when that is new. Fails when the name is taken.
pub async fn register(
    gateway: &Gateway,
    actor: &str,
    registration: &Registration<'_>,
) -> Result<(SourceId, TenantId), Error> {
    check(registration)?;
    let queue = gateway.databases().queue.client().await?;
    if let Some(taken) = store::source::find_by_name(&queue, registration.name).await? {
        let (state, verb) = if taken.disabled_at.is_some() { ("is disabled", "enable") } else { ("exists", "rotate") };
        let name = registration.name;
        return Err(Error::Refused(format!("a source named {name} {state} already; use `sources {verb}`")));
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

/// The slot of a source's own verification secret.
const fn own(source: SourceId) -> CredentialSlot<'static> {
    CredentialSlot { source, purpose: Purpose::Verify, holder: "" }
}

/// Gives a source a new secret; the one before stays valid for a day, so that nothing signed before is refused. Fails for a
/// source that is disabled, because nobody would look at its secrets.
pub async fn rotate(gateway: &Gateway, actor: &str, name: &str, secret: &SecretBytes) -> Result<Timestamp, Error> {
    let source = find(gateway, name).await?;
    if source.disabled_at.is_some() {
        return Err(Error::Refused(
            "the source is disabled because its tenant was purged; `sources enable` gives it a secret and takes it into use"
                .to_owned(),
        ));
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
/// The purge of a tenant disables its sources and deletes their credentials, so no older secret is valid beside the new
/// one. What arrives counts only once the tenant itself is back.
pub async fn enable(gateway: &Gateway, actor: &str, name: &str, secret: Option<&SecretBytes>) -> Result<(), Error> {
    let source = find(gateway, name).await?;
    let is_in_use = || Error::Refused("the source is in use; `sources rotate` gives it another secret".to_owned());
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

/// Gives a source the credentials by which its own system is called back. The ones before end at once.
pub async fn set_call_back(gateway: &Gateway, actor: &str, name: &str, secret: &SecretBytes) -> Result<(), Error> {
    let NamedSource { source_id, tenant_id, .. } = find(gateway, name).await?;
    if secret.is_empty() || secret.expose().len() > CALL_BACK_BYTES_MAX {
        return Err(Error::Refused(format!("credentials have 1 to {CALL_BACK_BYTES_MAX} bytes")));
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    let slot = CredentialSlot { source: source_id, purpose: Purpose::CallBack, holder: "" };
    let now = gateway.now();
    store_secret_until(gateway, &tx, slot, secret, (now, now)).await?;
    audit::record(gateway, &tx, actor, "source.call_back_set", source_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Says that an installation of a shared source is this tenant, which must be known. Fails when it was bound before, to
/// whomever: a binding never changes.
pub async fn bind(
    gateway: &Gateway,
    actor: &str,
    name: &str,
    holder: &str,
    tenant_key: &str,
) -> Result<TenantId, Error> {
    let NamedSource { source_id, .. } = find(gateway, name).await?;
    if !is_holder(holder) {
        return Err(Error::Refused("an installation is 1 to 256 visible ASCII characters".to_owned()));
    }
    check_tenant_key(tenant_key)?;
    let queue = gateway.databases().queue.client().await?;
    let known = store::tenant::find_by_key(&queue, tenant_key).await?;
    drop(queue);
    // A key with a slip of the pen must not become a customer that nobody has.
    let Some(tenant_id) = known.filter(|tenant| *tenant != TenantId::PLATFORM) else {
        return Err(Error::Refused(
            "no tenant has this key; a tenant becomes known by its first delivery, or by `sources add` with its \
             --tenant-key"
                .to_owned(),
        ));
    };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    if !store::source::bind_holder(&tx, source_id, holder, gateway.now()).await? {
        return Err(Error::Refused(format!(
            "this installation is bound already, as `sources show {name}` says, and cannot be bound to another tenant: \
             what it has sent is the first one's"
        )));
    }
    audit::record(gateway, &tx, actor, "source.bound", source_id, []).await?;
    tx.commit().await?;
    Ok(tenant_id)
}

/// Keeps the secret that a verified installation has brought; the one before stays valid for a day. Repeating is safe: a
/// repetition changes nothing, so that it does not end the secret before.
pub(super) async fn keep_holder_secret(
    gateway: &Gateway,
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
    audit::record(gateway, &tx, audit::WORKER, "source.installed", source.source_id, []).await?;
    tx.commit().await?;
    Ok(())
}

/// Compares in constant time.
fn is_same(left: &SecretBytes, right: &SecretBytes) -> bool {
    left.expose().ct_eq(right.expose()).into()
}

/// A secret that an installation can have: visible ASCII characters, as Atlassian makes them, and not too few.
fn check_holder_secret(secret: &SecretBytes) -> Result<(), Error> {
    check_secret(SourceKind::Connect, Some(secret))?;
    if secret.expose().iter().all(u8::is_ascii_graphic) {
        Ok(())
    } else {
        Err(Error::Refused("an installation's secret is visible ASCII characters".to_owned()))
    }
}

/// Keeps the token by which our app may ask an installation's site for the next two hours (Atlassian delivers it with at
/// least that much life). The one before ends at once.
pub(super) async fn keep_installation_token(
    gateway: &Gateway,
    source: &LoadedSource,
    cloud_id: &str,
    token: &str,
) -> Result<(), Error> {
    let now = gateway.now();
    let expires_at = now + SignedDuration::from_hours(INSTALLATION_TOKEN_HOURS);
    let kept = InstallationToken { bearer: token.to_owned(), expires_at };
    let json = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Error::Missing("a token that can be stored"))?);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.tenant_id).await?;
    let slot = CredentialSlot { source: source.source_id, purpose: Purpose::CallBack, holder: cloud_id };
    store_secret_until(gateway, &tx, slot, &SecretBytes::new(json.to_vec()), (now, now)).await?;
    store::source::forget_ended_credentials(&tx, slot, now).await?;
    tx.commit().await?;
    Ok(())
}

/// The token by which our app may ask an installation's site now, if one is alive.
pub(super) async fn installation_token(
    gateway: &Gateway,
    source: SourceId,
    cloud_id: &str,
) -> Result<Option<SecretBytes>, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::CallBack, holder: cloud_id };
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

async fn store_secret(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    secret: &SecretBytes,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let previous_valid_until = now + SignedDuration::from_hours(PREVIOUS_SECRET_HOURS);
    store_secret_until(gateway, tx, slot, secret, (now, previous_valid_until)).await?;
    Ok(previous_valid_until)
}

async fn store_secret_until(
    gateway: &Gateway,
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
fn sealed_credential(gateway: &Gateway, slot: CredentialSlot<'_>, secret: &SecretBytes) -> SealedCredential {
    let mut id = [0_u8; 16];
    gateway.entropy().fill(&mut id);
    let credential_id = uuid::Builder::from_random_bytes(id).into_uuid();
    let aad = credential_aad(slot, credential_id);
    let sealed = gateway.ring().seal_credential(&aad, secret.expose(), gateway.entropy());
    SealedCredential { credential_id, master_id: sealed.master_id, sealed: sealed.bytes }
}

/// The current secret of a source, for `send`, which plays the sender.
pub async fn signing_secret(gateway: &Gateway, name: &str) -> Result<SecretBytes, Error> {
    let NamedSource { source_id, tenant_id, .. } = find(gateway, name).await?;
    current_secret(gateway, tenant_id, own(source_id)).await?.ok_or(Error::Missing("the source's credential"))
}

/// The credentials by which a source's own system is called back, if there are any.
pub(super) async fn call_back_secret(gateway: &Gateway, source: SourceId) -> Result<Option<SecretBytes>, Error> {
    Ok(call_back_credential(gateway, source).await?.map(|(_, secret)| secret))
}

/// The same, with the name by which they can be renewed.
pub(super) async fn call_back_credential(
    gateway: &Gateway,
    source: SourceId,
) -> Result<Option<(Uuid, SecretBytes)>, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::CallBack, holder: "" };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, facts.tenant_id).await?;
    let credentials = store::source::credentials(&tx, slot, gateway.now()).await?;
    let Some(current) = credentials.first() else { return Ok(None) };
    Ok(Some((current.credential_id, open_credential(gateway, slot, current)?)))
}

/// Puts what a sender's system has given us in place of the credentials that were used up by it. False, with nothing
/// changed, when those are not the current ones any more. No person does this, so it is not audited.
pub(super) async fn renew_call_back(
    gateway: &Gateway,
    source: SourceId,
    used: Uuid,
    secret: &SecretBytes,
) -> Result<bool, Error> {
    let facts = facts(gateway, source).await?;
    let slot = CredentialSlot { source, purpose: Purpose::CallBack, holder: "" };
    let credential = sealed_credential(gateway, slot, secret);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, facts.tenant_id).await?;
    let is_renewed = store::source::renew_credential(&tx, slot, used, &credential, gateway.now()).await?;
    tx.commit().await?;
    Ok(is_renewed)
}

async fn current_secret(
    gateway: &Gateway,
    tenant: TenantId,
    slot: CredentialSlot<'_>,
) -> Result<Option<SecretBytes>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let credentials = store::source::credentials(&tx, slot, gateway.now()).await?;
    credentials.first().map(|current| open_credential(gateway, slot, current)).transpose()
}

async fn find(gateway: &Gateway, name: &str) -> Result<NamedSource, Error> {
    let queue = gateway.databases().queue.client().await?;
    store::source::find_by_name(&queue, name).await?.ok_or(Error::NotFound("source"))
}

/// Every source, or the one with this name, without credentials.
pub async fn list(gateway: &Gateway, name: Option<&str>) -> Result<Vec<SourceRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::source::list(&queue, name).await?)
}

/// What is known of a source's credentials and installations; nothing of the credentials themselves.
pub async fn details(gateway: &Gateway, source: &SourceRow) -> Result<(Vec<CredentialDates>, Vec<HolderRow>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.facts.tenant_id).await?;
    let dates = store::source::credential_dates(&tx, source.source_id, gateway.now()).await?;
    drop(tx);
    let queue = gateway.databases().queue.client().await?;
    Ok((dates, store::source::holders(&queue, source.source_id).await?))
}

/// True for 1 to 256 visible ASCII characters: what an installation can be named. The schema's CHECK bounds it too.
pub(super) fn is_holder(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// True when a source could have this name. The schema's CHECK says the same.
pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn check_name(name: &str) -> Result<(), Error> {
    if is_name(name) {
        Ok(())
    } else {
        Err(Error::Refused("a source's name is 1 to 63 lower-case letters, digits and hyphens".to_owned()))
    }
}

/// The window reads the timestamp in a Jira webhook's own body. Of any other sender it would refuse every delivery.
fn check_replay_window(kind: SourceKind, seconds: Option<i32>) -> Result<(), Error> {
    let Some(seconds) = seconds else { return Ok(()) };
    if kind != SourceKind::JiraAdmin {
        return Err(Error::Refused("only a Jira webhook has a replay window; register without one".to_owned()));
    }
    if seconds < REPLAY_WINDOW_SECONDS_MIN {
        return Err(Error::Refused(format!(
            "a replay window has at least {REPLAY_WINDOW_SECONDS_MIN} seconds: that is how long Jira repeats a delivery"
        )));
    }
    Ok(())
}

/// What begins with a bracket is ours: the platform is no tenant of anybody.
fn check_tenant_key(key: &str) -> Result<(), Error> {
    if key.starts_with('(') {
        return Err(Error::Refused("a tenant key begins with no bracket".to_owned()));
    }
    Ok(())
}

fn check(registration: &Registration<'_>) -> Result<(), Error> {
    check_name(registration.name)?;
    let kind = registration.settings.kind();
    check_replay_window(kind, registration.replay_window_seconds)?;
    check_secret(kind, registration.secret)?;
    registration.settings.check().map_err(|error| Error::Refused(error.to_string()))?;
    match (kind, registration.tenant_key) {
        (SourceKind::JiraAdmin, None) => {
            Err(Error::Refused("a Jira webhook belongs to one tenant; give its tenant key".to_owned()))
        }
        (SourceKind::Forge | SourceKind::Connect, Some(_)) => {
            Err(Error::Refused("each delivery of an app names its own tenant; give no tenant key".to_owned()))
        }
        (_, Some(key)) => check_tenant_key(key),
        (_, None) => Ok(()),
    }
}

/// A secret that the kind can use: any bytes for Jira and Connect, a Standard Webhooks secret for the forwarder.
fn check_secret(kind: SourceKind, secret: Option<&SecretBytes>) -> Result<(), Error> {
    let range = match kind {
        SourceKind::JiraAdmin | SourceKind::Connect => SECRET_BYTES_MIN..=SECRET_BYTES_MAX,
        SourceKind::FirebaseFunction => FORWARDER_SECRET_BYTES_MIN..=FORWARDER_SECRET_BYTES_MAX,
        SourceKind::Forge | SourceKind::GooglePubsub | SourceKind::GoogleEvents | SourceKind::AtlassianReport => {
            return match secret {
                None => Ok(()),
                Some(_) => Err(Error::Refused("senders of this kind have no shared secret".to_owned())),
            };
        }
    };
    match secret {
        // An app's secrets are its installations' own; they come with each install.
        None if kind == SourceKind::Connect => Ok(()),
        Some(secret) if range.contains(&secret.expose().len()) => Ok(()),
        Some(_) => Err(Error::Refused(format!("a secret has {} to {} bytes", range.start(), range.end()))),
        None => Err(Error::Refused("senders of this kind sign with a shared secret; give one".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str) -> Asked<'_> {
        Asked { name, holder: "" }
    }

    fn of(holder: &str) -> Asked<'_> {
        Asked { name: "connect", holder }
    }

    fn with_secrets(asked: Asked<'_>, secrets: Vec<SecretBytes>) -> LookUp {
        let source = LoadedSource {
            source_id: SourceId::from_uuid(Uuid::nil()),
            tenant_id: TenantId::from_uuid(Uuid::nil()),
            settings: SourceSettings::JiraAdmin,
            replay_window: None,
            secrets,
        };
        LookUp::new(asked, Instant::now(), Some(Arc::new(source)))
    }

    fn a_source(name: &str) -> LookUp {
        with_secrets(own(name), Vec::new())
    }

    fn an_installation(holder: &str) -> LookUp {
        with_secrets(of(holder), vec![SecretBytes::new(b"what it has brought".to_vec())])
    }

    fn an_invented_one(holder: &str) -> LookUp {
        with_secrets(of(holder), Vec::new())
    }

    fn nobody(name: &str) -> LookUp {
        LookUp::new(own(name), Instant::now(), None)
    }

    fn is_kept(cache: &SourceCache, asked: Asked<'_>) -> bool {
        cache.kept(asked).is_some_and(|kept| kept.is_known)
    }

    fn sizes(cache: &SourceCache) -> [usize; 2] {
        [&cache.own, &cache.of_holders].map(|room| room.entries.read().expect("no test panicked").len())
    }

    #[test]
    fn unknown_names_do_not_drive_a_known_source_out_of_the_memory() {
        let cache = SourceCache::default();
        cache.keep(own("acme-jira"), a_source("acme-jira"));

        for number in 0..2 * NAMES_MAX {
            let name = format!("nobody-{number}");
            cache.keep(own(&name), nobody(&name));
        }

        assert!(is_kept(&cache, own("acme-jira")));
        assert!(sizes(&cache)[0] <= NAMES_MAX);
    }

    #[test]
    fn invented_installations_drive_out_neither_a_source_nor_an_installation_that_has_a_secret() {
        let cache = SourceCache::default();
        cache.keep(own("connect"), a_source("connect"));
        cache.keep(of("acme"), an_installation("acme"));

        for number in 0..2 * NAMES_MAX {
            let holder = format!("invented-{number}");
            cache.keep(of(&holder), an_invented_one(&holder));
        }

        assert!(is_kept(&cache, own("connect")));
        assert!(is_kept(&cache, of("acme")));
        assert!(!is_kept(&cache, of("invented-19999")), "without a secret it is nobody");
        assert_eq!(sizes(&cache)[0], 1);
        assert!(sizes(&cache)[1] <= HOLDERS_MAX);
    }

    #[test]
    fn more_installations_than_there_is_room_for_leave_the_sources_alone() {
        let cache = SourceCache::default();
        cache.keep(own("connect"), a_source("connect"));

        for number in 0..HOLDERS_MAX {
            let holder = format!("real-{number}");
            cache.keep(of(&holder), an_installation(&holder));
        }
        cache.keep(of("invented"), an_invented_one("invented"));
        assert!(is_kept(&cache, of("real-0")), "nobody takes the room of somebody");
        cache.keep(of("one-more"), an_installation("one-more"));

        assert!(is_kept(&cache, of("one-more")));
        assert!(is_kept(&cache, own("connect")));
        assert!(sizes(&cache)[1] <= HOLDERS_MAX);
    }

    #[test]
    fn an_installation_is_somebody_from_its_first_secret_on() {
        let cache = SourceCache::default();
        cache.keep(of("acme"), an_invented_one("acme"));
        assert!(!is_kept(&cache, of("acme")));

        cache.keep(of("acme"), an_installation("acme"));

        assert!(is_kept(&cache, of("acme")));
    }

    #[test]
    fn a_reading_that_began_earlier_does_not_replace_a_later_one() {
        let cache = SourceCache::default();
        let earlier = nobody("acme-jira");
        let later = LookUp { read_at: earlier.read_at + Duration::from_millis(1), ..a_source("acme-jira") };

        cache.keep(own("acme-jira"), later);
        cache.keep(own("acme-jira"), earlier);

        assert!(is_kept(&cache, own("acme-jira")));
    }

    #[test]
    fn a_signed_call_of_nobody_is_judged_by_a_reading_that_began_after_it_came() {
        let arrived_at = Instant::now() + Duration::from_millis(1);
        let later = arrived_at + Duration::from_millis(1);
        for unknown in [nobody("acme-jira"), an_invented_one("acme")] {
            assert!(!unknown.is_enough_for(arrived_at, true));
            assert!(unknown.is_enough_for(arrived_at, false), "it is refused whatever is found");
            assert!(LookUp { read_at: later, ..unknown }.is_enough_for(arrived_at, true));
        }
        for known in [a_source("acme-jira"), an_installation("acme")] {
            assert!(known.is_enough_for(arrived_at, true));
        }
    }

    #[tokio::test]
    async fn unknown_names_wait_for_one_another_and_not_for_known_ones() {
        let cache = SourceCache::default();
        let mut held = Vec::new();
        for _ in 0..READINGS_OF_OTHERS_MAX {
            held.push(cache.leave_to_read(false).await.expect("there is room"));
        }

        let (another, known) = tokio::join!(cache.leave_to_read(false), cache.leave_to_read(true));

        assert!(matches!(another, Err(Error::Busy(_))));
        assert!(known.is_ok());
    }

    #[test]
    fn a_name_is_what_the_schema_takes() {
        for name in ["a", "acme-jira", "0", "a-", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "Acme", "a_b", "a.b", "a b", "\u{fc}", "a\0", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }

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
