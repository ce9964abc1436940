//! From signals in any order to what should be: the person is present, or leaving since a certain time.

use jiff::Timestamp;

use crate::{datamap::policy::Consequence, domain::event::PersonSignal};

/// The time by which a signal is ordered among the others: the source's own, but never later than its arrival, or a slip
/// into the future would outrank everything that follows. It has no lower bound on purpose: an old signal that arrives
/// late must stay old, or it would overtake a newer one. Without a source time it is the moment of receipt.
pub fn order_time(source_at: Option<Timestamp>, received_at: Timestamp) -> Timestamp {
    source_at.map_or(received_at, |source_at| source_at.min(received_at))
}

/// All that matters of the signals about one person, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalSummary {
    /// The latest signal that stops an offboarding.
    pub latest_created: Option<Timestamp>,
    /// The earliest signal that starts an offboarding, at or after `latest_created`.
    pub earliest_deleted_since: Option<Timestamp>,
    /// The latest signal that starts an offboarding.
    pub latest_deleted: Option<Timestamp>,
    /// The earliest order to erase, which nothing cancels.
    pub earliest_ordered: Option<Timestamp>,
}

/// What should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desired {
    /// No offboarding.
    Present,
    /// An erasure that was ordered: nothing is waited for and nothing cancels it.
    Ordered {
        /// The earliest order. Bound it with [`anchor_time`](super::anchor_time) before counting from it.
        anchor: Timestamp,
        /// The latest signal that the fence has to cover.
        latest: Timestamp,
    },
    /// An offboarding.
    Leaving {
        /// The earliest signal that started it, so the earliest deadline wins. Bound it with
        /// [`anchor_time`](super::anchor_time) before counting from it.
        anchor: Timestamp,
        /// The latest signal that would have started it.
        latest: Timestamp,
    },
}

/// Sums up signals: what the policy says follows, and [`order_time`]. Order and repetition change nothing.
pub fn summarize(signals: &[(Consequence, Timestamp)]) -> SignalSummary {
    let latest_created = times(signals, Consequence::CancelOffboarding).max();
    let deleted = || times(signals, Consequence::StartOffboarding);
    SignalSummary {
        latest_created,
        // `None` is less than every time: without a creation every deletion counts. At equal times the deletion wins,
        // because a wrong offboarding can be stopped for weeks and a forgotten one is noticed by nobody.
        earliest_deleted_since: deleted().filter(|at| Some(*at) >= latest_created).min(),
        latest_deleted: deleted().max(),
        earliest_ordered: times(signals, Consequence::Erase).min(),
    }
}

/// What should be, given the signals. A signal that arrives late cancels nothing: only source times count.
pub fn desired(summary: &SignalSummary) -> Desired {
    if let Some(anchor) = summary.earliest_ordered {
        let latest = summary.latest_deleted.max(Some(anchor)).unwrap_or(anchor);
        return Desired::Ordered { anchor, latest };
    }
    match (summary.earliest_deleted_since, summary.latest_deleted) {
        (Some(anchor), Some(latest)) => Desired::Leaving { anchor, latest },
        (Some(anchor), None) => Desired::Leaving { anchor, latest: anchor },
        (None, _) => Desired::Present,
    }
}

/// True when a signal about an erased person opens a new generation: an explicit creation whose own time lies after what
/// the fence covers. Without a source time nothing opens, for it may be a delivery from before the erasure. Pass a time
/// already bounded by its arrival (see [`order_time`]).
pub fn returns(fence_covers_until: Timestamp, signal: PersonSignal, source_at: Option<Timestamp>) -> bool {
    match signal {
        PersonSignal::UserCreated => source_at.is_some_and(|source_at| source_at > fence_covers_until),
        PersonSignal::UserUpdated
        | PersonSignal::UserDeleted
        | PersonSignal::AccountClosed
        | PersonSignal::AccountUpdated => false,
    }
}

