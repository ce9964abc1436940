//! What is agreed with Jira about the webhooks that an administrator registers.

use super::{body_timestamp, delivery_identifier, interpret};
use crate::{
    domain::SourceKind,
    sources::{
        contract::{
            Admission, Authentication, BODY_BYTES_MAX, BodySignature, Contract, Described, DescribedHeader, HeaderRead,
            Inbound, Polling, Retries, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret, SecretForm, Tenancy,
        },
        settings::{NoSettings, SourceSettings},
    },
};

/// `X-Hub-Signature`, as headers are kept.
const SIGNATURE: &str = "x-hub-signature";
/// `X-Atlassian-Webhook-Identifier`, as headers are kept.
pub(in crate::sources) const IDENTIFIER: &str = "x-atlassian-webhook-identifier";

/// After which answers Jira sends again, for a Connect app's webhooks too.
pub(in crate::sources) const RETRIES: Retries = Retries {
    after: |status| matches!(status, 408 | 409 | 425 | 429 | 500..=599),
    sentence: "Jira would send it again, up to 5 times, 5 to 15 minutes apart",
};

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "a Jira webhook",
    word: "jira-admin",
    about: "A webhook that a Jira administrator registers, with a secret",
    inbound: Some(Inbound {
        route: "jira",
        tails: &[],
        answers_handshake: false,
        headers: &[HeaderRead::Credential(SIGNATURE), HeaderRead::Named(IDENTIFIER)],
        body_bytes_max: BODY_BYTES_MAX,
        accepted: 200,
        retries: RETRIES,
        described: Described {
            operation: "deliverJira",
            summary: "One delivery of a webhook that a Jira administrator registered.",
            headers: &[DescribedHeader {
                name: "X-Atlassian-Webhook-Identifier",
                description: "Stays the same when a delivery is repeated. Without it the body's digest tells repetitions.",
                length_max: super::DELIVERY_IDENTIFIER_BYTES_MAX,
            }],
            media_types: &["application/json"],
        },
    }),
    authentication: Authentication::BodySignature(BodySignature::HubHmac),
    scheme: "X-Hub-Signature: HMAC-SHA256 over the body",
    secret: Secret::Shared { bytes_min: SECRET_BYTES_MIN, bytes_max: SECRET_BYTES_MAX, form: SecretForm::Plain },
    tenancy: Tenancy::OfRegistration,
    own_time: Some(body_timestamp),
    settings: &[],
    read_settings: |_| Ok(settings()),
    admission: Admission::Whole { signature: SIGNATURE, identifier: IDENTIFIER, believed: delivery_identifier },
    interpret: |stored| interpret(stored.body, stored.site_host),
    polling: Polling::Worklogs,
};

/// The settings of a registration: nothing.
pub fn settings() -> SourceSettings {
    SourceSettings::new(SourceKind::JiraAdmin, NoSettings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reply::SenderReply;

    #[test]
    fn jira_is_asked_to_repeat_only_what_we_could_not_do() {
        let reply_status = |reply| CONTRACT.reply_status(reply);
        assert_eq!(reply_status(SenderReply::Accepted), (200, None));
        assert_eq!(reply_status(SenderReply::Unauthorized), (401, None));
        assert_eq!(reply_status(SenderReply::Unavailable { retry_after_seconds: 7 }), (503, Some(7)));
        assert_eq!(reply_status(SenderReply::TooLarge), (413, None));
        assert_eq!(reply_status(SenderReply::TooSlow), (408, None));
    }
}
