//! What is remembered of sources, and leave to read them again: bounded, also against callers who invent names.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    app::{
        ground::error::Error,
        registry::{CredentialKey, LoadedSource},
    },
    domain::{SourceId, TenantId, reason::WaitReason},
    store::source::SourceFacts,
};

/// How long a source is believed that was found. A rotated secret works at once all the same: a mismatch looks again.
const BELIEVED_FOR: Duration = Duration::from_secs(2);
/// Readings under way at once of names that are known, and of all others. Together fewer than intake's connections, and
/// apart, so that a flood of names that nobody has does not keep known sources from being read again.
const READINGS_OF_KNOWN_MAX: usize = 2;
const READINGS_OF_OTHERS_MAX: usize = 2;
/// How long a caller waits for its reading to begin before it is told to come back.
const READING_WAIT: Duration = Duration::from_secs(1);
/// The most names kept. Beyond it unknown ones are forgotten first.
pub(in crate::app) const NAMES_MAX: usize = 10_000;
/// The most installations kept, of all sources together. Whoever calls chooses their names, so they have a room of their own.
const HOLDERS_MAX: usize = 2_000;

/// Sources as they were last read, bounded in number and age, and the bounds of reading them.
///
/// An installation is a name that an unverified token chooses. What is kept of installations can therefore never drive out
/// a source, and one that has brought no secret is nobody: whoever calls may have invented it.
pub(super) struct SourceCache {
    own: Remembered,
    of_holders: Remembered,
    pub(in crate::app) facts: RwLock<HashMap<SourceId, Arc<SourceFacts>>>,
    pub(in crate::app) tenants: RwLock<HashMap<String, TenantId>>,
    readings_of_known: Semaphore,
    readings_of_others: Semaphore,
}

/// What a look-up has found: a source, or that there certainly was none.
#[derive(Clone)]
pub(in crate::app) struct LookUp {
    /// When the reading began.
    pub(in crate::app) read_at: Instant,
    /// The source, if there is one.
    pub(in crate::app) found: Option<Arc<LoadedSource>>,
    /// True for a source, and for an installation of one that has brought a secret.
    pub(in crate::app) is_known: bool,
}

impl LookUp {
    pub(in crate::app) fn new(asked: CredentialKey<'_>, read_at: Instant, found: Option<Arc<LoadedSource>>) -> Self {
        let is_known = found.as_ref().is_some_and(|source| asked.holder.is_empty() || !source.secrets.is_empty());
        Self { read_at, found, is_known }
    }

    /// True when a call may be judged by it: by what is known for a while, by nobody only when it was looked up since.
    pub(in crate::app) fn is_enough_for(&self, arrived_at: Instant, is_signed: bool) -> bool {
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
    fn room_of(&self, asked: CredentialKey<'_>) -> &Remembered {
        if asked.holder.is_empty() { &self.own } else { &self.of_holders }
    }

    pub(in crate::app) fn kept(&self, asked: CredentialKey<'_>) -> Option<LookUp> {
        self.room_of(asked).kept(&asked.cache_key())
    }

    pub(in crate::app) fn keep(&self, asked: CredentialKey<'_>, look_up: LookUp) {
        self.room_of(asked).keep(asked.cache_key(), look_up);
    }

    /// Leave to read. Fails when none can be had in time.
    pub(in crate::app) async fn leave_to_read(&self, is_known: bool) -> Result<SemaphorePermit<'_>, Error> {
        let readings = if is_known { &self.readings_of_known } else { &self.readings_of_others };
        match tokio::time::timeout(READING_WAIT, readings.acquire()).await {
            Ok(Ok(leave)) => Ok(leave),
            Ok(Err(_)) | Err(_) => Err(Error::later(WaitReason::TooManyLookUps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{signature::SecretBytes, sources::jira};

    fn own(name: &str) -> CredentialKey<'_> {
        CredentialKey { name, holder: "" }
    }

    fn of(holder: &str) -> CredentialKey<'_> {
        CredentialKey { name: "connect", holder }
    }

    fn with_secrets(asked: CredentialKey<'_>, secrets: Vec<SecretBytes>) -> LookUp {
        let source = LoadedSource {
            source_id: SourceId::from_uuid(Uuid::nil()),
            tenant_id: TenantId::from_uuid(Uuid::nil()),
            settings: jira::contract::settings(),
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

    fn is_kept(cache: &SourceCache, asked: CredentialKey<'_>) -> bool {
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

        assert!(matches!(another, Err(Error::Later(_))));
        assert!(known.is_ok());
    }
}
