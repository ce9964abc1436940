//! What a call shows to be let in.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::OutboundError;

/// The longest token that is sent, in bytes: headers beyond that are refused by most servers.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The value of an `Authorization` header: wiped when dropped, never printed, and marked so that no client prints it.
#[derive(Clone)]
pub struct Authorization(SecretString);

impl Authorization {
    /// `Bearer` (RFC 6750). Refuses an empty token and one with other than visible ASCII characters.
    pub fn bearer(token: &str) -> Result<Self, OutboundError> {
        let is_token =
            (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_token {
            return Err(OutboundError::BadCredential { what: "a token is visible ASCII characters" });
        }
        Ok(Self(SecretString::from(format!("Bearer {token}"))))
    }

    /// `Basic` (RFC 7617), as Jira takes an e-mail address with an API token. Refuses a user with a colon and empty parts.
    pub fn basic(user: &str, password: &SecretString) -> Result<Self, OutboundError> {
        let password = password.expose_secret();
        let is_pair = !user.is_empty()
            && !user.contains(':')
            && !password.is_empty()
            && user.len() + password.len() < TOKEN_BYTES_MAX / 2;
        if !is_pair {
            return Err(OutboundError::BadCredential { what: "a user without a colon and a password are needed" });
        }
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Ok(Self(SecretString::from(format!("Basic {}", STANDARD.encode(pair.as_bytes())))))
    }

    /// True if both are the same credential.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(other.0.expose_secret().as_bytes()).into()
    }

    pub(super) fn header(&self) -> HeaderValue {
        let mut value =
            HeaderValue::from_str(self.0.expose_secret()).expect("only visible ASCII characters were taken");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_sent_as_written_and_never_printed() {
        let bearer = Authorization::bearer("ya29.x-y_z").expect("a token");
        assert_eq!(bearer.header(), "Bearer ya29.x-y_z");
        assert!(bearer.header().is_sensitive());
        assert_eq!(format!("{bearer:?} {:?}", bearer.header()), "[secret] Sensitive");
        let basic = Authorization::basic("Aladdin", &SecretString::from("open sesame")).expect("a pair");
        assert_eq!(basic.header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn what_would_break_a_header_is_refused() {
        for token in ["", "a b", "a\r\nx: y", "\u{e9}", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(Authorization::bearer(token).is_err());
        }
        for (user, password) in [("", "p"), ("u:v", "p"), ("u", "")] {
            assert!(Authorization::basic(user, &SecretString::from(password)).is_err());
        }
    }
}
