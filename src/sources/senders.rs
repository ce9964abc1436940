//! The one list of all senders. A new one is a line here; everything else of it stands in its own files.

use serde_json::Value;

use super::{
    atlassian_report, connect,
    contract::{Contract, HeaderRead},
    firebase_function, forge, google_events, jira, pubsub,
    settings::{BadSettings, SourceSettings},
};
use crate::domain::{SourceKind, reply::SenderReply};

/// What is agreed with senders of a kind.
pub fn contract(kind: SourceKind) -> &'static Contract {
    match kind {
        SourceKind::JiraAdmin => &jira::contract::CONTRACT,
        SourceKind::Forge => &forge::contract::CONTRACT,
        SourceKind::Connect => &connect::contract::CONTRACT,
        SourceKind::GooglePubsub => &pubsub::contract::CONTRACT,
        SourceKind::GoogleEvents => &google_events::contract::CONTRACT,
        SourceKind::FirebaseFunction => &firebase_function::contract::CONTRACT,
        SourceKind::AtlassianReport => &atlassian_report::contract::CONTRACT,
    }
}

/// Every kind with its contract.
pub fn contracts() -> impl Iterator<Item = (SourceKind, &'static Contract)> {
    SourceKind::ALL.into_iter().map(|kind| (kind, contract(kind)))
}

/// The kind that is served under this part of the route.
#[cfg(test)]
fn of_route(part: &str) -> Option<SourceKind> {
    contracts()
        .find(|(_, contract)| contract.inbound.as_ref().is_some_and(|inbound| inbound.route == part))
        .map(|(kind, _)| kind)
}

/// The status and the seconds of `Retry-After` for an answer to a sender of this kind.
pub fn reply_status(kind: SourceKind, reply: SenderReply) -> (u16, Option<u32>) {
    contract(kind).reply_status(reply)
}

/// Every header that some sender's contract reads.
pub fn headers_read() -> impl Iterator<Item = HeaderRead> {
    contracts()
        .filter_map(|(_, contract)| contract.inbound.as_ref())
        .flat_map(|inbound| inbound.headers.iter().copied())
}

/// True for a header, by its lower-case name, that is a credential for some sender: it is never kept with an event.
pub fn is_credential(header: &str) -> bool {
    headers_read().any(|read| matches!(read, HeaderRead::Credential(name) if name == header))
}

impl SourceSettings {
    /// Reads stored settings. Fails for what this version did not write.
    pub fn parse(kind: SourceKind, stored: &Value) -> Result<Self, BadSettings> {
        let settings = (contract(kind).read_settings)(stored)?;
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::sources::contract::{Admission, Authentication, BODY_BYTES_MAX};

    #[test]
    fn every_kind_that_receives_is_found_again_by_its_route() {
        for (kind, contract) in contracts() {
            if let Some(inbound) = &contract.inbound {
                assert_eq!(of_route(inbound.route), Some(kind));
            }
        }
        assert_eq!(of_route("elsewhere"), None);
    }

    #[test]
    fn every_contract_agrees_with_itself() {
        let words: BTreeSet<_> = contracts().map(|(_, contract)| contract.word).collect();
        assert_eq!(words.len(), SourceKind::ALL.len(), "each kind has a word of its own");
        for (kind, contract) in contracts() {
            assert_eq!(contract.word, kind.as_str().replace('_', "-"));
            let receives = contract.inbound.is_some();
            assert_eq!(receives, !matches!(contract.authentication, Authentication::Nothing), "{kind:?}");
            assert_eq!(receives, !matches!(contract.admission, Admission::Nothing), "{kind:?}");
            let bound = contract.inbound.as_ref().map_or(0, |inbound| inbound.body_bytes_max);
            assert!(bound <= BODY_BYTES_MAX, "{kind:?}: the edge refuses what is larger");
            for option in contract.settings {
                assert_eq!(option.option, option.field.replace('_', "-"), "{kind:?}");
            }
        }
    }

    #[test]
    fn no_credential_is_kept() {
        for header in ["authorization", "x-forge-oauth-system", "x-hub-signature", "webhook-signature"] {
            assert!(is_credential(header), "{header}");
        }
        assert!(!is_credential("webhook-id") && !is_credential("content-type"));
    }

    #[test]
    fn what_was_accepted_is_answered_as_each_contract_wants_it() {
        for kind in SourceKind::ALL {
            let is_googles = matches!(kind, SourceKind::GooglePubsub | SourceKind::GoogleEvents);
            let expected = if is_googles { 204 } else { 200 };
            assert_eq!(reply_status(kind, SenderReply::Accepted), (expected, None), "{}", kind.as_str());
        }
    }

    #[test]
    fn rejections_and_inabilities_look_the_same_for_every_sender() {
        for kind in SourceKind::ALL {
            assert_eq!(reply_status(kind, SenderReply::Unauthorized), (401, None));
            assert_eq!(reply_status(kind, SenderReply::Unavailable { retry_after_seconds: 7 }), (503, Some(7)));
            assert_eq!(reply_status(kind, SenderReply::TooLarge), (413, None));
            assert_eq!(reply_status(kind, SenderReply::TooSlow), (408, None));
        }
    }

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
            assert_eq!((settings.kind(), settings.to_value()), (kind, stored.clone()));
            let options: BTreeSet<_> = contract(kind).settings.iter().map(|option| option.field).collect();
            let fields: BTreeSet<_> = stored.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(options, fields, "{kind:?}: an option for each field");
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
