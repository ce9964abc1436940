//! What is agreed with Eventarc and other senders of `CloudEvents` at Google.

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
    called: "a sender of CloudEvents",
    word: "google-events",
    about: "`CloudEvents`, as Eventarc sends them; takes --audience, --email and --project",
    inbound: Some(Inbound {
        route: "cloudevents",
        tails: &[],
        answers_handshake: true,
        headers: &[
            HeaderRead::Credential("authorization"),
            HeaderRead::Named("content-type"),
            HeaderRead::Prefixed("ce-"),
        ],
        // Google: 512 KiB for one event; a batch has several.
        body_bytes_max: 4 * MIB,
        accepted: 204,
        retries: google::RETRIES,
        described: Described {
            operation: "deliverCloudEvents",
            summary: "CloudEvents 1.0, binary, structured or a batch.",
            headers: &[],
            media_types: &["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"],
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

/// The settings of a trigger.
pub fn settings(google: GoogleSettings) -> SourceSettings {
    SourceSettings::new(SourceKind::GoogleEvents, google)
}