fn times(signals: &[(Consequence, Timestamp)], wanted: Consequence) -> impl Iterator<Item = Timestamp> {
    signals.iter().filter(move |(consequence, _)| *consequence == wanted).map(|(_, at)| *at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEFT: Consequence = Consequence::StartOffboarding;
    const CAME: Consequence = Consequence::CancelOffboarding;
    const CLOSED: Consequence = Consequence::Erase;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn decide(signals: &[(Consequence, i64)]) -> Desired {
        let signals: Vec<_> = signals.iter().map(|(consequence, second)| (*consequence, at(*second))).collect();
        desired(&summarize(&signals))
    }

    fn leaving(anchor: i64, latest: i64) -> Desired {
        Desired::Leaving { anchor: at(anchor), latest: at(latest) }
    }

    #[test]
    fn a_person_is_present_until_a_deletion_and_again_after_a_later_creation() {
        assert_eq!(decide(&[]), Desired::Present);
        assert_eq!(decide(&[(CAME, 1)]), Desired::Present);
        assert_eq!(decide(&[(LEFT, 1)]), leaving(1, 1));
        assert_eq!(decide(&[(LEFT, 1), (CAME, 2)]), Desired::Present);
        assert_eq!(decide(&[(LEFT, 1), (CAME, 2), (LEFT, 3)]), leaving(3, 3));
        assert_eq!(decide(&[(LEFT, 1), (Consequence::Nothing, 2)]), leaving(1, 1));
    }

    #[test]
    fn an_order_to_erase_is_cancelled_by_nothing() {
        let ordered = |anchor, latest| Desired::Ordered { anchor: at(anchor), latest: at(latest) };
        assert_eq!(decide(&[(CLOSED, 5), (CAME, 9)]), ordered(5, 5));
        assert_eq!(decide(&[(LEFT, 7), (CLOSED, 5), (CLOSED, 6)]), ordered(5, 7));
    }

    #[test]
    fn at_equal_times_the_deletion_wins() {
        assert_eq!(decide(&[(LEFT, 5), (CAME, 5)]), leaving(5, 5));
    }

    #[test]
    fn the_earliest_deadline_wins_and_a_late_arrival_of_an_old_creation_cancels_nothing() {
        assert_eq!(decide(&[(LEFT, 7), (LEFT, 5), (LEFT, 9)]), leaving(5, 9));
        assert_eq!(decide(&[(LEFT, 5), (CAME, 2)]), leaving(5, 5));
    }

    #[test]
    fn a_time_from_the_future_orders_as_its_arrival_and_an_old_one_stays_old() {
        assert_eq!(order_time(Some(at(900)), at(10)), at(10));
        assert_eq!(order_time(Some(at(-900)), at(10)), at(-900));
        assert_eq!(order_time(None, at(10)), at(10));
    }

    #[test]
    fn only_an_explicit_creation_after_the_fence_opens_a_new_generation() {
        let covers_until = at(100);
        assert!(returns(covers_until, PersonSignal::UserCreated, Some(at(101))));
        assert!(!returns(covers_until, PersonSignal::UserCreated, Some(at(100))));
        assert!(!returns(covers_until, PersonSignal::UserCreated, None));
        assert!(!returns(covers_until, PersonSignal::UserUpdated, Some(at(101))));
        assert!(!returns(covers_until, PersonSignal::UserDeleted, Some(at(101))));
    }

    fn signals() -> impl Strategy<Value = Vec<(Consequence, Timestamp)>> {
        let consequence = prop_oneof![Just(LEFT), Just(CAME), Just(Consequence::Nothing)];
        proptest::collection::vec((consequence, (0_i64..12).prop_map(at)), 0..12)
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_signals_change_nothing(
            (original, mixed) in signals().prop_flat_map(|original| {
                let mut doubled = original.clone();
                doubled.extend(original.iter().take(5).copied());
                (Just(original), Just(doubled).prop_shuffle())
            })
        ) {
            prop_assert_eq!(summarize(&original), summarize(&mixed));
            prop_assert_eq!(desired(&summarize(&original)), desired(&summarize(&mixed)));
        }

        #[test]
        fn a_person_is_leaving_exactly_when_the_last_word_was_a_deletion(signals in signals()) {
            let last = |wanted| times(&signals, wanted).max();
            let is_leaving = matches!(desired(&summarize(&signals)), Desired::Leaving { .. });
            prop_assert_eq!(is_leaving, last(LEFT).is_some() && last(LEFT) >= last(CAME));
        }
    }
}
