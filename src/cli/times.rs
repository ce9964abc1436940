//! Times and periods as people type them.

use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

/// The longest period that can be typed, in seconds: a hundred years.
const PERIOD_SECONDS_MAX: i64 = 100 * 366 * 86_400;

/// A point in time: fixed, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// At this instant.
    At(Timestamp),
    /// So long before now.
    Ago(SignedDuration),
}

/// The text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a time such as 2026-09-24T08:00:00Z, a date (its beginning in UTC) such as 2026-09-24, or an age such as 2h or 7d"
)]
pub(super) struct ParseWhenError;

/// The text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a period such as 90d, 12h, 30m, 45s, 2w or 1d12h")]
pub(super) struct ParsePeriodError;

impl When {
    /// The instant, seen from `now`.
    pub(super) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(period) => now.checked_sub(period).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for When {
    type Err = ParseWhenError;

    fn from_str(text: &str) -> Result<Self, ParseWhenError> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        // A date only: a time of day without its offset would be a guess.
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
        {
            let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| ParseWhenError)?;
            return Ok(Self::At(midnight.timestamp()));
        }
        parse_period(text).map(Self::Ago).map_err(|_| ParseWhenError)
    }
}

/// Reads a period as jiff writes it, with units from seconds to weeks; a day has 24 hours. What lies in the future, or is
/// longer than can be meant, is refused.
pub(super) fn parse_period(text: &str) -> Result<SignedDuration, ParsePeriodError> {
    let span: Span = text.parse().map_err(|_| ParsePeriodError)?;
    let days_of_24_hours = SpanRelativeTo::days_are_24_hours();
    let period = span.to_duration(days_of_24_hours).map_err(|_| ParsePeriodError)?;
    let is_possible = !period.is_negative() && period.as_secs() <= PERIOD_SECONDS_MAX;
    is_possible.then_some(period).ok_or(ParsePeriodError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_time_a_date_and_an_age_are_understood() {
        let now = at("2026-09-24T08:00:00Z");
        for (typed, meant) in [
            ("2026-09-24T10:00:00+02:00", "2026-09-24T08:00:00Z"),
            ("2026-09-23", "2026-09-23T00:00:00Z"),
            ("2h", "2026-09-24T06:00:00Z"),
            ("7d", "2026-09-17T08:00:00Z"),
            ("1d12h", "2026-09-22T20:00:00Z"),
            ("0s", "2026-09-24T08:00:00Z"),
        ] {
            assert_eq!(typed.parse::<When>().expect("understood").resolve(now), at(meant), "{typed}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for typed in [
            "",
            "h",
            "2",
            "2x",
            "-2h",
            "2h ago",
            "1mo",
            "1y",
            "2026-09-24T08:00",
            "2026-13-01",
            "99999999999999999999d",
            "4000w4000w",
        ] {
            assert!(typed.parse::<When>().is_err(), "{typed} was accepted");
        }
    }
}
