//! What each sender would send is what its verifier here believes.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::{
    cli::{
        development::key::DevelopmentKey,
        send::{
            SendArgs,
            prepare::{Known, play},
        },
    },
    domain::{
        Headers,
        key_set::{KeyHost, PublicKey},
    },
    signature::{
        CanonicalRequest, Rejection, SecretBytes, StandardSignature,
        connect_jwt::{self, ConnectInstallExpectation},
        forge_fit::{self, ForgeEnvironment, ForgeExpectation},
        google_oidc::{self, GoogleExpectation},
        hub_hmac,
    },
    sources::{
        self, SourceSettings, atlassian_report, connect::contract::ConnectSettings,
        firebase_function::contract::FirebaseSettings, forge::contract::ForgeSettings, google::GoogleSettings,
        google_events, jira, pubsub,
    },
};

const APP_ID: &str = "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const CLOUD_ID: &str = "11111111-2222-4333-8444-555555555555";
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys/test-only-rsa-2048.private.pem");
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const BASE_URL: &str = "https://gateway.example.invalid/webhooks/connect/app";

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    args: SendArgs,
}

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_200_000_123).expect("a time")
}

fn secret() -> SecretBytes {
    SecretBytes::new(SECRET.to_vec())
}

fn public_key() -> PublicKey {
    static PEM: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let key = DevelopmentKey::read(KEY_FILE.as_ref()).expect("the committed key");
        key.public_pem().expect("PEM").into_bytes()
    });
    PublicKey::RsaPem(PEM.clone())
}

fn forge() -> SourceSettings {
    SourceSettings::from(ForgeSettings { app_id: APP_ID.to_owned(), environment: ForgeEnvironment::Production })
}

fn google(make: fn(GoogleSettings) -> SourceSettings) -> SourceSettings {
    make(GoogleSettings {
        audience: "https://gateway.example.invalid/push".to_owned(),
        email: "push@demo-test.iam.gserviceaccount.com".to_owned(),
        project: "demo-test".to_owned(),
    })
}

fn connect_app() -> SourceSettings {
    SourceSettings::from(ConnectSettings { base_url: BASE_URL.to_owned() })
}

fn playing(settings: SourceSettings, more: &[&str], body: &str) -> anyhow::Result<Play> {
    let typed = ["send", "--source", "acme", "--payload", "-"].iter().chain(more);
    let args = Typed::try_parse_from(typed)?.args;
    let known = Known { settings, secret: Some(secret()), now: now() };
    play(&args, known, body.as_bytes().to_vec(), &Fixed(7))
}

fn sent(settings: SourceSettings, more: &[&str], body: &str) -> Delivery {
    let signing: &[&str] = match settings.kind() {
        SourceKind::JiraAdmin | SourceKind::FirebaseFunction => &[],
        _ => &["--development-key", KEY_FILE],
    };
    let more: Vec<&str> = signing.iter().chain(more).copied().collect();
    playing(settings, &more, body).and_then(|play| play.delivery(0, now(), &Fixed(7))).expect("a delivery")
}

fn rejection_of(settings: SourceSettings, more: &[&str], body: &str) -> String {
    playing(settings, more, body).err().expect("it is refused").to_string()
}

