//! The claims of a token whose signature holds, and the times among them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Rejection, strict_json};

/// The beginning of the year 2201. A later time is a slip of units or a lie.
const SECONDS_MAX: i64 = 7_289_654_400;

/// One object of claims.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the claims of a token.
    pub(super) fn read(json: &[u8]) -> Result<Self, Rejection> {
        strict_json::object(json).map(Self).ok_or(Rejection::MalformedClaims)
    }

    /// The claims as an object.
    pub(super) const fn root(&self) -> Object<'_> {
        Object(&self.0)
    }

    /// The times. `exp` must be there; the others are optional, but what is there must be whole seconds since 1970.
    pub(super) fn period(&self) -> Result<Period, Rejection> {
        let expires_at = self.seconds("exp")?.ok_or(Rejection::MissingExpiry)?;
        Ok(Period { issued_at: self.seconds("iat")?, not_before: self.seconds("nbf")?, expires_at })
    }

    fn seconds(&self, name: &str) -> Result<Option<i64>, Rejection> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().filter(|seconds| (0..=SECONDS_MAX).contains(seconds));
        seconds.map(Some).ok_or(Rejection::MalformedClaims)
    }
}

/// An object within the claims.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    /// The value of a member.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// True when the member is this text, letter by letter.
    pub(super) fn says(self, name: &str, expected: &str) -> bool {
        self.get(name).and_then(Value::as_str) == Some(expected)
    }

    /// A text that must be there.
    pub(super) fn text(self, name: &str) -> Result<&'a str, Rejection> {
        self.get(name).and_then(Value::as_str).ok_or(Rejection::MalformedClaims)
    }

    /// A text of 1 to `bytes_max` visible ASCII characters that must be there.
    pub(super) fn word(self, name: &str, bytes_max: usize) -> Result<&'a str, Rejection> {
        let text = self.text(name)?;
        let is_word = (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_word { Ok(text) } else { Err(Rejection::MalformedClaims) }
    }

    /// An object that must be there.
    pub(super) fn object(self, name: &str) -> Result<Self, Rejection> {
        self.get(name).and_then(Value::as_object).map(Self).ok_or(Rejection::MalformedClaims)
    }

    /// A list of at most `count_max` objects that must be there.
    pub(super) fn objects(self, name: &str, count_max: usize) -> Result<Vec<Self>, Rejection> {
        let values = self.get(name).and_then(Value::as_array).filter(|values| values.len() <= count_max);
        let objects = values.ok_or(Rejection::MalformedClaims)?.iter().map(|value| value.as_object().map(Self));
        objects.collect::<Option<_>>().ok_or(Rejection::MalformedClaims)
    }
}

/// When a token is good, in seconds since 1970.
pub(super) struct Period {
    pub(super) issued_at: Option<i64>,
    pub(super) not_before: Option<i64>,
    pub(super) expires_at: i64,
}

impl Period {
    /// Checks the times against `now`. Both ends are stretched by the leeway, since two clocks are never the same.
    pub(super) fn check(&self, now: Timestamp, leeway_seconds: i64) -> Result<(), Rejection> {
        let now = now.as_second();
        if now >= self.expires_at + leeway_seconds {
            return Err(Rejection::Expired);
        }
        let begins = [self.issued_at, self.not_before];
        if begins.into_iter().flatten().any(|begin| begin > now + leeway_seconds) {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(json: &str) -> Result<Period, Rejection> {
        Claims::read(json.as_bytes())?.period()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second of this age")
    }

    #[test]
    fn a_time_that_is_not_whole_seconds_of_this_age_is_refused() {
        for value in ["1.0", "1e3", "\"1\"", "-1", "-0", "null", "true", "[1]", "7289654401", "18446744073709551616"] {
            for name in ["exp", "iat", "nbf"] {
                let json = if name == "exp" {
                    format!("{{\"exp\":{value}}}")
                } else {
                    format!("{{\"exp\":100,\"{name}\":{value}}}")
                };
                assert_eq!(period(&json).err(), Some(Rejection::MalformedClaims), "{json}");
            }
        }
        assert_eq!(period("{\"iat\":1}").err(), Some(Rejection::MissingExpiry));
        assert!(period("{\"exp\":7289654400,\"iat\":0}").is_ok());
    }

    #[test]
    fn a_token_is_good_from_the_first_to_just_before_the_last_moment_with_the_leeway_on_both_sides() {
        let period = period("{\"iat\":1000,\"nbf\":1010,\"exp\":1020}").expect("well-formed");
        assert_eq!(period.check(at(999), 10), Err(Rejection::NotYetValid));
        assert_eq!(period.check(at(1000), 10), Ok(()));
        assert_eq!(period.check(at(1029), 10), Ok(()));
        assert_eq!(period.check(at(1030), 10), Err(Rejection::Expired));
        assert_eq!(period.check(Timestamp::MAX, 10), Err(Rejection::Expired));
        assert_eq!(period.check(Timestamp::MIN, 10), Err(Rejection::NotYetValid));
    }
}
