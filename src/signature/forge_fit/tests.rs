//! Invocation tokens, honest and forged.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::signature::tests::tokens::{self, RS256, at, authorized, with, without};

const APP_ID: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const CLOUD_ID: &str = "11111111-2222-4333-8444-555555555555";
const ISSUED_AT: i64 = 1_790_005_302;
const EXPIRES_AT: i64 = ISSUED_AT + 25;

fn trigger() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/forge/invocation_claims_trigger.json")).expect("JSON")
}

fn frontend() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/forge/invocation_claims_frontend.json")).expect("JSON")
}

fn expectation() -> ForgeExpectation {
    ForgeExpectation {
        app_id: format!("{APP}{APP_ID}"),
        environment: ForgeEnvironment::Production,
        key_host: KeyHost::ForgeProduction,
    }
}

fn verify_at(token: &str, second: i64) -> Result<ForgeCaller, Rejection> {
    let expected = expectation();
    begin(&authorized("Bearer", token), &expected)?.finish(&tokens::public_key(), &expected, at(second))
}

fn verify(claims: &Value) -> Result<ForgeCaller, Rejection> {
    verify_at(&RS256.token(claims), ISSUED_AT + 1)
}

#[test]
fn a_trigger_tells_who_calls_in_bare_ids() {
    let caller = ForgeCaller {
        cloud_id: CLOUD_ID.to_owned(),
        installation_id: "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e".to_owned(),
        app_id: APP_ID.to_owned(),
        environment_id: "99999999-8888-4777-8666-555555555555".to_owned(),
        module_key: "gateway-events".to_owned(),
        token: TokenUse { id: "d8a496253ec8c18a54631e4c82cbedd5d0ae8570".to_owned(), expires_at: at(EXPIRES_AT + 10) },
    };
    assert_eq!(verify(&trigger()), Ok(caller.clone()));
    assert_eq!(verify(&frontend()), Ok(ForgeCaller { module_key: "config".to_owned(), ..caller }));
}

#[test]
fn the_key_is_asked_for_by_the_configured_host_and_the_tokens_id() {
    let expected = ForgeExpectation { key_host: KeyHost::ForgeStaging, ..expectation() };
    let pending = begin(&authorized("bearer", &RS256.token(&trigger())), &expected).expect("well-formed");
    assert_eq!((pending.key_host(), pending.key_id().as_str()), (KeyHost::ForgeStaging, "key-1"));
    let verdict = pending.finish(&tokens::foreign_key(), &expected, at(ISSUED_AT));
    assert_eq!(verdict, Err(Rejection::Mismatch));
}

#[test]
fn a_call_without_a_token_or_with_two_is_refused() {
    assert_eq!(begin(&Headers::default(), &expectation()).err(), Some(Rejection::MissingToken));
    let token = RS256.token(&trigger());
    let mut headers = authorized("Bearer", &token);
    headers.push("authorization", format!("Bearer {token}").as_bytes());
    assert_eq!(begin(&headers, &expectation()).err(), Some(Rejection::AmbiguousToken));
    assert_eq!(begin(&authorized("JWT", &token), &expectation()).err(), Some(Rejection::MalformedToken));
}

#[test]
fn every_forged_token_is_refused_with_its_reason() {
    for (what, token, reason) in RS256.forged(&trigger()) {
        assert_eq!(verify_at(&token, ISSUED_AT + 1), Err(reason), "{what}");
    }
}

#[test]
fn a_token_is_good_for_its_short_life_and_ten_seconds_around_it() {
    let token = RS256.token(&trigger());
    assert_eq!(verify_at(&token, ISSUED_AT - 11), Err(Rejection::NotYetValid));
    assert!(verify_at(&token, ISSUED_AT - 10).is_ok());
    assert!(verify_at(&token, EXPIRES_AT + 9).is_ok());
    assert_eq!(verify_at(&token, EXPIRES_AT + 10), Err(Rejection::Expired));
}

