//! What each sender's own route may not believe either.

use jsonwebtoken::{Algorithm, EncodingKey};
use milestone_gateway::testing::{
    domain::SourceKind,
    signature::{Rejection, SecretBytes, hub_hmac},
};
use serde_json::{Value, json};

use super::{
    CANARY, FORGE_INSTALLED, USER_DELETED,
    route::{Attempt, Route, message, signed},
};
use crate::harness::{
    Delivery, Post, World, secret_of,
    senders::{
        CLIENT_KEY, INSTALLATION, connect_claims, firebase_post_as, forge_claims, forwarder_secret, google_claims,
    },
};

const INSTALLED: &str = include_str!("../../vectors/connect/installed.json");
const ENABLED: &str = include_str!("../../vectors/connect/enabled.json");
const FORGE_SITE: &str = "11111111-2222-4333-8444-555555555555";
const PUSH: &str = include_str!("../../vectors/google/push_ordering_key.json");
const CLOUD_EVENT: &str = include_str!("../../vectors/firebase/cloudevent_v1_created.json");

/// A text claim that is somebody else's.
pub(super) fn says(name: &'static str, value: &str) -> impl FnOnce(&mut Value) {
    let value = json!(value);
    move |claims| claims[name] = value
}

pub(super) fn forge_route(world: &World) -> Route {
    let claims = forge_claims(FORGE_SITE, world.gateway.now(), &format!("token-{}", world.next_number()));
    let post = Post::new(SourceKind::Forge, "forge", FORGE_INSTALLED).at("lifecycle");
    Route { scheme: "Bearer", algorithm: Algorithm::RS256, claims, post }
}

pub(super) fn google_route(world: &World, kind: SourceKind) -> Route {
    let is_push = kind == SourceKind::GooglePubsub;
    let (source, body) = if is_push { ("pubsub", PUSH) } else { ("cloudevents", CLOUD_EVENT) };
    let content_type = if is_push { "application/json" } else { "application/cloudevents+json" };
    let post = Post::new(kind, source, body).with("content-type", content_type);
    Route { scheme: "Bearer", algorithm: Algorithm::RS256, claims: google_claims(world.gateway.now()), post }
}

pub(super) fn install_route(world: &World) -> Route {
    let post = Post::new(SourceKind::Connect, "connect", INSTALLED).at("installed");
    let claims = connect_claims("installed", world.gateway.now());
    Route { scheme: "JWT", algorithm: Algorithm::RS256, claims, post }
}

pub(super) fn tenant_route(world: &World) -> Route {
    let post = Post::new(SourceKind::Connect, "connect", ENABLED).at("enabled");
    let claims = connect_claims("enabled", world.gateway.now());
    Route { scheme: "JWT", algorithm: Algorithm::HS256, claims, post }
}

pub(super) fn forged_for_forge(world: &World, trap: &str) -> Vec<Attempt> {
    let route = forge_route(world);
    let other = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    let other_app = format!("ari:cloud:ecosystem::app/{other}");
    let mut all = route.forged(trap);
    all.push(route.with_claims("another issuer", Rejection::WrongIssuer, says("iss", "forge/context-token")));
    all.push(route.with_claims("another app's", Rejection::WrongAudience, says("aud", &other_app)));
    let audience = route.claims["aud"].clone();
    all.push(
        route.with_claims("a list of audiences", Rejection::WrongAudience, |claims| claims["aud"] = json!([audience])),
    );
    all.push(route.with_claims("another app within", Rejection::WrongAudience, |claims| {
        claims["app"]["id"] = json!(other_app);
    }));
    all.push(route.with_claims("the app under development", Rejection::WrongEnvironment, |claims| {
        claims["app"]["environment"]["type"] = json!("DEVELOPMENT");
    }));
    all.push(route.with_claims("two installations", Rejection::MalformedClaims, |claims| {
        claims["app"]["installationId"] = json!(format!("ari:cloud:ecosystem::installation/{other}"));
    }));
    all.push(route.with_claims("two sites", Rejection::MalformedClaims, |claims| {
        let contexts = claims["app"]["installation"]["contexts"].as_array_mut().unwrap();
        contexts.push(json!({"name": "jira", "cloudId": other}));
    }));
    all.push(route.with_claims("a long life", Rejection::LifetimeTooLong, |claims| {
        claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 700);
    }));
    for (what, from) in [
        ("another site's body", FORGE_SITE),
        ("another installation's body", INSTALLATION),
        ("another app's body", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
        ("another environment's body", "99999999-8888-4777-8666-555555555555"),
    ] {
        let body = FORGE_INSTALLED.replace(from, other).into_bytes();
        all.push(route.attempt(what, Post { body, ..route.good() }, Rejection::BodyDisagrees));
    }
    all
}

