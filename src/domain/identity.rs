//! Kinds of data subjects and of identities.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kind of a data subject, a word chosen by the product's data map (`msp_team_member`, `portal_user`, …).
///
/// Lower-case ASCII letters, digits and underscores, 1 to 40 characters, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SubjectKind(String);

/// The longest word accepted for a subject kind, in characters.
pub const SUBJECT_KIND_CHARS_MAX: usize = 40;

/// The text is not a word that can name a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct ParseKindError {
    /// What would have been accepted.
    pub expected: &'static str,
}

impl SubjectKind {
    /// Parses the word used in data maps.
    pub fn parse(text: &str) -> Result<Self, ParseKindError> {
        let is_word = text.len() <= SUBJECT_KIND_CHARS_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if is_word {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseKindError { expected: "a lower-case word of at most 40 letters, digits and underscores" })
        }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The kind of an identity. It decides how values are normalised before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// An Atlassian account id: 1 to 128 letters, digits, `-` and `:`; compared byte for byte.
    AtlassianAccountId,
    /// An e-mail address: trimmed, NFC, domain to IDNA ASCII, lower case; no plus or dot stripping.
    Email,
    /// A Firebase uid: compared byte for byte.
    FirebaseUid,
}

impl IdentityKind {
    /// Every kind, for look-ups and help texts.
    pub const ALL: [Self; 3] = [Self::AtlassianAccountId, Self::Email, Self::FirebaseUid];

    /// The word used in SQL, JSON, policy files and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtlassianAccountId => "atlassian_account_id",
            Self::Email => "email",
            Self::FirebaseUid => "firebase_uid",
        }
    }
}

/// What a fence keeps away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FenceKind {
    /// One person, by an identity of this kind.
    Identity(IdentityKind),
    /// Everything of the tenant.
    Tenant,
}

impl FenceKind {
    /// The word used in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity(kind) => kind.as_str(),
            Self::Tenant => "tenant",
        }
    }
}

impl From<IdentityKind> for FenceKind {
    fn from(kind: IdentityKind) -> Self {
        Self::Identity(kind)
    }
}

impl FromStr for FenceKind {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, ParseKindError> {
        if text == Self::Tenant.as_str() { Ok(Self::Tenant) } else { text.parse().map(Self::Identity) }
    }
}

/// The longest Atlassian account id, in characters.
pub const ATLASSIAN_ACCOUNT_ID_CHARS_MAX: usize = 128;

/// What Atlassian writes for an account that it cannot name. It denotes nobody and must never be stored.
pub const ATLASSIAN_PLACEHOLDER_ACCOUNT_ID: &str = "unknown";

/// True for 1 to 128 ASCII letters, digits, `-` and `:` that are not the placeholder (Atlassian, user privacy guidelines).
pub fn is_atlassian_account_id(text: &str) -> bool {
    (1..=ATLASSIAN_ACCOUNT_ID_CHARS_MAX).contains(&text.len())
        && text != ATLASSIAN_PLACEHOLDER_ACCOUNT_ID
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b':')
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for IdentityKind {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, ParseKindError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(ParseKindError { expected: "one of atlassian_account_id, email, firebase_uid" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_kind_is_one_lower_case_word() {
        assert!(SubjectKind::parse("msp_team_member").is_ok());
        for refused in ["", "Member", "9lives", "a b", "a-b", &"x".repeat(41)] {
            assert!(SubjectKind::parse(refused).is_err(), "{refused:?} was accepted");
        }
    }

    #[test]
    fn an_account_id_is_letters_digits_dash_and_colon_and_never_the_placeholder() {
        assert!(is_atlassian_account_id("712020:00000000-0000-4000-8000-000000000001"));
        for refused in ["", "unknown", "a b", "a/b", "\u{eb}", &"x".repeat(129)] {
            assert!(!is_atlassian_account_id(refused), "{refused:?} was accepted");
        }
    }

    #[test]
    fn identity_kinds_read_back_from_their_words() {
        for kind in IdentityKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.as_str().parse(), Ok(FenceKind::Identity(kind)));
        }
        assert_eq!(FenceKind::Tenant.as_str().parse(), Ok(FenceKind::Tenant));
    }
}