#[test]
fn every_wrong_claim_is_refused_with_its_reason() {
    let other = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    let table: Vec<(&str, Value, Rejection)> = vec![
        ("/iss", json!("forge/context-token"), Rejection::WrongIssuer),
        ("/iss", json!(["forge/invocation-token"]), Rejection::WrongIssuer),
        ("/aud", json!([format!("{APP}{APP_ID}")]), Rejection::WrongAudience),
        ("/aud", json!(format!("{APP}{other}")), Rejection::WrongAudience),
        ("/aud", json!(format!("{APP}{APP_ID}x")), Rejection::WrongAudience),
        ("/aud", json!(APP), Rejection::WrongAudience),
        ("/aud", json!(APP_ID), Rejection::WrongAudience),
        ("/aud", json!(format!("{APP}{}", APP_ID.to_uppercase())), Rejection::WrongAudience),
        ("/app/id", json!(format!("{APP}{other}")), Rejection::WrongAudience),
        ("/app/id", json!(APP_ID), Rejection::WrongAudience),
        ("/app", json!([]), Rejection::MalformedClaims),
        ("/nbf", json!(ISSUED_AT + 12), Rejection::NotYetValid),
        ("/iat", json!(ISSUED_AT + 12), Rejection::NotYetValid),
        ("/exp", json!(ISSUED_AT - 10), Rejection::Expired),
        ("/exp", json!(ISSUED_AT + 601), Rejection::LifetimeTooLong),
        ("/jti", json!(""), Rejection::MalformedClaims),
        ("/jti", json!("a b"), Rejection::MalformedClaims),
        ("/jti", json!("x".repeat(129)), Rejection::MalformedClaims),
        ("/jti", json!(1), Rejection::MalformedClaims),
        ("/app/environment/type", json!("DEVELOPMENT"), Rejection::WrongEnvironment),
        ("/app/environment/type", json!("STAGING"), Rejection::WrongEnvironment),
        ("/app/environment/type", json!("production"), Rejection::WrongEnvironment),
        ("/app/environment/id", json!(format!("{ENVIRONMENT}{other}/{CLOUD_ID}")), Rejection::WrongEnvironment),
        ("/app/environment/id", json!(CLOUD_ID), Rejection::MalformedClaims),
        ("/app/environment/id", json!(format!("{ENVIRONMENT}{APP_ID}/x")), Rejection::MalformedClaims),
        ("/app/environment/id", json!(format!("{ENVIRONMENT}{APP_ID}/{CLOUD_ID}/x")), Rejection::MalformedClaims),
        ("/app/installationId", json!(other), Rejection::MalformedClaims),
        ("/app/installationId", json!(null), Rejection::MalformedClaims),
        ("/app/installation/id", json!("x"), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!({}), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([{"workspaceId": CLOUD_ID}]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([{"cloudId": CLOUD_ID}, {"cloudId": other}]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([{"cloudId": CLOUD_ID}, 1]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([{"cloudId": "acme"}]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!([{"cloudId": null}]), Rejection::MalformedClaims),
        ("/app/installation/contexts", json!(vec![json!({"cloudId": CLOUD_ID}); 33]), Rejection::MalformedClaims),
        ("/app/module/key", json!(""), Rejection::MalformedClaims),
        ("/app/module/key", json!("a\u{7f}"), Rejection::MalformedClaims),
        ("/app/module/key", json!("x".repeat(129)), Rejection::MalformedClaims),
    ];
    for (path, value, reason) in table {
        let claims = with(&trigger(), |claims| *claims.pointer_mut(path).expect("a claim") = value.clone());
        assert_eq!(verify(&claims), Err(reason), "{path} {value}");
    }
    for (name, reason) in [
        ("iss", Rejection::WrongIssuer),
        ("aud", Rejection::WrongAudience),
        ("app", Rejection::MalformedClaims),
        ("iat", Rejection::MalformedClaims),
        ("jti", Rejection::MalformedClaims),
    ] {
        assert_eq!(verify(&without(&trigger(), name)), Err(reason), "no {name}");
    }
}

#[test]
fn an_install_of_the_version_under_development_is_for_the_source_that_expects_it_only() {
    for environment in ForgeEnvironment::ALL {
        let claims = with(&trigger(), |claims| claims["app"]["environment"]["type"] = json!(environment.as_str()));
        for expected in ForgeEnvironment::ALL {
            let expected = ForgeExpectation { environment: expected, ..expectation() };
            let pending = begin(&authorized("Bearer", &RS256.token(&claims)), &expected).expect("well-formed");
            let verdict = pending.finish(&tokens::public_pem(), &expected, at(ISSUED_AT));
            assert_eq!(verdict.is_ok(), expected.environment == environment, "{environment:?} for {expected:?}");
        }
    }
}

#[test]
fn several_products_on_one_site_are_one_tenant_whatever_case_their_id_is_in() {
    let id = CLOUD_ID.replace('1', "a");
    let contexts = json!([{"cloudId": id.to_uppercase()}, {"cloudId": id}, {"workspaceId": "x"}]);
    let claims = with(&trigger(), |claims| claims["app"]["installation"]["contexts"] = contexts);
    assert_eq!(verify(&claims).expect("one site").cloud_id, id);
}

#[test]
fn an_id_is_bare_whatever_form_it_came_in() {
    for text in [
        "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE",
        "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "ari:cloud:jira::site/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "ari:cloud:ecosystem::environment/11111111-2222-4333-8444-555555555555/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    ] {
        assert_eq!(bare_id(text).as_deref(), Some(APP_ID), "{text}");
    }
    for text in [
        "",
        "/",
        "x",
        "aaaaaaaabbbb4ccc8dddeeeeeeeeeeee",
        "{aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}",
        "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeeg",
        "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee ",
        "/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "https://x/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "ari:cloud:a b/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "ari:cloud:jira::site/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/",
        "ari:cloud:jira::site/\u{e9}aaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    ] {
        assert_eq!(bare_id(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_ids_never_panic(text in ".{0,300}") {
        let _ = bare_id(&text);
    }
}