impl Delivery {
    fn headers(&self) -> Headers {
        self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

#[test]
fn jira_signs_the_bytes_that_are_sent_and_a_retry_says_that_it_is_one() {
    let delivery = sent(jira::contract::settings(), &["--timestamp-now", "--event-id", "evt-1"], r#"{"timestamp":1}"#);
    assert_eq!(delivery.body, br#"{"timestamp":1790200000123}"#);
    assert_eq!(delivery.url.path(), "/webhooks/jira/acme");
    let names = |delivery: &Delivery| delivery.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(
        names(&delivery),
        ["Content-Type", "User-Agent", "X-Atlassian-Webhook-Identifier", "X-Atlassian-Webhook-Flow", "X-Hub-Signature"]
    );
    assert_eq!(delivery.header("X-Hub-Signature"), Some(hub_hmac::sign(&secret(), &delivery.body).as_str()));
    let play = playing(jira::contract::settings(), &[], "{}").expect("a sender");
    let retry = play.delivery(2, now(), &Fixed(7)).expect("a retry");
    assert_eq!(names(&retry).last(), Some(&"X-Atlassian-Webhook-Retry"));
}

#[test]
fn every_sender_can_send_no_proof_a_wrong_one_and_one_that_was_typed() {
    let body = r#"{"clientKey":"key-of-tenant"}"#;
    let all: [(SourceSettings, &[&str], &str); 7] = [
        (jira::contract::settings(), &[], "x-hub-signature"),
        (SourceSettings::from(FirebaseSettings { project: "p".to_owned() }), &[], "webhook-signature"),
        (forge(), &["--tenant-key", CLOUD_ID], "authorization"),
        (connect_app(), &["--route", "installed"], "authorization"),
        (connect_app(), &["--route", "enabled"], "authorization"),
        (google(pubsub::contract::settings), &[], "authorization"),
        (google(google_events::contract::settings), &[], "authorization"),
    ];
    for (settings, options, header) in all {
        let with = |how: &str| {
            let options: Vec<&str> = options.iter().copied().chain(["--signature", how]).collect();
            sent(settings.clone(), &options, body)
        };
        let kind = settings.kind();
        assert_eq!(with("none").header(header), None, "{kind:?}");
        assert_eq!(with("md5=1").header(header), Some("md5=1"), "{kind:?}");
        let (wrong, good) = (with("wrong"), with("good"));
        let wrong = wrong.header(header).expect("a proof");
        assert_ne!(Some(wrong), good.header(header), "{kind:?}");
        assert_eq!(Some(wrong.len()), good.header(header).map(str::len), "{kind:?}: as well formed as the good one");
    }
}

#[test]
fn the_forwarder_signs_id_and_present_time_and_a_retry_keeps_its_id() {
    let settings = SourceSettings::from(FirebaseSettings { project: "demo-test".to_owned() });
    let play = playing(settings, &["--event-id", "evt-1"], "{}").expect("a sender");
    for (retry, at) in [(0, now()), (1, now() + jiff::SignedDuration::from_mins(9))] {
        let delivery = play.delivery(retry, at, &Fixed(7)).expect("a delivery");
        assert_eq!((delivery.url.path(), delivery.header("webhook-id")), ("/webhooks/firebase/acme", Some("evt-1")));
        let mut verifier = StandardSignature::begin(&delivery.headers(), &[secret()], at).expect("well formed, of now");
        verifier.update(&delivery.body);
        assert!(verifier.finish().is_ok());
    }
}

#[test]
fn a_forge_call_carries_a_token_that_the_verifier_believes_and_the_body_agrees_with() {
    let body = include_str!("../../../../tests/vectors/forge/lifecycle_installed_remote.json");
    let installation = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e";
    let options =
        ["--tenant-key", CLOUD_ID, "--route", "lifecycle", "--installation", installation, "--token-id", "once"];
    let delivery = sent(forge(), &options, body);
    assert_eq!(delivery.url.path(), "/webhooks/forge/acme/lifecycle");
    let expected = ForgeExpectation {
        app_id: APP_ID.to_owned(),
        environment: ForgeEnvironment::Production,
        key_host: KeyHost::ForgeProduction,
    };
    let pending = forge_fit::begin(&delivery.headers(), &expected).expect("a token");
    let caller = pending.finish(&public_key(), &expected, now()).expect("a token of ours");
    assert_eq!((caller.cloud_id.as_str(), caller.installation_id.as_str()), (CLOUD_ID, installation));
    assert_eq!((caller.module_key.as_str(), caller.token.id.as_str()), ("gateway-lifecycle", "once"));
    assert!(sources::forge::admit(&caller, "lifecycle", &delivery.body).is_ok());
}

#[test]
fn every_address_of_a_forge_app_is_called_and_each_attempt_has_a_token_of_its_own() {
    let claims_of = |delivery: &Delivery| {
        let token = delivery.header("authorization").expect("a token").to_owned();
        let claims = token.split('.').nth(1).expect("claims").to_owned();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        serde_json::from_slice::<Value>(&bytes).expect("JSON")
    };
    for route in ["events", "lifecycle", "pre-uninstall", "heartbeat"] {
        let delivery = sent(forge(), &["--tenant-key", CLOUD_ID, "--route", route], "{}");
        assert_eq!(delivery.url.path(), format!("/webhooks/forge/acme/{route}"));
        let claims = claims_of(&delivery);
        assert_eq!(claims["app"]["module"]["key"], format!("gateway-{route}"));
        assert_eq!((claims["exp"].as_i64(), claims["iat"].as_i64()), (Some(1_790_200_025), Some(1_790_200_000)));
        let again = sent(forge(), &["--tenant-key", CLOUD_ID, "--route", route], "{}");
        assert_eq!(claims["app"], claims_of(&again)["app"], "the same site, the same installation");
    }
    let options = ["--tenant-key", CLOUD_ID, "--development-key", KEY_FILE];
    let play = playing(forge(), &options, "{}").expect("a sender");
    let (first, second) = (play.delivery(0, now(), &Fixed(7)), play.delivery(1, now(), &Fixed(9)));
    assert_ne!(claims_of(&first.expect("one"))["jti"], claims_of(&second.expect("another"))["jti"]);
}

#[test]
fn a_wrapped_push_and_a_bare_one_carry_the_same_message() {
    let options = ["--event-id", "42", "--ce-type", "google.firebase.auth.user.v1.deleted"];
    let wrapped = sent(google(pubsub::contract::settings), &options, r#"{"uid":"u"}"#);
    assert_eq!(wrapped.url.path(), "/webhooks/pubsub/acme");
    let message = &wrapped.json()["message"];
    assert_eq!(message["data"], STANDARD.encode(r#"{"uid":"u"}"#));
    assert_eq!((&message["messageId"], &message["message_id"]), (&json!("42"), &json!("42")));
    let bare: Vec<&str> = options.iter().copied().chain(["--unwrapped"]).collect();
    let bare = sent(google(pubsub::contract::settings), &bare, r#"{"uid":"u"}"#);
    assert_eq!(bare.body, br#"{"uid":"u"}"#);
    assert_eq!(bare.header("x-goog-pubsub-message-id"), Some("42"));
    let admitted = |delivery: &Delivery| pubsub::admit(&delivery.headers(), &delivery.body).expect("a message");
    assert_eq!(admitted(&wrapped), admitted(&bare));
}

#[test]
fn googles_token_is_for_the_registered_audience_and_account() {
    let expected = GoogleExpectation {
        audience: "https://gateway.example.invalid/push".to_owned(),
        email: "push@demo-test.iam.gserviceaccount.com".to_owned(),
    };
    for make in [pubsub::contract::settings, google_events::contract::settings] {
        let delivery = sent(google(make), &[], "{}");
        let pending = google_oidc::begin(&delivery.headers()).expect("a token");
        assert_eq!(pending.finish(&public_key(), &expected, now()), Ok(()));
    }
    let wrong = sent(google(pubsub::contract::settings), &["--signature", "wrong"], "{}");
    let pending = google_oidc::begin(&wrong.headers()).expect("a token");
    assert_eq!(pending.finish(&public_key(), &expected, now()), Err(Rejection::Mismatch));
}

#[test]
fn a_cloudevent_is_binary_with_attributes_and_structured_without() {
    let source = "//identitytoolkit.googleapis.com/projects/demo-test";
    let attributes =
        ["--ce-type", "google.firebase.auth.user.v2.deleted", "--ce-source", source, "--ce-subject", "users/\u{fc} %"];
    let options: Vec<&str> = attributes.iter().copied().chain(["--event-id", "evt-1"]).collect();
    let binary = sent(google(google_events::contract::settings), &options, r#"{"oldValue":{"uid":"u"}}"#);
    assert_eq!(binary.url.path(), "/webhooks/cloudevents/acme");
    assert_eq!(binary.header("ce-subject"), Some("users/%C3%BC%20%25"));
    let body = json!({
        "specversion": "1.0", "id": "other", "source": source, "type": "google.firebase.auth.user.v2.deleted",
        "subject": "users/\u{fc} %", "data": {"oldValue": {"uid": "u"}},
    });
    let structured = sent(google(google_events::contract::settings), &["--event-id", "evt-1"], &body.to_string());
    assert_eq!(structured.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    let identifier = |delivery: &Delivery| {
        let admitted = google_events::admit(&delivery.headers(), &delivery.body).expect("an event");
        admitted.first().and_then(|event| event.identifier.clone())
    };
    assert_eq!(identifier(&binary), identifier(&structured));
    let untouched = sent(google(google_events::contract::settings), &[], &body.to_string());
    assert_eq!(untouched.body, body.to_string().into_bytes());
}

#[test]
fn a_connect_app_is_installed_under_the_key_and_called_under_the_installations_secret() {
    let body = include_str!("../../../../tests/vectors/connect/installed.json");
    for route in ["installed", "uninstalled", "enabled", "disabled", "webhook"] {
        let delivery = sent(connect_app(), &["--route", route], body);
        assert_eq!(delivery.url.path(), format!("/webhooks/connect/acme/{route}"));
        let request = CanonicalRequest::new("POST", &format!("/{route}"), "");
        let caller = if sources::connect::is_signed_by_atlassian(route) {
            let expected = ConnectInstallExpectation { base_url: BASE_URL.to_owned() };
            let pending = connect_jwt::begin_install(&delivery.headers()).expect("a token");
            pending.finish(&public_key(), &expected, &request, now())
        } else {
            let pending = connect_jwt::begin_tenant(&delivery.headers(), "").expect("a token");
            pending.finish(&[secret()], &request, now())
        };
        assert_eq!(caller.expect("a caller").client_key, "unique-client-identifier", "{route}");
        assert_eq!(delivery.header("X-Atlassian-Webhook-Identifier").is_some(), route == "webhook");
    }
    let named = sent(connect_app(), &["--route", "webhook", "--installation", "another"], "{}");
    let pending = connect_jwt::begin_tenant(&named.headers(), "").expect("a token");
    assert_eq!(pending.claimed_client_key(), "another");
}

#[test]
fn what_a_sender_needs_and_what_it_does_not_know_is_said_by_name() {
    assert!(rejection_of(forge(), &[], "{}").starts_with("--tenant-key is needed"));
    assert!(rejection_of(connect_app(), &[], "{}").starts_with("--route is needed"));
    assert!(rejection_of(connect_app(), &["--route", "webhook"], "{}").starts_with("--installation is needed"));
    assert_eq!(rejection_of(connect_app(), &["--route", "events"], "{}"), "a Connect app has no such --route");
    let with_type = ["--ce-type", "t"];
    assert!(
        rejection_of(google(google_events::contract::settings), &with_type, "{}").starts_with("--ce-source is needed")
    );
    let foreign = rejection_of(jira::contract::settings(), &["--route", "events", "--unwrapped"], "{}");
    assert_eq!(foreign, "a source of kind jira_admin knows no --route, --unwrapped");
    assert_eq!(
        rejection_of(atlassian_report::contract::settings(), &[], "{}"),
        "nobody sends to a source of this kind"
    );
}