pub(super) fn forged_for_google(world: &World, kind: SourceKind, trap: &str) -> Vec<Attempt> {
    let route = google_route(world, kind);
    let mut all = route.forged(trap);
    all.push(route.with_claims(
        "another issuer",
        Rejection::WrongIssuer,
        says("iss", "https://accounts.example.invalid"),
    ));
    all.push(route.with_claims("another audience", Rejection::WrongAudience, says("aud", "https://example.com")));
    let audience = route.claims["aud"].clone();
    all.push(
        route.with_claims("a list of audiences", Rejection::WrongAudience, |claims| claims["aud"] = json!([audience])),
    );
    all.push(route.with_claims("another account", Rejection::WrongAccount, says("email", "canary@example.invalid")));
    for verified in [json!("true"), json!(false), json!(1), Value::Null] {
        let what = format!("email_verified {verified}");
        all.push(route.with_claims(&what, Rejection::WrongAccount, |claims| claims["email_verified"] = verified));
    }
    all.push(route.with_claims("a long life", Rejection::LifetimeTooLong, |claims| {
        claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 2 * 86_400);
    }));
    all
}

pub(super) fn forged_for_connect(world: &World, trap: &str) -> Vec<Attempt> {
    let install = install_route(world);
    let tenant = tenant_route(world);
    let mut all = install.forged(trap);
    all.extend(tenant.forged(trap));
    for route in [&install, &tenant] {
        all.push(route.with_claims("another request's", Rejection::WrongRequest, says("qsh", &"0".repeat(64))));
        all.push(route.with_claims("no request's", Rejection::WrongRequest, |claims| {
            claims.as_object_mut().unwrap().remove("qsh");
        }));
        all.push(route.with_claims("a page's token", Rejection::ContextToken, says("qsh", "context-qsh")));
        all.push(route.with_claims("nobody's", Rejection::MalformedClaims, says("iss", "")));
        for (what, body) in [
            ("another tenant's body", String::from_utf8_lossy(&route.post.body).replace(CLIENT_KEY, "another-client")),
            ("a body of another call", String::from_utf8_lossy(&route.post.body).replace("led\"", "led-not\"")),
            ("a body that is none", format!("{{\"clientKey\":\"{CANARY}\"")),
        ] {
            let post = Post { body: body.into_bytes(), ..route.good() };
            all.push(route.attempt(what, post, Rejection::BodyDisagrees));
        }
    }
    all.push(install.with_claims("another app's", Rejection::WrongAudience, says("aud", "https://example.com")));
    all.push(install.with_claims("our app as the second of two", Rejection::WrongAudience, |claims| {
        claims["aud"] = json!(["https://example.com", claims["aud"][0]]);
    }));
    all.push(tenant.with_claims("who was never installed", Rejection::UnknownSource, says("iss", CANARY)));
    let guessed = signed(
        &message(&tenant.header().to_string(), &tenant.claims.to_string()),
        Algorithm::HS256,
        &EncodingKey::from_secret(b"another secret, also long"),
    );
    all.push(tenant.attempt("another secret", tenant.with(&guessed), Rejection::Mismatch));
    all
}

pub(super) fn forged_for_jira() -> Vec<Attempt> {
    let good = Delivery::signed(USER_DELETED, Some("id"), &secret_of("acme")).signatures.remove(0);
    let of = |secret: &SecretBytes| hub_hmac::sign(secret, USER_DELETED.as_bytes());
    let good_text = String::from_utf8(good.clone()).unwrap();
    let other = of(&SecretBytes::new(b"another secret, also long".to_vec()));
    let post = || Post::new(SourceKind::JiraAdmin, "acme-jira", USER_DELETED);
    let signed = |value: String| post().with("x-hub-signature", value);
    let swapped = Post { body: USER_DELETED.replace("deleted", "created").into_bytes(), ..signed(good_text.clone()) };
    let attempts = [
        ("no signature", post(), Rejection::MissingSignature),
        ("an empty signature", signed(String::new()), Rejection::MissingSignature),
        ("two signatures", signed(good_text.clone()).with("x-hub-signature", good), Rejection::AmbiguousSignature),
        ("another secret", signed(other), Rejection::Mismatch),
        ("an empty secret", signed(of(&SecretBytes::new(Vec::new()))), Rejection::Mismatch),
        ("another method", signed(good_text.replace("sha256", "sha1")), Rejection::UnsupportedMethod),
        ("half a digest", signed(good_text[..39].to_owned()), Rejection::MalformedSignature),
        ("a space behind", signed(format!("{good_text} ")), Rejection::MalformedSignature),
        ("another body", swapped, Rejection::Mismatch),
    ];
    attempts.into_iter().map(|(what, post, why)| Attempt { what: format!("jira: {what}"), post, why }).collect()
}

