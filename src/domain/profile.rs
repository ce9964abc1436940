//! What a source says about an account, beside whose it is.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{Personal, words::UnknownWord};

/// The longest value of an attribute that is believed, in bytes: names of 255 characters, addresses of 254 bytes (RFC 5321).
pub const PROFILE_VALUE_BYTES_MAX: usize = 1_020;

/// Something that is said about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileAttribute {
    /// The name that others see.
    DisplayName,
    /// The address of a mailbox.
    Email,
}

impl ProfileAttribute {
    /// Every attribute.
    pub const ALL: [Self; 2] = [Self::DisplayName, Self::Email];

    /// The word used in data maps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DisplayName => "display_name",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for ProfileAttribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ProfileAttribute {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|attribute| attribute.as_str() == text).ok_or(UnknownWord)
    }
}

/// What was said. Lives as long as the delivery that said it: the minimized record of an event never holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Each attribute that was spoken of; `None` where there is no value (any more).
    pub attributes: BTreeMap<ProfileAttribute, Option<Personal<String>>>,
    /// Whether the account can be used, where that was said.
    pub is_active: Option<bool>,
}

impl Profile {
    /// True when nothing was said.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.is_active.is_none()
    }

    /// Adds what was said of an attribute. Blank is no value; what no name or address can be (control characters, longer than
    /// [`PROFILE_VALUE_BYTES_MAX`]) counts as not said, so that it never costs the event.
    pub fn say(&mut self, attribute: ProfileAttribute, text: &str) {
        let text = text.trim();
        if text.len() <= PROFILE_VALUE_BYTES_MAX && !text.chars().any(char::is_control) {
            let value = (!text.is_empty()).then(|| Personal::new(text.to_owned()));
            self.attributes.insert(attribute, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_is_no_value_and_what_cannot_be_one_was_not_said() {
        let said = |text: &str| {
            let mut profile = Profile::default();
            profile.say(ProfileAttribute::DisplayName, text);
            profile.attributes.remove(&ProfileAttribute::DisplayName)
        };
        assert_eq!(said(" Ann "), Some(Some(Personal::new("Ann".to_owned()))));
        assert_eq!(said("  "), Some(None));
        for unbelievable in ["a\0b", "a\nb", &"x".repeat(PROFILE_VALUE_BYTES_MAX + 1)] {
            assert_eq!(said(unbelievable), None);
        }
    }
}
