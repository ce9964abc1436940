//! One document of keys as it is held: when it is believed, and when it may be read again. Time is an argument.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Flight, KeyAnswer, Landed, Landing};
use crate::{
    domain::key_set::{KeyId, PublicKey},
    outbound::{key_document::Keys, key_fetch::Published},
};

/// How long a document has the last word about ids that are not in it, and the least time between two readings of one that
/// is believed, however they end.
pub(super) const AUTHORITATIVE_FOR: Duration = Duration::from_secs(5);
/// How long a document is believed that could not be read again since it went stale.
pub(super) const STALE_MAX: Duration = Duration::from_hours(24);
/// How long after the first, second… failure in a row nothing is read while nothing is held; after the last, as after each
/// more. Short at first, because every sender waits.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), AUTHORITATIVE_FOR];

/// A document of keys.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    held: Option<Held>,
    failure: Option<Failure>,
    flight: Option<Flight>,
}

/// What was last published and believed.
#[derive(Debug)]
struct Held {
    keys: Arc<Keys>,
    read_at: Instant,
    fresh_for: Duration,
}

/// Readings that failed, since the last that did not.
#[derive(Debug, Clone, Copy)]
struct Failure {
    last_at: Instant,
    /// In a row before the last one.
    before: usize,
}

/// What a caller gets.
#[derive(Debug)]
pub(super) enum Reply {
    Now(KeyAnswer),
    After(Flight),
}

/// What is to be done about a question.
#[derive(Debug, PartialEq, Eq)]
enum Advice {
    Answer(KeyAnswer),
    /// The key is good enough, and the document should be read again.
    AnswerAndRead(Arc<PublicKey>),
    Read,
}

impl Shelf {
    /// Answers from what is held, or by a reading: one that is under way, or a new one if `may_read` allows it, which is asked
    /// last. The caller sends the new one on its way.
    pub(super) fn ask(
        &mut self,
        kid: &KeyId,
        now: Instant,
        may_read: impl FnOnce() -> bool,
    ) -> (Reply, Option<Landing>) {
        let good_enough = match self.advise(kid, now) {
            Advice::Answer(answer) => return (Reply::Now(answer), None),
            Advice::AnswerAndRead(key) => Some(KeyAnswer::Key(key)),
            Advice::Read => None,
        };
        if let Some(flight) = self.flight.as_ref().filter(|flight| flight.is_under_way()) {
            return (good_enough.map_or_else(|| Reply::After(flight.clone()), Reply::Now), None);
        }
        if !may_read() {
            return (Reply::Now(good_enough.unwrap_or(KeyAnswer::Unavailable)), None);
        }
        let (flight, landing) = Flight::new();
        self.flight = Some(flight.clone());
        (good_enough.map_or(Reply::After(flight), Reply::Now), Some(landing))
    }

    /// Takes what a reading has brought; nothing leaves what is held as it was.
    pub(super) fn land(&mut self, published: Option<Published>, now: Instant) -> Landed {
        self.flight = None;
        if let Some(published) = published {
            let keys = Arc::new(published.keys);
            self.held = Some(Held { keys: Arc::clone(&keys), read_at: now, fresh_for: published.fresh_for });
            self.failure = None;
            Landed::Keys(keys)
        } else {
            let before = self.failure.map_or(0, |failure| failure.before + 1);
            self.failure = Some(Failure { last_at: now, before });
            Landed::Nothing
        }
    }

    /// True when a key is held, believed or not.
    pub(super) fn has_keys(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.keys.is_empty())
    }

    /// True while somebody may wait for it.
    pub(super) fn is_being_read(&self) -> bool {
        self.flight.as_ref().is_some_and(Flight::is_under_way)
    }

    fn advise(&self, kid: &KeyId, now: Instant) -> Advice {
        let held = self.held.as_ref().filter(|held| held.is_believed(now));
        let may_read = self.is_rested(now, held.is_some());
        match held.map(|held| (held, held.keys.get(kid))) {
            Some((held, Some(key))) if may_read && !held.is_fresh(now) => Advice::AnswerAndRead(Arc::clone(key)),
            Some((_, Some(key))) => Advice::Answer(KeyAnswer::Key(Arc::clone(key))),
            Some((held, None)) if held.age(now) < AUTHORITATIVE_FOR => Advice::Answer(KeyAnswer::Unknown),
            Some((_, None)) | None if may_read => Advice::Read,
            Some((_, None)) | None => Advice::Answer(KeyAnswer::Unavailable),
        }
    }

    /// True when the last failure is long enough ago.
    fn is_rested(&self, now: Instant, is_held: bool) -> bool {
        self.failure.is_none_or(|failure| {
            let pause = if is_held { AUTHORITATIVE_FOR } else { PAUSES[failure.before.min(PAUSES.len() - 1)] };
            now.saturating_duration_since(failure.last_at) >= pause
        })
    }
}

