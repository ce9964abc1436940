//! The payloads, and under which credential each is posted where.

use milestone_gateway::testing::domain::SourceKind::{
    self, Connect, FirebaseFunction, Forge, GoogleEvents, GooglePubsub, JiraAdmin,
};
use serde_json::Value;

use crate::harness::senders::PROJECT;

use Credential::{AtlassiansKey, ForgeToken, GoogleToken, HubSignature, InstallationsSecret, StandardWebhooks};
use Shape::{Binary, Body, Captured, Structured};

/// How a delivery proves who sends it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Credential {
    HubSignature,
    ForgeToken,
    AtlassiansKey,
    InstallationsSecret,
    GoogleToken,
    StandardWebhooks,
}

impl Credential {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::HubSignature => "HMAC of the body",
            Self::ForgeToken => "invocation token",
            Self::AtlassiansKey => "JWT, Atlassian's key",
            Self::InstallationsSecret => "JWT, installation's secret",
            Self::GoogleToken => "OIDC token",
            Self::StandardWebhooks => "Standard Webhooks",
        }
    }
}

/// How a file holds a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// The body.
    Body,
    /// The body, which is a `CloudEvent` as JSON.
    Structured,
    /// Headers and body, byte for byte as they came.
    Captured,
    /// The data of a `CloudEvent` whose attributes are headers: type and subject.
    Binary(&'static str, &'static str),
}

/// One delivery.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) file: &'static str,
    text: &'static str,
    pub(super) kind: SourceKind,
    pub(super) tail: &'static str,
    pub(super) credential: Credential,
    shape: Shape,
}

impl Sample {
    /// The Firebase project that its source is registered for: the one that it speaks of.
    pub(super) fn project(&self) -> &'static str {
        if self.text.contains("my-project-id") { "my-project-id" } else { PROJECT }
    }

    pub(super) fn note(&self) -> &'static str {
        match self.shape {
            Binary(..) => ", attributes in headers",
            Body | Structured | Captured => "",
        }
    }

    /// Headers beside the credential's own, and the body.
    pub(super) fn request(&self) -> (Vec<(String, String)>, String) {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self.shape {
            Body => (Vec::new(), self.text.to_owned()),
            Structured => (vec![header("content-type", "application/cloudevents+json")], self.text.to_owned()),
            Binary(event_type, subject) => {
                let attributes = [
                    ("content-type", "application/json"),
                    ("ce-specversion", "1.0"),
                    ("ce-id", "a-binary-event"),
                    ("ce-source", "//firebaseauth.googleapis.com/projects/demo-test"),
                    ("ce-type", event_type),
                    ("ce-subject", subject),
                    ("ce-time", "2026-11-21T18:00:00Z"),
                ];
                (attributes.map(|(name, value)| header(name, value)).to_vec(), self.text.to_owned())
            }
            Captured => captured(self.text),
        }
    }
}

/// What was captured, without what belongs to that connection and without its credential, which has expired.
fn captured(text: &str) -> (Vec<(String, String)>, String) {
    let request: Value = serde_json::from_str(text).unwrap();
    let headers = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| (header[0].as_str().unwrap().to_ascii_lowercase(), header[1].as_str().unwrap().to_owned()));
    let is_kept = |name: &str| name.starts_with("ce-") || name.starts_with("x-goog-pubsub-") || name == "content-type";
    let headers = headers.filter(|(name, _)| is_kept(name)).collect();
    (headers, request["body_raw"].as_str().unwrap().to_owned())
}

macro_rules! samples {
    ($($file:literal $kind:ident $tail:literal $credential:ident $shape:expr;)*) => {
        &[$(Sample {
            file: $file,
            text: include_str!(concat!("../../vectors/", $file)),
            kind: $kind,
            tail: $tail,
            credential: $credential,
            shape: $shape,
        }),*]
    };
}

