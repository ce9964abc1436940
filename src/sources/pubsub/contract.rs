//! What is agreed with Pub/Sub about its pushes.

use super::admit;
use crate::{
    domain::SourceKind,
    sources::{
        contract::{
            Admission, Contract, Described, Events, HeaderRead, Inbound, MIB, Polling, Secret, Tenancy,
            nothing_brought, nothing_used_up,
        },
        firebase,
        google::{self, GoogleSettings},
        settings::{self as stored_settings, SourceSettings},
    },
};

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "a Pub/Sub subscription",
    word: "google-pubsub",
    about: "Pub/Sub push; takes --audience, --email and --project",
    inbound: Some(Inbound {
        route: "pubsub",
        tails: &[],
        answers_handshake: false,
        headers: &[
            HeaderRead::Credential("authorization"),
            HeaderRead::Named("content-type"),
            HeaderRead::Prefixed("ce-"),
            HeaderRead::Prefixed("x-goog-pubsub-"),
        ],
        // Google: 10 MB for one message, in base64.
        body_bytes_max: 14 * MIB,
        accepted: 204,
        retries: google::RETRIES,
        described: Described {
            operation: "deliverPubsub",
            summary: "One Pub/Sub push, wrapped or unwrapped.",
            headers: &[],
            media_types: &["application/json"],
        },
    }),
    authentication: google::AUTHENTICATION,
    scheme: google::SCHEME,
    secret: Secret::None,
    tenancy: Tenancy::Shared,
    own_time: None,
    settings: google::OPTIONS,
    read_settings: |stored| stored_settings::read(stored).map(settings),
    admission: Admission::Events(Events {
        admit: |received| admit(received.headers, received.body),
        unread: None,
        used_up: nothing_used_up,
        brought: nothing_brought,
    }),
    interpret: |stored| firebase::interpret(stored.context, stored.body, stored.project),
    polling: Polling::Never,
};

/// The settings of a subscription.
pub fn settings(google: GoogleSettings) -> SourceSettings {
    SourceSettings::new(SourceKind::GooglePubsub, google)
}