pub(super) fn forged_for_firebase(world: &World) -> Vec<Attempt> {
    let now = world.gateway.now();
    let secret = forwarder_secret();
    let body = include_str!("../../vectors/firebase/cloudevent_v1_created.json");
    let good = || firebase_post_as("message-1", now, &secret, body);
    let without = |name: &str| {
        let mut post = good();
        post.headers.retain(|(known, _)| known != name);
        post
    };
    let with = |name: &str, value: &str| without(name).with(name, value);
    let at =
        |minutes: i64| firebase_post_as("message-1", now + jiff::SignedDuration::from_mins(minutes), &secret, body);
    let other = SecretBytes::new(vec![7; 32]);
    let swapped = Post { body: body.replace("created", "deleted").into_bytes(), ..good() };
    let giant = format!("v1,{}", "A".repeat(9 * 1024));
    let attempts = [
        ("no id", without("webhook-id"), Rejection::MissingSignature),
        ("no time", without("webhook-timestamp"), Rejection::MissingSignature),
        ("no signature", without("webhook-signature"), Rejection::MissingSignature),
        ("two signatures", good().with("webhook-signature", "v1,AAAA"), Rejection::AmbiguousSignature),
        ("two ids", good().with("webhook-id", "message-2"), Rejection::AmbiguousSignature),
        ("another secret", firebase_post_as("message-1", now, &other, body), Rejection::Mismatch),
        ("another id", with("webhook-id", "message-2"), Rejection::Mismatch),
        ("another body", swapped, Rejection::Mismatch),
        ("too old", at(-6), Rejection::StaleTimestamp),
        ("of the future", at(6), Rejection::StaleTimestamp),
        ("a time in milliseconds", with("webhook-timestamp", "1767603600000"), Rejection::MalformedSignature),
        ("a dot in the id", with("webhook-id", "a.b"), Rejection::MalformedSignature),
        ("only another version", with("webhook-signature", "v1a,AAAA"), Rejection::UnsupportedMethod),
        ("no base64", with("webhook-signature", "v1,%%%%"), Rejection::MalformedSignature),
        ("a giant", with("webhook-signature", &giant), Rejection::MalformedSignature),
    ];
    attempts.into_iter().map(|(what, post, why)| Attempt { what: format!("firebase: {what}"), post, why }).collect()
}

/// Known to nobody, or known as something else.
pub(super) fn under_other_names(world: &World) -> Vec<Attempt> {
    let forge = forge_route(world).good();
    let push = google_route(world, SourceKind::GooglePubsub).good();
    let named = |post: &Post, source: &str| Post { source: source.to_owned(), ..post.clone() };
    let mut all = Vec::new();
    for source in [CANARY, "pubsub", "../forge", "", "FORGE", &"x".repeat(64), "a\u{0}"] {
        let post = named(&forge, source);
        all.push(Attempt { what: format!("a source named {source:?}"), post, why: Rejection::UnknownSource });
    }
    let post = named(&push, "forge");
    all.push(Attempt { what: "a source of another kind".to_owned(), post, why: Rejection::UnknownSource });
    all
}

pub(super) fn everything_forged(world: &World, trap: &str) -> Vec<Attempt> {
    let mut all = forged_for_forge(world, trap);
    all.extend(forged_for_google(world, SourceKind::GooglePubsub, trap));
    all.extend(forged_for_google(world, SourceKind::GoogleEvents, trap));
    all.extend(forged_for_connect(world, trap));
    all.extend(forged_for_jira());
    all.extend(forged_for_firebase(world));
    all.extend(under_other_names(world));
    all
}
