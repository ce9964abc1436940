//! The 0/30/90 timeline and the point in time that it is counted from.

use jiff::{SignedDuration, Timestamp};

use crate::{
    datamap::policy::{Deadlines, OffboardingTerms},
    domain::request::Timeline,
};

/// The due times counted from `anchor`. A day is 24 hours, so daylight saving moves nothing. The erasure starts the margin
/// before it must be finished, and never before the anchor.
pub fn timeline(terms: &OffboardingTerms, anchor: Timestamp) -> Timeline {
    let start_days = terms.erase_by_days.saturating_sub(terms.erasure_margin_days);
    Timeline {
        anchor_at: anchor,
        revoke_access_due_at: anchor,
        flag_due_at: after_days(anchor, terms.flag_after_days),
        erasure_start_at: after_days(anchor, start_days),
        erasure_due_at: after_days(anchor, terms.erase_by_days),
    }
}

/// The due times of an erasure that was ordered: everything begins at once and is finished by the deadline of requests.
pub fn ordered_timeline(deadlines: Deadlines, anchor: Timestamp) -> Timeline {
    Timeline {
        anchor_at: anchor,
        revoke_access_due_at: anchor,
        flag_due_at: anchor,
        erasure_start_at: anchor,
        erasure_due_at: after_days(anchor, deadlines.complete_days),
    }
}

/// The time that an offboarding is counted from: the source's own, believed only between `backdate_max_days` before the
/// event was received and that moment. So a time stamp of the year 2000 does not erase at once, and one of the year 2200
/// does not put the erasure off. Without a source time it is the moment of receipt.
pub fn anchor_time(source_at: Option<Timestamp>, received_at: Timestamp, terms: &OffboardingTerms) -> Timestamp {
    let earliest = received_at.checked_sub(days(terms.backdate_max_days)).unwrap_or(Timestamp::MIN);
    source_at.map_or(received_at, |source_at| source_at.clamp(earliest, received_at))
}

fn after_days(anchor: Timestamp, count: u16) -> Timestamp {
    anchor.checked_add(days(count)).unwrap_or(Timestamp::MAX)
}

const fn days(count: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * count as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: OffboardingTerms =
        OffboardingTerms { flag_after_days: 30, erase_by_days: 90, erasure_margin_days: 7, backdate_max_days: 7 };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_timeline_is_0_30_and_90_times_24_hours_across_daylight_saving_and_leap_days() {
        let timeline = timeline(&TERMS, at("2028-02-20T12:00:00Z"));
        assert_eq!(timeline.revoke_access_due_at, at("2028-02-20T12:00:00Z"));
        assert_eq!(timeline.flag_due_at, at("2028-03-21T12:00:00Z"));
        assert_eq!(timeline.erasure_start_at, at("2028-05-13T12:00:00Z"));
        assert_eq!(timeline.erasure_due_at, at("2028-05-20T12:00:00Z"));
    }

    #[test]
    fn a_source_time_is_believed_only_inside_its_bounds() {
        let received = at("2026-09-30T00:00:00Z");
        let anchor = |source_at: Option<&str>| anchor_time(source_at.map(at), received, &TERMS);
        assert_eq!(anchor(None), received);
        assert_eq!(anchor(Some("2026-09-28T00:00:00Z")), at("2026-09-28T00:00:00Z"));
        assert_eq!(anchor(Some("2000-01-01T00:00:00Z")), at("2026-09-23T00:00:00Z"));
        assert_eq!(anchor(Some("2199-01-01T00:00:00Z")), received);
    }

    proptest! {
        #[test]
        fn no_source_time_erases_early_or_late(source in any::<i64>(), received in 0_i64..4_000_000_000) {
            let received = Timestamp::from_second(received).expect("a time");
            let source = Timestamp::from_millisecond(source).ok();
            let due = timeline(&TERMS, anchor_time(source, received, &TERMS));
            let days_left = due.erasure_due_at.duration_since(received).as_hours() / 24;
            prop_assert!((83..=90).contains(&days_left));
            prop_assert!(due.flag_due_at <= due.erasure_start_at && due.erasure_start_at <= due.erasure_due_at);
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        assert_eq!(timeline(&TERMS, Timestamp::MAX).erasure_due_at, Timestamp::MAX);
        assert_eq!(anchor_time(Some(Timestamp::MIN), Timestamp::MIN, &TERMS), Timestamp::MIN);
        let inverted = OffboardingTerms { erasure_margin_days: 200, ..TERMS };
        assert_eq!(timeline(&inverted, Timestamp::UNIX_EPOCH).erasure_start_at, Timestamp::UNIX_EPOCH);
    }
}