pub(super) const SAMPLES: &[Sample] = samples! {
    "jira/user_created.json" JiraAdmin "" HubSignature Body;
    "jira/user_updated.json" JiraAdmin "" HubSignature Body;
    "jira/user_deleted.json" JiraAdmin "" HubSignature Body;
    "jira/worklog_created.json" JiraAdmin "" HubSignature Body;
    "jira/worklog_updated.json" JiraAdmin "" HubSignature Body;
    "jira/worklog_deleted.json" JiraAdmin "" HubSignature Body;
    "jira/legacy_worklog_deleted.json" JiraAdmin "" HubSignature Body;
    "jira/issue_deleted.json" JiraAdmin "" HubSignature Body;
    "jira/comment_deleted.json" JiraAdmin "" HubSignature Body;
    "forge/lifecycle_installed_remote.json" Forge "lifecycle" ForgeToken Body;
    "forge/lifecycle_installed_minimal.json" Forge "lifecycle" ForgeToken Body;
    "forge/lifecycle_upgraded.json" Forge "lifecycle" ForgeToken Body;
    "forge/pre_uninstall.json" Forge "pre-uninstall" ForgeToken Body;
    "forge/event_user_deleted.json" Forge "events" ForgeToken Body;
    "forge/event_user_updated.json" Forge "events" ForgeToken Body;
    "forge/event_worklog_deleted.json" Forge "events" ForgeToken Body;
    "forge/remote_event_retry.json" Forge "events" ForgeToken Body;
    "forge/event_confluence_user_deleted.json" Forge "events" ForgeToken Body;
    "forge/event_app_access_blocked.json" Forge "events" ForgeToken Body;
    "connect/installed.json" Connect "installed" AtlassiansKey Body;
    "connect/enabled.json" Connect "enabled" InstallationsSecret Body;
    "connect/disabled.json" Connect "disabled" InstallationsSecret Body;
    "connect/uninstalled.json" Connect "uninstalled" AtlassiansKey Body;
    "jira/user_deleted.json" Connect "webhook" InstallationsSecret Body;
    "firebase/forward_v1_created.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/forward_v1_deleted.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/forward_v2_created.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/forward_v2_deleted.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/background_created.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/background_deleted.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/background_deleted_by_user.json" FirebaseFunction "" StandardWebhooks Captured;
    "firebase/background_created_resource_text.json" FirebaseFunction "" StandardWebhooks Body;
    "firebase/background_created_split.json" FirebaseFunction "" StandardWebhooks Body;
    "firebase/cloudevent_v2_created.json" GoogleEvents "" GoogleToken Captured;
    "firebase/cloudevent_v2_deleted.json" GoogleEvents "" GoogleToken Captured;
    "firebase/cloudevent_v2_deleted_by_user.json" GoogleEvents "" GoogleToken Captured;
    "firebase/cloudevent_v1_created.json" GoogleEvents "" GoogleToken Structured;
    "firebase/bare_user.json" GoogleEvents "" GoogleToken Binary("google.firebase.auth.user.v1.deleted", "users/UUpby3s4spZre6kHsgVSPetzQ8l2");
    "google/eventarc_message_published.json" GoogleEvents "" GoogleToken Structured;
    "google/message_published.json" GoogleEvents "" GoogleToken Structured;
    "google/audit_log_entry.json" GoogleEvents "" GoogleToken Binary("google.cloud.audit.log.v1.written", "pubsub.googleapis.com/projects/test-project");
    "google/push_wrapped.json" GooglePubsub "" GoogleToken Captured;
    "google/push_wrapped_oidc.json" GooglePubsub "" GoogleToken Captured;
    "google/push_wrapped_ordered.json" GooglePubsub "" GoogleToken Captured;
    "google/push_bare_metadata.json" GooglePubsub "" GoogleToken Captured;
    "google/push_bare.json" GooglePubsub "" GoogleToken Captured;
    "google/push_duplicated_fields.json" GooglePubsub "" GoogleToken Body;
    "google/push_ordering_key.json" GooglePubsub "" GoogleToken Body;
};

/// What no sender posts to us.
pub(super) const NO_DELIVERIES: &[(&str, &str)] = &[
    ("atlassian/jira_worklog_deleted_page.json", "an answer of Jira's API"),
    ("atlassian/jira_worklog_list_request.json", "a question of ours"),
    ("atlassian/jira_worklog_list_response.json", "an answer of Jira's API"),
    ("atlassian/jira_worklog_updated_page.json", "an answer of Jira's API"),
    ("atlassian/privacy_report_request.json", "a question of ours"),
    ("atlassian/privacy_report_response_200.json", "an answer of Atlassian's API"),
    ("connect/canonical_request.json", "vectors of a hash"),
    ("connect/hs256_token.json", "a token"),
    ("connect/install_token.json", "claims of a token"),
    ("forge/invocation_claims_frontend.json", "claims of a token"),
    ("forge/invocation_claims_trigger.json", "claims of a token"),
    ("google/dead_letter_pulled.json", "an answer of Pub/Sub's API"),
    ("google/oidc_claims.json", "claims of a token"),
];
