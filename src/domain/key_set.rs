//! Keys that other parties publish so that their signatures can be checked.
//!
//! A verifier asks for a key by one of these hosts and an id, never by an address: which address a host has is decided where
//! calls are made, and nothing that a sender says can change it.

use std::fmt;

/// A publisher of keys whose address is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyHost {
    /// Atlassian's keys for Forge invocation tokens.
    ForgeProduction,
    /// The same of Atlassian's staging cloud, for apps under development there.
    ForgeStaging,
    /// Google's keys for the OIDC tokens of its service accounts.
    Google,
    /// Atlassian's keys for Connect's install and uninstall callbacks, one document for each key.
    ConnectInstall,
}

impl KeyHost {
    /// Every host.
    #[cfg(test)]
    pub const ALL: [Self; 4] = [Self::ForgeProduction, Self::ForgeStaging, Self::Google, Self::ConnectInstall];

    /// The word used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForgeProduction => "forge_production",
            Self::ForgeStaging => "forge_staging",
            Self::Google => "google",
            Self::ConnectInstall => "connect_install",
        }
    }
}

/// The longest key id that is believed, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// The id of a key, as a token's header names it: 1 to 256 visible ASCII characters. It chooses among the keys of one pinned
/// host and never an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Parses the `kid` of a token. `None` for anything else than visible ASCII within the bound.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = (1..=KEY_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| Self(text.to_owned()))
    }

    /// The id.
    #[cfg(test)]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the last part of a path, for a host with one document for each key. `None` unless it is letters, digits,
    /// `-`, `_` and `.`, and does not begin with a dot.
    pub fn path_segment(&self) -> Option<&str> {
        let is_segment = !self.0.starts_with('.')
            && self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        is_segment.then_some(self.0.as_str())
    }
}

/// An id is the caller's text until a key has been found under it.
impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({} bytes)", self.0.len())
    }
}

/// A public key, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA by its numbers, big-endian.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// RSA as a PEM document.
    RsaPem(Vec<u8>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_visible_ascii_and_only_a_plain_one_is_part_of_a_path() {
        for refused in ["", " ", "a b", "a\n", "\u{eb}", &"x".repeat(257)] {
            assert!(KeyId::parse(refused).is_none(), "{refused:?}");
        }
        let id = |text: &str| KeyId::parse(text).expect("visible ASCII");
        assert_eq!(id("a1b2-C3_d.4").path_segment(), Some("a1b2-C3_d.4"));
        for elsewhere in ["..", "a/b", "../x", "a?b", "a#b", "a%2f", ".a", "a\\b", "a@b", "a:b"] {
            assert_eq!(id(elsewhere).path_segment(), None, "{elsewhere}");
        }
        assert!(!format!("{:?}", id("secret-looking")).contains("secret"));
    }
}
