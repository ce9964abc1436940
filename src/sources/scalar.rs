//! Single values of a body: read strictly, refused by the name of their field and never by their content.

use jiff::{Timestamp, civil::Date, fmt::temporal::Pieces, tz::Offset};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};
use url::Url;

use crate::domain::event::Malformed;

/// A raw JSON value; absent and `null` are the same.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// The longest text of a time stamp that is looked at, in bytes.
const TIME_BYTES_MAX: usize = 48;
/// The longest id, in digits: what a 64-bit number can have.
const ID_DIGITS_MAX: usize = 20;
/// Times outside these years are slips of units or lies: seconds for milliseconds, or a far future that would outrank
/// every later signal.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2200;

/// The outermost object of a body.
pub(super) fn outermost<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?;
    // `RawValue` skips nested values without recursion, so depth costs no stack here; each object that is read afterwards
    // is parsed under the parser's own bound of 128 levels. A sequence would be read as a struct field by field.
    if text.trim_start().starts_with('[') {
        return Err(Malformed::InvalidField("body"));
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Malformed::InvalidField("body"),
        Category::Io | Category::Syntax | Category::Eof => Malformed::NotJson,
    })
}

/// True for a JSON object.
pub(super) fn is_object(value: Raw<'_>) -> bool {
    value.is_some_and(|raw| raw.get().starts_with('{'))
}

/// An object of a known shape.
pub(super) fn object<'a, T: Deserialize<'a>>(value: Raw<'a>, field: &'static str) -> Result<T, Malformed> {
    let json = value.ok_or(Malformed::MissingField(field))?.get();
    // A sequence would be read as a struct field by field.
    if !json.starts_with('{') {
        return Err(Malformed::InvalidField(field));
    }
    serde_json::from_str(json).map_err(|_| Malformed::InvalidField(field))
}

/// A text, if there is one.
pub(super) fn text(value: Raw<'_>, field: &'static str) -> Result<Option<String>, Malformed> {
    value.map(|raw| serde_json::from_str(raw.get()).map_err(|_| Malformed::InvalidField(field))).transpose()
}

/// True or false, also as a text (Jira's own sample has one); anything else says nothing.
pub(super) fn lenient_flag(value: Raw<'_>) -> Option<bool> {
    match value?.get().trim_matches('"') {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A number of the site, as text of digits or as a number.
pub(super) fn digits(value: Raw<'_>, field: &'static str) -> Result<String, Malformed> {
    let json = value.ok_or(Malformed::MissingField(field))?.get();
    let digits = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    let is_id = (1..=ID_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(digits.to_owned()) } else { Err(Malformed::InvalidField(field)) }
}

/// A whole number between 0 and `max`.
pub(super) fn bounded(value: Raw<'_>, max: i64, field: &'static str) -> Result<i64, Malformed> {
    let json = value.ok_or(Malformed::MissingField(field))?.get();
    json.parse().ok().filter(|number| (0..=max).contains(number)).ok_or(Malformed::InvalidField(field))
}

/// Milliseconds since 1970, as a number or as text of digits, if there are any.
pub(super) fn epoch_milliseconds(value: Raw<'_>, field: &'static str) -> Result<Option<Timestamp>, Malformed> {
    if value.is_none() {
        return Ok(None);
    }
    let milliseconds = digits(value, field)?.parse().map_err(|_| Malformed::InvalidField(field))?;
    let at = Timestamp::from_millisecond(milliseconds).map_err(|_| Malformed::InvalidField(field))?;
    believable(at, field).map(Some)
}

/// A point in time with an offset: Jira's `2026-09-21T21:11:17.618+0530` or RFC 3339. Returns the instant and the local day
/// in that offset.
pub(super) fn zoned(value: Raw<'_>, field: &'static str) -> Result<(Timestamp, Date), Malformed> {
    let text = text(value, field)?.ok_or(Malformed::MissingField(field))?;
    parse_zoned(&text).ok_or(Malformed::InvalidField(field)).and_then(|(at, day)| Ok((believable(at, field)?, day)))
}

/// A point in time with an offset, if there is one.
pub(super) fn instant(value: Raw<'_>, field: &'static str) -> Result<Option<Timestamp>, Malformed> {
    if value.is_none() { Ok(None) } else { zoned(value, field).map(|(at, _)| Some(at)) }
}

/// A believable point in time with an offset, from a text that did not stand in a body.
pub(super) fn instant_of(text: &str, field: &'static str) -> Result<Timestamp, Malformed> {
    parse_zoned(text).ok_or(Malformed::InvalidField(field)).and_then(|(at, _)| believable(at, field))
}

fn parse_zoned(text: &str) -> Option<(Timestamp, Date)> {
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let local = pieces.date().to_datetime(pieces.time()?);
    let at = pieces.to_numeric_offset()?.to_timestamp(local).ok()?;
    Some((at, local.date()))
}

fn believable(at: Timestamp, field: &'static str) -> Result<Timestamp, Malformed> {
    if YEARS.contains(&Offset::UTC.to_datetime(at).year()) { Ok(at) } else { Err(Malformed::InvalidField(field)) }
}

/// Refuses an address of another host than the expected one. Without an address or an expectation there is nothing to say.
pub(super) fn same_site(
    value: Raw<'_>,
    expected_site_host: Option<&str>,
    field: &'static str,
) -> Result<(), Malformed> {
    let (Some(expected), Some(address)) = (expected_site_host, text(value, field)?) else {
        return Ok(());
    };
    let address = Url::parse(&address).map_err(|_| Malformed::InvalidField(field))?;
    match address.host_str() {
        Some(host) if host.eq_ignore_ascii_case(expected) => Ok(()),
        Some(_) => Err(Malformed::ForeignSite(field)),
        None => Err(Malformed::InvalidField(field)),
    }
}
