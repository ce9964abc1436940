//! What a registration of each kind has to know beside its name and its secret. Never a secret.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{domain::SourceKind, signature::forge_fit::ForgeEnvironment};

/// Our Forge app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgeSettings {
    /// The app's ARI, `ari:cloud:ecosystem::app/<uuid>`: the only audience that is accepted.
    pub app_id: String,
    /// The only environment that is accepted.
    pub environment: ForgeEnvironment,
}

/// Our Connect app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectSettings {
    /// The descriptor's `baseUrl`: the only audience that is accepted for installs.
    pub base_url: String,
}

/// A sender with Google's OIDC token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleSettings {
    /// The only audience that is accepted, as configured at the subscription or trigger.
    pub audience: String,
    /// The only service account that is accepted.
    pub email: String,
    /// The Firebase project that its events must speak of.
    pub project: String,
}

/// Our forwarder function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirebaseSettings {
    /// The Firebase project that its events must speak of.
    pub project: String,
}

/// What one registration knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSettings {
    /// Nothing.
    JiraAdmin,
    /// App and environment.
    Forge(ForgeSettings),
    /// Base address.
    Connect(ConnectSettings),
    /// Audience, account and project.
    GooglePubsub(GoogleSettings),
    /// Audience, account and project.
    GoogleEvents(GoogleSettings),
    /// Project.
    FirebaseFunction(FirebaseSettings),
    /// Nothing.
    AtlassianReport,
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

/// The longest audience, account or address, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

impl SourceSettings {
    /// Reads stored settings. Fails for what this version did not write.
    pub fn parse(kind: SourceKind, stored: &Value) -> Result<Self, BadSettings> {
        let settings = match kind {
            SourceKind::JiraAdmin => Self::JiraAdmin,
            SourceKind::AtlassianReport => Self::AtlassianReport,
            SourceKind::Forge => Self::Forge(read(stored)?),
            SourceKind::Connect => Self::Connect(read(stored)?),
            SourceKind::GooglePubsub => Self::GooglePubsub(read(stored)?),
            SourceKind::GoogleEvents => Self::GoogleEvents(read(stored)?),
            SourceKind::FirebaseFunction => Self::FirebaseFunction(read(stored)?),
        };
        settings.check()?;
        Ok(settings)
    }

    /// The kind that these settings are of.
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::JiraAdmin => SourceKind::JiraAdmin,
            Self::Forge(_) => SourceKind::Forge,
            Self::Connect(_) => SourceKind::Connect,
            Self::GooglePubsub(_) => SourceKind::GooglePubsub,
            Self::GoogleEvents(_) => SourceKind::GoogleEvents,
            Self::FirebaseFunction(_) => SourceKind::FirebaseFunction,
            Self::AtlassianReport => SourceKind::AtlassianReport,
        }
    }

    /// The Firebase project that its events speak of.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::GooglePubsub(google) | Self::GoogleEvents(google) => Some(&google.project),
            Self::FirebaseFunction(firebase) => Some(&firebase.project),
            Self::JiraAdmin | Self::Forge(_) | Self::Connect(_) | Self::AtlassianReport => None,
        }
    }

    /// As it is stored: an object.
    pub fn to_value(&self) -> Value {
        let value = match self {
            Self::JiraAdmin | Self::AtlassianReport => Ok(Value::Object(serde_json::Map::new())),
            Self::Forge(settings) => serde_json::to_value(settings),
            Self::Connect(settings) => serde_json::to_value(settings),
            Self::GooglePubsub(settings) | Self::GoogleEvents(settings) => serde_json::to_value(settings),
            Self::FirebaseFunction(settings) => serde_json::to_value(settings),
        };
        value.expect("texts and words are JSON")
    }

    /// True for settings that something can be verified with.
    pub fn check(&self) -> Result<(), BadSettings> {
        match self {
            Self::JiraAdmin | Self::AtlassianReport => Ok(()),
            Self::Forge(forge) => rule(is_app_id(&forge.app_id), "app_id", "ari:cloud:ecosystem::app/<uuid>"),
            Self::Connect(connect) => {
                let is_address = connect.base_url.starts_with("https://") && is_text(&connect.base_url);
                rule(is_address, "base_url", "the descriptor's baseUrl, beginning with https://")
            }
            Self::GooglePubsub(google) | Self::GoogleEvents(google) => {
                rule(is_text(&google.audience), "audience", "the audience that is configured at Google")?;
                let is_account = is_text(&google.email) && google.email.contains('@');
                rule(is_account, "email", "the e-mail address of the service account that signs")?;
                rule(is_project(&google.project), "project", "a Firebase project id")
            }
            Self::FirebaseFunction(firebase) => rule(is_project(&firebase.project), "project", "a Firebase project id"),
        }
    }
}

fn read<T: DeserializeOwned>(stored: &Value) -> Result<T, BadSettings> {
    T::deserialize(stored).map_err(|_| BadSettings { field: "settings", expected: "settings that this version wrote" })
}

fn rule(holds: bool, field: &'static str, expected: &'static str) -> Result<(), BadSettings> {
    if holds { Ok(()) } else { Err(BadSettings { field, expected }) }
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_app_id(text: &str) -> bool {
    text.strip_prefix("ari:cloud:ecosystem::app/").is_some_and(|id| {
        id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() && !id.bytes().any(|byte| byte.is_ascii_uppercase())
    })
}

/// Google: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. A domain may stand before it.
fn is_project(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_read_back_as_they_are_stored() {
        let google =
            json!({"audience": "https://gw.example/x", "email": "push@p.iam.gserviceaccount.com", "project": "p-1"});
        let all = [
            (SourceKind::JiraAdmin, json!({})),
            (
                SourceKind::Forge,
                json!({"app_id": "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "environment": "production"}),
            ),
            (SourceKind::Connect, json!({"base_url": "https://gw.example/webhooks/connect/acme"})),
            (SourceKind::GooglePubsub, google.clone()),
            (SourceKind::GoogleEvents, google),
            (SourceKind::FirebaseFunction, json!({"project": "demo-milestone"})),
            (SourceKind::AtlassianReport, json!({})),
        ];
        for (kind, stored) in all {
            let settings = SourceSettings::parse(kind, &stored).expect("good settings");
            assert_eq!((settings.kind(), settings.to_value()), (kind, stored));
        }
    }

    #[test]
    fn settings_that_verify_nothing_are_refused_and_the_field_is_named() {
        let refused = [
            (SourceKind::Forge, json!({"app_id": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "environment": "production"})),
            (SourceKind::Forge, json!({"app_id": "ari:cloud:ecosystem::app/x", "environment": "production"})),
            (SourceKind::Connect, json!({"base_url": "http://gw.example"})),
            (SourceKind::GooglePubsub, json!({"audience": "", "email": "a@b", "project": "p"})),
            (SourceKind::GoogleEvents, json!({"audience": "a", "email": "nobody", "project": "p"})),
            (SourceKind::FirebaseFunction, json!({"project": "Not A Project"})),
            (SourceKind::FirebaseFunction, json!({"project": "p", "secret": "x"})),
        ];
        for (kind, stored) in refused {
            assert!(SourceSettings::parse(kind, &stored).is_err(), "{kind:?} {stored}");
        }
    }
}
