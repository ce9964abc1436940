//! One spelling for each identity, so that a person is found whichever way a sender writes them.
//!
//! The rules are versioned and their vectors committed (`tests/vectors/identity_normalisation.json`): a changed rule would
//! make everybody known so far unfindable, therefore it needs a new version and a second digest.

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::{
    IdentityKind, Personal,
    identity::{ATLASSIAN_ACCOUNT_ID_CHARS_MAX, ATLASSIAN_PLACEHOLDER_ACCOUNT_ID, is_atlassian_account_id},
};

/// The version of the rules in this file.
pub const NORMALISATION_VERSION: i16 = 1;
/// The longest e-mail address, in bytes (RFC 3696, erratum 1690).
pub const EMAIL_BYTES_MAX: usize = 254;

const FIREBASE_UID_CHARS_MAX: usize = 128;

/// Why a value is not a usable identity. Never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NormaliseError {
    /// Nothing in it.
    #[error("empty")]
    Empty,
    /// Longer than its kind allows.
    #[error("too_long")]
    TooLong,
    /// Not an e-mail address with one usable `@`.
    #[error("malformed_email")]
    MalformedEmail,
    /// Not 1 to 128 letters, digits, `-` and `:`.
    #[error("malformed_account_id")]
    MalformedAccountId,
    /// A uid with a NUL character, which no text column can hold.
    #[error("malformed_uid")]
    MalformedUid,
    /// Atlassian's placeholder `unknown`, which denotes nobody and would join everybody.
    #[error("placeholder")]
    Placeholder,
}

/// An identity in its one spelling. Only [`normalise`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    kind: IdentityKind,
    version: i16,
    value: Personal<String>,
}

impl Normalised {
    /// The version of the rules that gave this spelling.
    pub const fn version(&self) -> i16 {
        self.version
    }

    /// The one spelling.
    pub const fn value(&self) -> &Personal<String> {
        &self.value
    }
}

/// Gives an identity its one spelling. Normalising twice changes nothing.
pub fn normalise(kind: IdentityKind, value: &str) -> Result<Normalised, NormaliseError> {
    let value = match kind {
        IdentityKind::Email => email(value)?,
        IdentityKind::AtlassianAccountId => account_id(value)?,
        IdentityKind::FirebaseUid => firebase_uid(value)?,
    };
    Ok(Normalised { kind, version: NORMALISATION_VERSION, value: Personal::new(value) })
}

fn email(value: &str) -> Result<String, NormaliseError> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Err(NormaliseError::Empty);
    }
    // Bounds the work below; composing and IDNA change the length by less than this.
    if trimmed.len() > 4 * EMAIL_BYTES_MAX {
        return Err(NormaliseError::TooLong);
    }
    let (local, domain) = trimmed.rsplit_once('@').ok_or(NormaliseError::MalformedEmail)?;
    let local = lower_case(local);
    if !is_usable_local_part(&local) {
        return Err(NormaliseError::MalformedEmail);
    }
    let normalised = format!("{local}@{}", ascii_domain(domain)?);
    if normalised.len() > EMAIL_BYTES_MAX {
        return Err(NormaliseError::TooLong);
    }
    Ok(normalised)
}

/// Lower case letter by letter: the rule for a final sigma looks at its neighbours and would tell equal names apart.
/// Composed before and after, because lower case can leave a composable pair behind.
fn lower_case(local: &str) -> String {
    let lowered: String = local.nfc().flat_map(char::to_lowercase).collect();
    lowered.nfc().collect()
}

fn is_usable_local_part(local: &str) -> bool {
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    !local.is_empty()
        && !local.chars().any(char::is_control)
        && (is_quoted || !local.contains(|letter: char| letter == '@' || letter.is_whitespace()))
}

fn ascii_domain(domain: &str) -> Result<String, NormaliseError> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL)
        .map_err(|_| NormaliseError::MalformedEmail)?;
    if ascii.split('.').any(str::is_empty) {
        return Err(NormaliseError::MalformedEmail);
    }
    Ok(ascii.into_owned())
}

fn account_id(value: &str) -> Result<String, NormaliseError> {
    if value.is_empty() {
        return Err(NormaliseError::Empty);
    }
    if value == ATLASSIAN_PLACEHOLDER_ACCOUNT_ID {
        return Err(NormaliseError::Placeholder);
    }
    if value.chars().count() > ATLASSIAN_ACCOUNT_ID_CHARS_MAX {
        return Err(NormaliseError::TooLong);
    }
    if !is_atlassian_account_id(value) {
        return Err(NormaliseError::MalformedAccountId);
    }
    Ok(value.to_owned())
}

fn firebase_uid(value: &str) -> Result<String, NormaliseError> {
    if value.is_empty() {
        return Err(NormaliseError::Empty);
    }
    if value.chars().count() > FIREBASE_UID_CHARS_MAX {
        return Err(NormaliseError::TooLong);
    }
    if value.contains('\0') {
        return Err(NormaliseError::MalformedUid);
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        kind: IdentityKind,
        value: String,
        normalised: Option<String>,
        error: Option<String>,
    }

    fn spelled(kind: IdentityKind, value: &str) -> Result<String, String> {
        normalise(kind, value)
            .map(|identity| identity.value().expose_for("the test").clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_committed_vector_holds() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../tests/vectors/identity_normalisation.json"))
                .expect("the vectors are JSON");
        for vector in vectors {
            let expected = vector.normalised.ok_or_else(|| vector.error.unwrap_or_default());
            assert_eq!(spelled(vector.kind, &vector.value), expected, "{:?}", vector.value);
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(local in "\\PC{1,12}", domain in "[a-zA-Z0-9äöüßÉ.-]{1,20}") {
            let value = format!("{local}@{domain}");
            if let Ok(once) = spelled(IdentityKind::Email, &value) {
                prop_assert_eq!(spelled(IdentityKind::Email, &once), Ok(once));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(value in any::<String>()) {
            for kind in IdentityKind::ALL {
                let _ = normalise(kind, &value);
            }
        }
    }
}
