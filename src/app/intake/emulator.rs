//! What an emulator sends instead of a token. Believed only under the development switch, which `serve` refuses to start
//! with on an address that others can reach.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::domain::Headers;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// True without any token, or with one that says itself that nobody signed it.
pub(in crate::app) fn is_unsigned(headers: &Headers) -> bool {
    let mut values = headers.all("authorization");
    let Some(value) = values.next() else { return true };
    values.next().is_none() && is_unsigned_token(value)
}

fn is_unsigned_token(value: &[u8]) -> bool {
    let Some(token) = value.strip_prefix(b"Bearer ").filter(|token| token.len() <= TOKEN_BYTES_MAX) else {
        return false;
    };
    let mut parts = token.split(|byte| *byte == b'.');
    let (Some(header), Some(_), Some(b""), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(header) = BASE64_URL_SAFE_NO_PAD.decode(header) else { return false };
    serde_json::from_slice::<serde_json::Value>(&header).is_ok_and(|header| header["alg"] == "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&str]) -> Headers {
        values.iter().map(|value| ("authorization", value.as_bytes())).collect()
    }

    #[test]
    fn only_no_token_and_a_token_without_signature_are_an_emulators() {
        let none = format!("Bearer {}.e30.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        let signed = format!("Bearer {}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        let other = format!("Bearer {}.e30.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#));
        assert!(is_unsigned(&with(&[])) && is_unsigned(&with(&[&none])));
        for refused in [&signed, &other, "Bearer x", "Basic e30.e30.", "Bearer ..", ""] {
            assert!(!is_unsigned(&with(&[refused])), "{refused}");
        }
        assert!(!is_unsigned(&with(&[&none, &none])));
    }
}
