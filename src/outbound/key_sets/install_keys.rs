//! Keys that are a document each, under ids that anybody can invent: bounded in number and in readings.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::{
    KeyAnswer, Landed, Landing,
    shelf::{Reply, Shelf},
};
use crate::{
    domain::{
        key_set::{KeyHost, KeyId},
        metric,
    },
    outbound::key_fetch::Published,
};

/// The most documents held that have a key, and the most that have none. Those that were not asked for the longest are
/// forgotten first.
pub(super) const DOCUMENTS_MAX: usize = 256;
/// The most readings that begin within [`READINGS_WINDOW`].
pub(super) const READINGS_MAX: usize = 10;
/// See [`READINGS_MAX`].
pub(super) const READINGS_WINDOW: Duration = Duration::from_secs(10);

/// All documents of this kind.
#[derive(Default)]
pub(super) struct InstallKeys {
    documents: HashMap<KeyId, Used>,
    /// Apart from the others, so that invented ids do not keep known keys from being read again.
    readings_of_known: Readings,
    readings_of_others: Readings,
}

#[derive(Default)]
struct Used {
    shelf: Shelf,
    used_at: Option<Instant>,
}

impl InstallKeys {
    /// See [`Shelf::ask`].
    pub(super) fn ask(&mut self, kid: &KeyId, now: Instant) -> (Reply, Option<Landing>) {
        if let Some(used) = self.documents.get_mut(kid) {
            used.used_at = Some(now);
            let readings =
                if used.shelf.has_keys() { &mut self.readings_of_known } else { &mut self.readings_of_others };
            return used.shelf.ask(kid, now, || readings.begin(now));
        }
        if !self.readings_of_others.begin(now) {
            return (Reply::Now(KeyAnswer::Unavailable), None);
        }
        let mut used = Used { shelf: Shelf::default(), used_at: Some(now) };
        let reply = used.shelf.ask(kid, now, || true);
        self.documents.insert(kid.clone(), used);
        self.forget_some();
        reply
    }

    /// See [`Shelf::land`].
    pub(super) fn land(&mut self, kid: &KeyId, published: Option<Published>, now: Instant) -> Landed {
        let landed = self.documents.entry(kid.clone()).or_default().shelf.land(published, now);
        self.forget_some();
        landed
    }

    /// Keeps the bound. Documents that are being read stay: they are few, and somebody waits for them.
    fn forget_some(&mut self) {
        for has_keys in [true, false] {
            let is_of_these = |used: &Used| used.shelf.has_keys() == has_keys && !used.shelf.is_being_read();
            let mut these: Vec<(Option<Instant>, KeyId)> = self
                .documents
                .iter()
                .filter(|(_, used)| is_of_these(used))
                .map(|(kid, used)| (used.used_at, kid.clone()))
                .collect();
            let surplus = these.len().saturating_sub(DOCUMENTS_MAX);
            these.sort_unstable();
            for (_, kid) in these.drain(..surplus) {
                self.documents.remove(&kid);
            }
        }
    }
}

/// When the last readings began.
#[derive(Default)]
struct Readings(VecDeque<Instant>);

impl Readings {
    /// True, and counted, when one more may begin.
    fn begin(&mut self, now: Instant) -> bool {
        if self.0.len() >= READINGS_MAX {
            let is_past = |began: &Instant| now.saturating_duration_since(*began) >= READINGS_WINDOW;
            if !self.0.front().is_some_and(is_past) {
                let host = KeyHost::ConnectInstall.as_str();
                metrics::counter!(metric::KEY_FETCHES_TOTAL, "host" => host, "outcome" => "withheld").increment(1);
                return false;
            }
            self.0.pop_front();
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::key_set::PublicKey;

    const DAY: Duration = Duration::from_hours(24);

    fn kid(number: usize) -> KeyId {
        KeyId::parse(&format!("key-{number}")).expect("visible ASCII")
    }

    fn a_key(kid: &KeyId) -> Published {
        let keys = [(kid.clone(), Arc::new(PublicKey::RsaPem(Vec::new())))].into();
        Published { keys, fresh_for: DAY }
    }

    fn no_key() -> Published {
        Published { keys: HashMap::new(), fresh_for: DAY }
    }

    #[test]
    fn invented_ids_cause_ten_readings_in_ten_seconds_and_known_keys_are_read_all_the_same() {
        let (mut keys, start) = (InstallKeys::default(), Instant::now());
        let known = kid(0);
        keys.land(&known, Some(a_key(&known)), start);
        let now = start + DAY * 3 / 2;

        let began = |keys: &mut InstallKeys, now: Instant| {
            (1..100).filter(|number| keys.ask(&kid(*number), now).1.is_some()).count()
        };

        assert_eq!(began(&mut keys, now), READINGS_MAX);
        let almost = now + READINGS_WINDOW.saturating_sub(Duration::from_millis(1));
        assert_eq!(began(&mut keys, almost), 0);
        assert!(matches!(keys.ask(&kid(99), almost).0, Reply::Now(KeyAnswer::Unavailable)));
        let (reply, landing) = keys.ask(&known, almost);
        assert!(matches!(reply, Reply::Now(KeyAnswer::Key(_))) && landing.is_some());
        assert_eq!(keys.documents.len(), 1 + READINGS_MAX);
    }

    #[test]
    fn after_the_window_more_may_be_read() {
        let (mut keys, start) = (InstallKeys::default(), Instant::now());
        for number in 0..READINGS_MAX {
            assert!(keys.ask(&kid(number), start + Duration::from_secs(number as u64)).1.is_some());
        }
        let now = start + READINGS_WINDOW;
        assert!(keys.ask(&kid(100), now).1.is_some());
        assert!(keys.ask(&kid(101), now).1.is_none());
    }

    #[test]
    fn what_was_not_asked_for_the_longest_is_forgotten_and_absent_keys_do_not_drive_out_present_ones() {
        let (mut keys, start) = (InstallKeys::default(), Instant::now());
        let at = |number: usize| start + Duration::from_secs(number as u64 * 2);
        let present = kid(0);
        for number in 0..DOCUMENTS_MAX {
            keys.ask(&kid(number), at(number));
            keys.land(&kid(number), Some(a_key(&kid(number))), at(number));
        }
        for number in DOCUMENTS_MAX..3 * DOCUMENTS_MAX {
            keys.ask(&kid(number), at(number));
            keys.land(&kid(number), Some(no_key()), at(number));
        }
        assert_eq!(keys.documents.len(), 2 * DOCUMENTS_MAX);
        assert!(keys.documents.contains_key(&present));

        let later = 3 * DOCUMENTS_MAX;
        keys.ask(&present, at(later));
        keys.ask(&kid(later), at(later));
        keys.land(&kid(later), Some(a_key(&kid(later))), at(later));
        assert!(keys.documents.contains_key(&present) && !keys.documents.contains_key(&kid(1)));
    }

    #[test]
    fn a_key_that_its_publisher_has_withdrawn_is_no_longer_believed() {
        let (mut keys, start) = (InstallKeys::default(), Instant::now());
        keys.land(&kid(0), Some(a_key(&kid(0))), start);
        keys.land(&kid(0), Some(no_key()), start + DAY);
        assert!(matches!(keys.ask(&kid(0), start + DAY).0, Reply::Now(KeyAnswer::Unknown)));
    }
}
