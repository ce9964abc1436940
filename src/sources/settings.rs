//! What a registration of each kind has to know beside its name and its secret. Never a secret.
//!
//! Each sender has a type of its own, in its own file; here is what all of them have in common.

use std::{any::Any, fmt, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::domain::SourceKind;

/// The settings of one kind of sender.
pub trait Settings: Any + fmt::Debug + Send + Sync {
    /// True for settings that something can be verified with.
    fn check(&self) -> Result<(), BadSettings>;

    /// As they are stored: an object.
    fn to_value(&self) -> Value;

    /// The Firebase project that the source's events speak of.
    fn project(&self) -> Option<&str> {
        None
    }
}

/// What one registration knows: its kind, and the settings of that kind.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    kind: SourceKind,
    settings: Arc<dyn Settings>,
}

impl SourceSettings {
    /// Settings of this kind. Only the kind's own file says which type that is.
    pub(super) fn new(kind: SourceKind, settings: impl Settings) -> Self {
        Self { kind, settings: Arc::new(settings) }
    }

    /// The kind that these settings are of.
    pub const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The settings as the type that their kind has; `None` for any other.
    pub fn get<T: Settings>(&self) -> Option<&T> {
        let settings: &dyn Any = self.settings.as_ref();
        settings.downcast_ref()
    }

    /// The Firebase project that its events speak of.
    pub fn project(&self) -> Option<&str> {
        self.settings.project()
    }

    /// As it is stored: an object.
    pub fn to_value(&self) -> Value {
        self.settings.to_value()
    }

    /// True for settings that something can be verified with.
    pub fn check(&self) -> Result<(), BadSettings> {
        self.settings.check()
    }
}

/// Of a kind that has to know nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NoSettings;

impl Settings for NoSettings {
    fn check(&self) -> Result<(), BadSettings> {
        Ok(())
    }

    fn to_value(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }
}

/// Settings that nothing can be verified with. Names the field and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {expected}")]
pub struct BadSettings {
    /// The field.
    pub field: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

/// An option of `sources add` that becomes a field of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingOption {
    /// The field.
    pub field: &'static str,
    /// The option, without its hyphens.
    pub option: &'static str,
    /// What stands for its value in a usage line.
    pub value_name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// The words that it takes, each with what it means; any text when there are none. The first one is the default.
    pub words: &'static [(&'static str, &'static str)],
}

/// The Firebase project, which several kinds take.
pub(super) const PROJECT: SettingOption = SettingOption {
    field: "project",
    option: "project",
    value_name: "PROJECT",
    help: "The Firebase project that its events must speak of",
    words: &[],
};

/// The longest audience, account or address, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

pub(super) fn read<T: DeserializeOwned>(stored: &Value) -> Result<T, BadSettings> {
    T::deserialize(stored).map_err(|_| BadSettings { field: "settings", expected: "settings that this version wrote" })
}

pub(super) fn to_value(settings: &impl Serialize) -> Value {
    serde_json::to_value(settings).expect("texts and words are JSON")
}

pub(super) fn rule(holds: bool, field: &'static str, expected: &'static str) -> Result<(), BadSettings> {
    if holds { Ok(()) } else { Err(BadSettings { field, expected }) }
}

pub(super) fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Google: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. A domain may stand before it.
pub(super) fn is_project(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':'))
}
