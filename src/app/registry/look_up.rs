//! Reading a source by its name: for a delivery before its body is read, and for interpretation.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use jiff::SignedDuration;

use crate::{
    app::{
        ground::error::Error,
        registry::{
            CredentialKey, LoadedSource, Registry,
            cache::{LookUp, NAMES_MAX},
            sealed::open_credential,
        },
    },
    domain::{SourceId, TenantId},
    sources::SourceSettings,
    store::{
        self,
        source::{CredentialSlot, Purpose, SourceFacts},
    },
};

/// The least time between two readings of one source that mismatches cause. Callers meanwhile wait and share the next one.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The source with this name. `Ok(None)` means that it certainly does not exist; an error, that we could not look.
///
/// That there is none is believed from memory only for a call that is refused whatever is found, because it is not signed.
/// For a signed one it must have been read since the call arrived: the source may be new, and its sender never repeats a
/// rejection. The same holds for an installation that has brought no secret. So a flood of signed calls under unknown names
/// costs one short reading each, a few at a time.
pub(in crate::app) async fn look_up(
    gateway: &Registry,
    asked: CredentialKey<'_>,
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
pub(in crate::app) async fn look_again(
    gateway: &Registry,
    asked: CredentialKey<'_>,
    arrived_at: Instant,
) -> Result<Option<Arc<LoadedSource>>, Error> {
    let is_enough = |kept: &LookUp| kept.read_at >= arrived_at;
    if let Some(kept) = gateway.cache().kept(asked)
        && !is_enough(&kept)
    {
        tokio::time::sleep(READ_AGAIN_AFTER.saturating_sub(kept.read_at.elapsed())).await;
    }
    read_unless(gateway, asked, is_enough).await
}

/// Reads a source unless what is kept is enough, also when somebody else has read it while this caller waited.
async fn read_unless(
    gateway: &Registry,
    asked: CredentialKey<'_>,
    is_enough: impl Fn(&LookUp) -> bool,
) -> Result<Option<Arc<LoadedSource>>, Error> {
    let kept = gateway.cache().kept(asked);
    let is_known = kept.as_ref().is_some_and(|kept| kept.is_known);
    if let Some(kept) = kept.filter(&is_enough) {
        return Ok(kept.found);
    }
    let _leave = gateway.cache().leave_to_read(is_known).await?;
    if let Some(kept) = gateway.cache().kept(asked).filter(&is_enough) {
        return Ok(kept.found);
    }
    read(gateway, asked).await
}

async fn read(gateway: &Registry, asked: CredentialKey<'_>) -> Result<Option<Arc<LoadedSource>>, Error> {
    let client = gateway.intake_pool().client().await?;
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
                    .map_err(|_| Error::Unserializable { what: "the source's settings" })?,
                replay_window: found.replay_window_seconds.map(|seconds| SignedDuration::from_secs(seconds.into())),
                secrets,
            }))
        }
    };
    gateway.cache().keep(asked, LookUp::new(asked, read_at, source.clone()));
    Ok(source)
}

/// What interpretation has to know of a source. Nothing of it changes after registration, so it is read once.
pub(in crate::app) async fn facts(gateway: &Registry, source: SourceId) -> Result<Arc<SourceFacts>, Error> {
    let known = &gateway.cache().facts;
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
pub(in crate::app) async fn tenant_of_key(gateway: &Registry, stable_key: &str) -> Result<TenantId, Error> {
    let known = &gateway.cache().tenants;
    if let Some(tenant) = known.read().unwrap_or_else(PoisonError::into_inner).get(stable_key) {
        return Ok(*tenant);
    }
    let client = gateway.intake_pool().client().await?;
    let new = TenantId::new(gateway.clock(), gateway.entropy());
    let tenant = store::tenant::for_intake(&client, stable_key, new, gateway.now()).await?;
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= NAMES_MAX {
        known.clear();
    }
    known.insert(stable_key.to_owned(), tenant);
    Ok(tenant)
}
