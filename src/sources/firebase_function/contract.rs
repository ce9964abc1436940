//! What is agreed with our own forwarder function.

use serde::{Deserialize, Serialize};

use super::admit;
use crate::{
    domain::SourceKind,
    sources::{
        contract::{
            Admission, Authentication, BodySignature, Contract, Described, Events, HeaderRead, Inbound, MIB, Polling,
            Retries, Secret, SecretForm, Tenancy, nothing_brought, nothing_used_up,
        },
        firebase,
        settings::{self, BadSettings, PROJECT, Settings, SourceSettings},
    },
};

/// The bounds of the secret, decoded, in bytes (Standard Webhooks).
const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 64;

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "a forwarder function",
    word: "firebase-function",
    about: "Our forwarder function, with a Standard Webhooks secret; takes --project",
    inbound: Some(Inbound {
        route: "firebase",
        tails: &[],
        answers_handshake: false,
        headers: &[HeaderRead::Credential("webhook-signature"), HeaderRead::Prefixed("webhook-")],
        // Our own: an id and a time.
        body_bytes_max: MIB / 4,
        accepted: 200,
        retries: Retries {
            after: |status| !matches!(status, 200..=299),
            sentence: "the function fails, and Firebase would run it again for a day",
        },
        described: Described {
            operation: "deliverFirebase",
            summary: "One event that our forwarder function passes on.",
            headers: &[],
            media_types: &["application/json"],
        },
    }),
    authentication: Authentication::BodySignature(BodySignature::StandardWebhooks),
    scheme: "Standard Webhooks: HMAC-SHA256 over id, time and body",
    secret: Secret::Shared {
        bytes_min: SECRET_BYTES_MIN,
        bytes_max: SECRET_BYTES_MAX,
        form: SecretForm::StandardWebhooks,
    },
    tenancy: Tenancy::Shared,
    own_time: None,
    settings: &[PROJECT],
    read_settings: |stored| settings::read::<FirebaseSettings>(stored).map(SourceSettings::from),
    admission: Admission::Events(Events {
        admit: |received| Ok(vec![admit(received.headers, received.body)?]),
        unread: None,
        used_up: nothing_used_up,
        brought: nothing_brought,
    }),
    interpret: |stored| firebase::interpret(stored.context, stored.body, stored.project),
    polling: Polling::Never,
};

/// Our forwarder function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirebaseSettings {
    /// The Firebase project that its events must speak of.
    pub project: String,
}

impl Settings for FirebaseSettings {
    fn check(&self) -> Result<(), BadSettings> {
        settings::rule(settings::is_project(&self.project), "project", "a Firebase project id")
    }

    fn to_value(&self) -> serde_json::Value {
        settings::to_value(self)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }
}

impl From<FirebaseSettings> for SourceSettings {
    fn from(settings: FirebaseSettings) -> Self {
        Self::new(SourceKind::FirebaseFunction, settings)
    }
}
