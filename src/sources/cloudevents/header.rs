//! Attributes of a binary event, from its `ce-*` headers.

use super::attributes::Attributes;
use crate::{domain::delivery::Headers, sources::NotAdmitted};

/// Reads the attributes. A header that came twice is refused: two readers could believe different ones.
pub(super) fn attributes(headers: &Headers) -> Result<Attributes, NotAdmitted> {
    // The data's type is the content type's business; a second one could contradict it.
    if headers.all("ce-datacontenttype").next().is_some() {
        return Err(NotAdmitted::Unreadable("ce-datacontenttype"));
    }
    Ok(Attributes {
        specversion: attribute(headers, "ce-specversion")?,
        id: attribute(headers, "ce-id")?,
        source: attribute(headers, "ce-source")?,
        event_type: attribute(headers, "ce-type")?,
        subject: attribute(headers, "ce-subject")?,
        time: attribute(headers, "ce-time")?,
        tenantid: attribute(headers, "ce-tenantid")?,
    })
}

fn attribute(headers: &Headers, name: &'static str) -> Result<Option<String>, NotAdmitted> {
    if headers.all(name).next().is_none() {
        return Ok(None);
    }
    headers.only(name).and_then(decode).map(Some).ok_or(NotAdmitted::Unreadable(name))
}

/// The text of a header value: unescaped if it is a quoted string (RFC 7230, section 3.2.6), then percent-decoded exactly
/// once. `None` for a broken escape and for what is not UTF-8.
fn decode(value: &[u8]) -> Option<String> {
    let unquoted = unquote(value.trim_ascii())?;
    let mut decoded = Vec::with_capacity(unquoted.len());
    let mut rest = unquoted.as_slice();
    while let [byte, after @ ..] = rest {
        if *byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let mut one = [0_u8];
            hex::decode_to_slice(digits, &mut one).ok()?;
            decoded.push(one[0]);
            rest = after;
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(decoded).ok()
}

fn unquote(value: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = value.strip_prefix(b"\"") else { return Some(value.to_vec()) };
    let mut unquoted = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'\\' => unquoted.push(*bytes.next()?),
            // The closing quote ends the value; what follows it would be read by some and not by others.
            b'"' => return bytes.as_slice().is_empty().then_some(unquoted),
            byte => unquoted.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_value_is_unquoted_and_then_percent_decoded_exactly_once() {
        let read = [
            ("plain", "plain"),
            ("//host/projects/a", "//host/projects/a"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u{20ac} \u{1f600}"),
            ("\"a b\"", "a b"),
            (r#""a \"b\" \\""#, r#"a "b" \"#),
            (r#""%22""#, "\""),
            ("%2541", "%41"),
            (" padded ", "padded"),
            ("", ""),
        ];
        for (value, text) in read {
            assert_eq!(decode(value.as_bytes()).as_deref(), Some(text), "{value}");
        }
    }

    #[test]
    fn a_broken_escape_and_what_is_not_utf_8_are_refused() {
        let refused: [&[u8]; 8] = [b"%", b"%4", b"%zz", b"%C3%28", b"\xff", b"\"open", b"\"closed\" and more", b"\"\\"];
        for value in refused {
            assert_eq!(decode(value), None, "{value:?}");
        }
    }
}
