//! What is agreed with Google's services, whatever they push: their OIDC token, their settings, when they send again.

use serde::{Deserialize, Serialize};

use super::{
    contract::{Authentication, Retries, TokenScheme},
    settings::{self, BadSettings, PROJECT, SettingOption, Settings, SourceSettings},
};
use crate::signature::google_oidc::GoogleExpectation;

/// Google's token, for exactly the audience and account of the settings.
pub(super) const AUTHENTICATION: Authentication = Authentication::Token(TokenScheme::GoogleOidc { expected });
/// The same in words.
pub(super) const SCHEME: &str = "OIDC token: RS256, Google's keys";

/// Everything that does not acknowledge.
pub(super) const RETRIES: Retries = Retries {
    after: |status| !matches!(status, 102 | 200 | 201 | 202 | 204),
    sentence: "Google would send it again, with growing pauses, as long as the subscription keeps messages",
};

/// The options of `sources add`.
pub(super) const OPTIONS: &[SettingOption] = &[
    SettingOption {
        field: "audience",
        option: "audience",
        value_name: "TEXT",
        help: "The audience that is configured at Google",
        words: &[],
    },
    SettingOption {
        field: "email",
        option: "email",
        value_name: "ACCOUNT",
        help: "The service account that signs Google's tokens",
        words: &[],
    },
    PROJECT,
];

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

impl Settings for GoogleSettings {
    fn check(&self) -> Result<(), BadSettings> {
        settings::rule(settings::is_text(&self.audience), "audience", "the audience that is configured at Google")?;
        let is_account = settings::is_text(&self.email) && self.email.contains('@');
        settings::rule(is_account, "email", "the e-mail address of the service account that signs")?;
        settings::rule(settings::is_project(&self.project), "project", "a Firebase project id")
    }

    fn to_value(&self) -> serde_json::Value {
        settings::to_value(self)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }
}

fn expected(settings: &SourceSettings) -> Option<GoogleExpectation> {
    let GoogleSettings { audience, email, .. } = settings.get()?;
    Some(GoogleExpectation { audience: audience.clone(), email: email.clone() })
}
