//! Business days: Monday to Friday in UTC. Public holidays are not counted out, so a deadline is never later than promised.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday, time},
    tz::TimeZone,
};

const BUSINESS_DAYS_PER_WEEK: i64 = 5;

/// The last second (UTC) of the `business_days`-th business day after the day of receipt. Receipt on a weekend counts from
/// Monday on; 0 is the day of receipt itself.
pub fn acknowledge_due(received: Timestamp, business_days: u16) -> Timestamp {
    let received_on = received.to_zoned(TimeZone::UTC).date();
    due_on(received_on, i64::from(business_days))
        .and_then(|day| day.to_datetime(time(23, 59, 59, 0)).to_zoned(TimeZone::UTC).ok())
        .map_or(Timestamp::MAX, |due| due.timestamp())
}

fn due_on(received_on: Date, business_days: i64) -> Option<Date> {
    let whole_weeks = business_days / BUSINESS_DAYS_PER_WEEK;
    let mut left = business_days % BUSINESS_DAYS_PER_WEEK;
    let mut day = received_on;
    // From a weekend, whole weeks would lead to a weekend: Friday before it counts the same and is a business day.
    while business_days > 0 && is_weekend(day) {
        day = day.yesterday().ok()?;
    }
    day = day.checked_add((7 * whole_weeks).days()).ok()?;
    while left > 0 {
        day = day.tomorrow().ok()?;
        if !is_weekend(day) {
            left -= 1;
        }
    }
    Some(day)
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn due(received: &str, business_days: u16) -> String {
        acknowledge_due(received.parse().expect("a time"), business_days).to_string()
    }

    #[test]
    fn a_weekend_is_not_counted() {
        // 2026-09-21 is a Monday.
        assert_eq!(due("2026-09-21T09:00:00Z", 3), "2026-09-24T23:59:59Z");
        assert_eq!(due("2026-09-24T23:59:59Z", 3), "2026-09-29T23:59:59Z");
        assert_eq!(due("2026-09-25T00:00:00Z", 3), "2026-09-30T23:59:59Z");
        assert_eq!(due("2026-09-26T12:00:00Z", 1), "2026-09-28T23:59:59Z");
        assert_eq!(due("2026-09-27T12:00:00Z", 3), "2026-09-30T23:59:59Z");
        assert_eq!(due("2026-09-26T12:00:00Z", 5), "2026-10-02T23:59:59Z");
        assert_eq!(due("2026-09-26T12:00:00Z", 0), "2026-09-26T23:59:59Z");
        assert_eq!(due("2026-09-25T12:00:00Z", 10), "2026-10-09T23:59:59Z");
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        assert_eq!(acknowledge_due(Timestamp::MAX, u16::MAX), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn counting_day_by_day_gives_the_same(second in 0_i64..4_000_000_000, business_days in 1_u16..60) {
            let received = Timestamp::from_second(second).expect("a time");
            let mut day = received.to_zoned(TimeZone::UTC).date();
            let mut left = business_days;
            while left > 0 {
                day = day.tomorrow().expect("a day");
                left -= u16::from(!is_weekend(day));
            }
            prop_assert_eq!(acknowledge_due(received, business_days).to_zoned(TimeZone::UTC).date(), day);
        }
    }
}
