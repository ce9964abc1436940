//! Texts that cannot carry a sentence: ids and words of closed form.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ProofError;

const WORD_CHARS_MAX: usize = 64;
const ID_PREFIX_CHARS: usize = 3;
const ID_HEX_DIGITS: usize = 32;

/// A closed word: 1 to 64 of `a-z`, `0-9`, `_`, `.`, `:` and `-`. No e-mail address and no name with a space fits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

impl Word {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let is_word = (1..=WORD_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-".contains(&byte));
        if is_word { Ok(Self(text.to_owned())) } else { Err(ProofError::NotAWord) }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A printed id of ours (`req_` and 32 hexadecimal digits) and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdText(String);

impl IdText {
    /// Prints an id. Fails for anything that does not print as one of our ids.
    pub fn of(id: impl fmt::Display) -> Result<Self, ProofError> {
        Self::parse(id.to_string())
    }

    /// The printed id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: String) -> Result<Self, ProofError> {
        let is_id = text.split_once('_').is_some_and(|(prefix, digits)| {
            prefix.len() == ID_PREFIX_CHARS
                && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
                && digits.len() == ID_HEX_DIGITS
                && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        });
        if is_id { Ok(Self(text)) } else { Err(ProofError::NotAWord) }
    }
}

impl TryFrom<String> for Word {
    type Error = ProofError;

    fn try_from(text: String) -> Result<Self, ProofError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for IdText {
    type Error = ProofError;

    fn try_from(text: String) -> Result<Self, ProofError> {
        Self::parse(text)
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl From<IdText> for String {
    fn from(id: IdText) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::RequestId;

    #[test]
    fn a_word_has_no_room_for_personal_data() {
        assert!(Word::parse("offboarding_started").is_ok());
        for refused in ["", "mallory@example.invalid", "Mallory", "two words", &"x".repeat(65)] {
            assert_eq!(Word::parse(refused), Err(ProofError::NotAWord), "{refused:?} was accepted");
        }
    }

    #[test]
    fn only_ids_of_ours_are_ids() {
        assert!(IdText::of(RequestId::from_uuid(Uuid::from_u128(1))).is_ok());
        for refused in
            ["", "req_1", "712020:00000000-0000-4000-8000-000000000001", "reqx_00000000000000000000000000000001"]
        {
            assert_eq!(IdText::of(refused), Err(ProofError::NotAWord), "{refused:?} was accepted");
        }
    }
}