impl Held {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.read_at)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) <= self.fresh_for
    }

    fn is_believed(&self, now: Instant) -> bool {
        self.age(now) <= self.fresh_for + STALE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn kid(text: &str) -> KeyId {
        KeyId::parse(text).expect("visible ASCII")
    }

    fn document(ids: &[&str]) -> Published {
        let key = |id: &&str| (kid(id), Arc::new(PublicKey::RsaPem(id.as_bytes().to_vec())));
        Published { keys: ids.iter().map(key).collect(), fresh_for: MINUTE }
    }

    fn key(id: &str) -> Arc<PublicKey> {
        Arc::new(PublicKey::RsaPem(id.as_bytes().to_vec()))
    }

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_known_key_is_answered_at_once_while_its_document_is_believed() {
        let (mut shelf, start) = (Shelf::default(), Instant::now());
        assert_eq!(shelf.advise(&kid("a"), start), Advice::Read);
        shelf.land(Some(document(&["a"])), start);

        assert_eq!(shelf.advise(&kid("a"), start + MINUTE), Advice::Answer(KeyAnswer::Key(key("a"))));
        for stale in [MINUTE + seconds(1), MINUTE + STALE_MAX] {
            assert_eq!(shelf.advise(&kid("a"), start + stale), Advice::AnswerAndRead(key("a")));
        }
        assert_eq!(shelf.advise(&kid("a"), start + MINUTE + STALE_MAX + seconds(1)), Advice::Read);
    }

    #[test]
    fn a_document_that_cannot_be_read_again_is_believed_for_a_day_and_read_every_five_seconds() {
        let (mut shelf, start) = (Shelf::default(), Instant::now());
        shelf.land(Some(document(&["a"])), start);
        let failed_at = start + 2 * MINUTE;
        shelf.land(None, failed_at);

        assert_eq!(shelf.advise(&kid("a"), failed_at + seconds(4)), Advice::Answer(KeyAnswer::Key(key("a"))));
        assert_eq!(shelf.advise(&kid("b"), failed_at + seconds(4)), Advice::Answer(KeyAnswer::Unavailable));
        assert_eq!(shelf.advise(&kid("a"), failed_at + seconds(5)), Advice::AnswerAndRead(key("a")));
        assert_eq!(shelf.advise(&kid("b"), failed_at + seconds(5)), Advice::Read);

        let too_old = start + MINUTE + STALE_MAX + seconds(1);
        shelf.land(None, too_old);
        assert_eq!(shelf.advise(&kid("a"), too_old), Advice::Answer(KeyAnswer::Unavailable));
    }

    #[test]
    fn a_document_has_the_last_word_about_other_ids_for_five_seconds() {
        let (mut shelf, start) = (Shelf::default(), Instant::now());
        shelf.land(Some(document(&["a"])), start);

        assert_eq!(shelf.advise(&kid("b"), start + seconds(4)), Advice::Answer(KeyAnswer::Unknown));
        assert_eq!(shelf.advise(&kid("b"), start + seconds(5)), Advice::Read);
        shelf.land(Some(document(&["b"])), start + seconds(6));
        assert_eq!(shelf.advise(&kid("b"), start + seconds(6)), Advice::Answer(KeyAnswer::Key(key("b"))));
        assert_eq!(shelf.advise(&kid("a"), start + seconds(6)), Advice::Answer(KeyAnswer::Unknown));
    }

    #[test]
    fn failures_are_remembered_longer_and_never_longer_than_five_seconds() {
        let (mut shelf, mut now) = (Shelf::default(), Instant::now());
        for pause in [1, 2, 4, 5, 5, 5] {
            shelf.land(None, now);
            let almost = now + seconds(pause).saturating_sub(Duration::from_millis(1));
            assert_eq!(shelf.advise(&kid("a"), almost), Advice::Answer(KeyAnswer::Unavailable), "{pause}");
            now += seconds(pause);
            assert_eq!(shelf.advise(&kid("a"), now), Advice::Read, "{pause}");
        }
        shelf.land(Some(document(&["a"])), now);
        shelf.land(None, now + STALE_MAX * 2);
        assert_eq!(shelf.advise(&kid("a"), now + STALE_MAX * 2 + seconds(1)), Advice::Read);
    }

    #[test]
    fn one_reading_serves_all_and_a_crashed_one_is_replaced() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let (first, landing) = shelf.ask(&kid("a"), now, || true);
        let (second, nothing) = shelf.ask(&kid("b"), now, || panic!("one is under way"));
        assert!(matches!((first, second), (Reply::After(_), Reply::After(_))) && nothing.is_none());
        assert!(shelf.is_being_read());

        drop(landing);
        assert!(!shelf.is_being_read());
        assert!(shelf.ask(&kid("a"), now, || true).1.is_some());
    }

    #[test]
    fn without_leave_to_read_a_stale_key_is_served_and_an_unknown_one_is_not() {
        let (mut shelf, start) = (Shelf::default(), Instant::now());
        shelf.land(Some(document(&["a"])), start);
        let (known, _) = shelf.ask(&kid("a"), start + 2 * MINUTE, || false);
        let (unknown, landing) = shelf.ask(&kid("b"), start + 2 * MINUTE, || false);
        assert!(matches!(known, Reply::Now(KeyAnswer::Key(_))));
        assert!(matches!(unknown, Reply::Now(KeyAnswer::Unavailable)) && landing.is_none());
    }
}
