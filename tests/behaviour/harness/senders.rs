//! The other senders, as far as the gateway can tell: claims, tokens, signatures and deliveries, all of the world's time.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use milestone_gateway::testing::{
    app::{
        intake::{
            accept_event,
            delivery::{Accepted, Delivery as Arrival},
        },
        registry::{self, Registration},
    },
    domain::{Headers, SourceKind},
    signature::{CanonicalRequest, SecretBytes, StandardSecret, forge_fit::ForgeEnvironment, issue, standard_webhooks},
    sources::{
        SourceSettings, connect::contract::ConnectSettings, contract, firebase_function::contract::FirebaseSettings,
        forge::contract::ForgeSettings, google::GoogleSettings, google_events, pubsub,
    },
};
use serde_json::{Value, json};

use super::{
    Tenant, World,
    key_server::{KEY_ID, PRIVATE_PEM},
};

/// Our app, as in the payloads that Atlassian documents.
pub(crate) const APP: &str = "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
pub(crate) const INSTALLATION: &str = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e";
/// The project of the captured payloads.
pub(crate) const PROJECT: &str = "demo-test";
pub(crate) const AUDIENCE: &str = "https://gateway.example.invalid/push";
pub(crate) const ACCOUNT: &str = "push@demo-test.iam.gserviceaccount.com";
pub(crate) const BASE_URL: &str = "https://gateway.example.invalid/webhooks/connect/connect";
pub(crate) const CLIENT_KEY: &str = "unique-client-identifier";
/// What the documented installation brings.
pub(crate) const SHARED_SECRET: &str = "REPLACE-ME-SYNTHETIC";
const FORWARDER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One HTTP attempt of any sender.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) kind: SourceKind,
    pub(crate) source: String,
    /// What stands after the source's name in the path.
    pub(crate) tail: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn new(kind: SourceKind, source: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { kind, source: source.to_owned(), tail: String::new(), headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn at(self, tail: &str) -> Self {
        Self { tail: tail.to_owned(), ..self }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The path that it is posted to.
    pub(crate) fn path(&self) -> String {
        let route = contract(self.kind).inbound.as_ref().expect("a kind that receives").route;
        let tail = if self.tail.is_empty() { String::new() } else { format!("/{}", self.tail) };
        format!("/webhooks/{route}/{}{tail}", self.source)
    }
}

pub(crate) fn forwarder_secret() -> SecretBytes {
    StandardSecret::parse(FORWARDER_SECRET).unwrap()
}

pub(crate) fn rs256(claims: &Value) -> String {
    issue::sign_rs256(claims, KEY_ID, PRIVATE_PEM).unwrap()
}

/// The claims of a Forge call from this site, good for 25 seconds.
pub(crate) fn forge_claims(cloud_id: &str, now: Timestamp, token_id: &str) -> Value {
    let documented = include_str!("../../vectors/forge/invocation_claims_trigger.json");
    let documented = documented.replace("11111111-2222-4333-8444-555555555555", cloud_id);
    let mut claims: Value = serde_json::from_str(&documented).unwrap();
    let now = now.as_second();
    claims["iat"] = json!(now);
    claims["nbf"] = json!(now);
    claims["exp"] = json!(now + 25);
    claims["jti"] = json!(token_id);
    claims
}

pub(crate) fn google_claims(now: Timestamp) -> Value {
    let now = now.as_second();
    json!({"iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "113774264463038321964",
           "sub": "113774264463038321964", "email": ACCOUNT, "email_verified": true, "iat": now, "exp": now + 3_600})
}

/// The claims of a call to this address below the app's own.
pub(crate) fn connect_claims(tail: &str, now: Timestamp) -> Value {
    let now = now.as_second();
    json!({"iss": CLIENT_KEY, "aud": [BASE_URL], "iat": now, "exp": now + 180,
           "qsh": CanonicalRequest::new("POST", &format!("/{tail}"), "").hash()})
}

pub(crate) fn forge_event(event_type: &str, at: Timestamp, what: &Value) -> Value {
    let mut event = what.clone();
    event["eventType"] = json!(event_type);
    event["timestamp"] = json!(at.as_millisecond().to_string());
    event["selfGenerated"] = json!(false);
    event
}

/// What our forwarder function sends for a person's account, as its first generation does.
pub(crate) fn background_event(what: &str, uid: &str, at: Timestamp) -> Value {
    json!({"user": {"uid": uid, "email": "somebody@example.invalid"},
           "context": {"eventId": format!("background-{uid}-{what}-{}", at.as_second()),
                       "eventType": format!("google.firebase.auth.user.{what}"),
                       "resource": {"service": "firebaseauth.googleapis.com", "name": format!("projects/{PROJECT}")},
                       "timestamp": at.to_string()}})
}

/// The same as an event of the second generation.
pub(crate) fn cloud_event(what: &str, uid: &str, at: Timestamp) -> Value {
    let data = if what == "deleted" { json!({"oldValue": {"uid": uid}}) } else { json!({"value": {"uid": uid}}) };
    json!({"specversion": "1.0", "id": format!("cloud-{uid}-{what}-{}", at.as_second()),
           "source": format!("//identitytoolkit.googleapis.com/projects/{PROJECT}"),
           "type": format!("google.firebase.auth.user.v2.{what}"), "subject": format!("users/{uid}"),
           "time": at.to_string(), "data": data})
}

impl World {
    pub(crate) async fn a_forge_source(&self) -> String {
        let settings = ForgeSettings { app_id: APP.to_owned(), environment: ForgeEnvironment::Production };
        self.registers(&Registration::of("forge", None, settings.into())).await
    }

    pub(crate) async fn a_connect_source(&self) -> String {
        let settings = ConnectSettings { base_url: BASE_URL.to_owned() };
        self.registers(&Registration::of("connect", None, settings.into())).await
    }

    pub(crate) async fn a_pubsub_source(&self, tenant: Option<&Tenant>) -> String {
        let settings = pubsub::contract::settings(google_settings(PROJECT));
        self.registers(&Registration::of("pubsub", tenant.map(|tenant| tenant.key.as_str()), settings)).await
    }

    pub(crate) async fn a_cloudevents_source(&self, tenant: Option<&Tenant>) -> String {
        self.a_cloudevents_source_of(PROJECT, tenant).await
    }

    pub(crate) async fn a_cloudevents_source_of(&self, project: &str, tenant: Option<&Tenant>) -> String {
        let settings = google_events::contract::settings(google_settings(project));
        self.registers(&Registration::of("cloudevents", tenant.map(|tenant| tenant.key.as_str()), settings)).await
    }

    /// Our forwarder function, of one tenant or of all.
    pub(crate) async fn a_firebase_source(&self, tenant: Option<&Tenant>) -> String {
        self.a_firebase_source_of(PROJECT, tenant).await
    }

    pub(crate) async fn a_firebase_source_of(&self, project: &str, tenant: Option<&Tenant>) -> String {
        let settings = SourceSettings::from(FirebaseSettings { project: project.to_owned() });
        let secret = forwarder_secret();
        let registration = Registration::of("firebase", tenant.map(|tenant| tenant.key.as_str()), settings);
        self.registers(&Registration { secret: Some(&secret), ..registration }).await
    }

    async fn registers(&self, registration: &Registration<'_>) -> String {
        registry::register(&self.gateway, &self.tester, registration).await.unwrap();
        registration.name.to_owned()
    }

    /// A number that nobody had before.
    pub(crate) fn next_number(&self) -> u64 {
        self.deliveries.fetch_add(1, Ordering::Relaxed)
    }

    /// A call of our Forge app on this site, under a token of its own.
    pub(crate) fn forge_post(&self, cloud_id: &str, tail: &str, body: impl Into<Vec<u8>>) -> Post {
        let claims = forge_claims(cloud_id, self.gateway.now(), &format!("token-{}", self.next_number()));
        self.forge_post_as(&claims, tail, body)
    }

    #[expect(clippy::unused_self, reason = "reads as what the world's Forge does")]
    pub(crate) fn forge_post_as(&self, claims: &Value, tail: &str, body: impl Into<Vec<u8>>) -> Post {
        let post = Post::new(SourceKind::Forge, "forge", body).at(tail);
        post.with("authorization", format!("Bearer {}", rs256(claims)))
    }

    /// A call from Google under its token.
    pub(crate) fn google_post(&self, kind: SourceKind, body: impl Into<Vec<u8>>) -> Post {
        let source = if kind == SourceKind::GooglePubsub { "pubsub" } else { "cloudevents" };
        let token = rs256(&google_claims(self.gateway.now()));
        Post::new(kind, source, body).with("authorization", format!("Bearer {token}"))
    }

    /// Our forwarder function tells something, under an id of its own.
    pub(crate) fn firebase_post(&self, body: impl Into<Vec<u8>>) -> Post {
        let id = format!("message-{}", self.next_number());
        firebase_post_as(&id, self.gateway.now(), &forwarder_secret(), body)
    }

    /// A call that Atlassian signs: `installed` and `uninstalled`.
    pub(crate) fn connect_install_post(&self, tail: &str, body: impl Into<Vec<u8>>) -> Post {
        let token = rs256(&connect_claims(tail, self.gateway.now()));
        Post::new(SourceKind::Connect, "connect", body).at(tail).with("authorization", format!("JWT {token}"))
    }

    /// A call that is signed with the secret of the installation.
    pub(crate) fn connect_post(&self, tail: &str, body: impl Into<Vec<u8>>) -> Post {
        let secret = SecretBytes::new(SHARED_SECRET.as_bytes().to_vec());
        let token = issue::sign_hs256(&connect_claims(tail, self.gateway.now()), &secret).unwrap();
        Post::new(SourceKind::Connect, "connect", body).at(tail).with("authorization", format!("JWT {token}"))
    }

    /// Somebody posts something, in three pieces.
    pub(crate) async fn receives(&self, post: &Post) -> Accepted {
        let mut headers = Headers::default();
        post.headers.iter().for_each(|(name, value)| headers.push(name, value));
        let arrival = Arrival {
            kind: post.kind,
            source: post.source.clone(),
            tail: post.tail.clone(),
            query: String::new(),
            headers,
        };
        let mut arriving = match accept_event::begin(self.gateway.intake(), arrival).await {
            Ok(arriving) => arriving,
            Err(accepted) => return accepted,
        };
        for piece in post.body.chunks(post.body.len() / 3 + 1) {
            if let Err(accepted) = arriving.update(piece) {
                return accepted;
            }
        }
        arriving.finish(self.gateway.intake()).await
    }

    /// Our forwarder function tells something, and the worker does what follows.
    pub(crate) async fn firebase_tells(&self, event: &Value) -> String {
        let accepted = self.receives(&self.firebase_post(event.to_string())).await;
        self.the_worker_drains().await;
        self.outcome_of(accepted).await
    }
}

/// A delivery of our forwarder function.
pub(crate) fn firebase_post_as(id: &str, at: Timestamp, secret: &SecretBytes, body: impl Into<Vec<u8>>) -> Post {
    let post = Post::new(SourceKind::FirebaseFunction, "firebase", body).with("content-type", "application/json");
    let signature = standard_webhooks::sign(secret, id, at, &post.body);
    post.with("webhook-id", id)
        .with("webhook-timestamp", at.as_second().to_string())
        .with("webhook-signature", signature)
}

fn google_settings(project: &str) -> GoogleSettings {
    GoogleSettings { audience: AUDIENCE.to_owned(), email: ACCOUNT.to_owned(), project: project.to_owned() }
}
