//! What an error of ours says about itself, as a parameter of a reason.

use std::fmt;

use serde::Serialize;

/// The text of one of our own errors. Those hold ids, names and SQLSTATEs and never a value, so this is not made of any other
/// text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Cause(String);

impl Cause {
    /// The error's own sentence.
    pub fn of(error: &dyn std::error::Error) -> Self {
        Self(error.to_string())
    }

    /// The error's own sentence, and those of its causes.
    pub fn chain_of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self(text)
    }

    /// The sentence of another reason.
    pub(super) fn of_sentence(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
