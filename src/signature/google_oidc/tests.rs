//! Push tokens, honest and forged.

use serde_json::{Value, json};

use super::*;
use crate::signature::tests::tokens::{self, RS256, at, authorized, with, without};

const ISSUED_AT: i64 = 1_550_182_335;
const EXPIRES_AT: i64 = 1_550_185_935;

fn claims() -> Value {
    let vector: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/google/oidc_claims.json")).expect("JSON");
    vector["claims"].clone()
}

fn expectation() -> GoogleExpectation {
    GoogleExpectation {
        audience: "https://example.com".to_owned(),
        email: "gae-gcp@appspot.gserviceaccount.com".to_owned(),
    }
}

fn verify_at(token: &str, second: i64) -> Result<(), Rejection> {
    begin(&authorized("Bearer", token))?.finish(&tokens::public_key(), &expectation(), at(second))
}

fn verify(claims: &Value) -> Result<(), Rejection> {
    verify_at(&RS256.token(claims), ISSUED_AT)
}

#[test]
fn the_published_claims_are_ours_for_their_hour_and_a_minute_around_it() {
    let token = RS256.token(&claims());
    assert_eq!(verify_at(&token, ISSUED_AT - 61), Err(Rejection::NotYetValid));
    assert_eq!(verify_at(&token, ISSUED_AT - 60), Ok(()));
    assert_eq!(verify_at(&token, EXPIRES_AT + 59), Ok(()));
    assert_eq!(verify_at(&token, EXPIRES_AT + 60), Err(Rejection::Expired));
}

#[test]
fn a_token_may_leave_out_when_it_was_issued() {
    assert_eq!(verify(&without(&claims(), "iat")), Ok(()));
    assert_eq!(verify(&with(&claims(), |claims| claims["iss"] = json!("accounts.google.com"))), Ok(()));
}

#[test]
fn the_key_is_asked_for_at_google() {
    let pending = begin(&authorized("Bearer", &RS256.token(&claims()))).expect("well-formed");
    assert_eq!(pending.key_id().as_str(), "key-1");
    let verdict = pending.finish(&tokens::foreign_key(), &expectation(), at(ISSUED_AT));
    assert_eq!(verdict, Err(Rejection::Mismatch));
    assert_eq!(begin(&Headers::default()).err(), Some(Rejection::MissingToken));
}

#[test]
fn every_forged_token_is_refused_with_its_reason() {
    for (what, token, reason) in RS256.forged(&claims()) {
        assert_eq!(verify_at(&token, ISSUED_AT), Err(reason), "{what}");
    }
}

#[test]
fn every_wrong_claim_is_refused_with_its_reason() {
    let table: Vec<(&str, Value, Rejection)> = vec![
        ("iss", json!("https://accounts.google.com/"), Rejection::WrongIssuer),
        ("iss", json!("http://accounts.google.com"), Rejection::WrongIssuer),
        ("iss", json!("https://accounts.google.com.example.invalid"), Rejection::WrongIssuer),
        ("iss", json!(["accounts.google.com"]), Rejection::WrongIssuer),
        ("aud", json!(["https://example.com"]), Rejection::WrongAudience),
        ("aud", json!("https://example.com/"), Rejection::WrongAudience),
        ("aud", json!("https://example.co"), Rejection::WrongAudience),
        ("aud", json!("HTTPS://example.com"), Rejection::WrongAudience),
        ("email", json!("other@appspot.gserviceaccount.com"), Rejection::WrongAccount),
        ("email", json!("GAE-gcp@appspot.gserviceaccount.com"), Rejection::WrongAccount),
        ("email", json!(["gae-gcp@appspot.gserviceaccount.com"]), Rejection::WrongAccount),
        ("email_verified", json!(false), Rejection::WrongAccount),
        ("email_verified", json!("true"), Rejection::WrongAccount),
        ("email_verified", json!(1), Rejection::WrongAccount),
        ("iat", json!(ISSUED_AT + 61), Rejection::NotYetValid),
        ("nbf", json!(ISSUED_AT + 61), Rejection::NotYetValid),
        ("exp", json!(ISSUED_AT - 60), Rejection::Expired),
        ("exp", json!(ISSUED_AT + 24 * 3600 + 61), Rejection::LifetimeTooLong),
    ];
    for (name, value, reason) in table {
        let claims = with(&claims(), |claims| claims[name] = value.clone());
        assert_eq!(verify(&claims), Err(reason), "{name} {value}");
    }
    for (name, reason) in [
        ("iss", Rejection::WrongIssuer),
        ("aud", Rejection::WrongAudience),
        ("email", Rejection::WrongAccount),
        ("email_verified", Rejection::WrongAccount),
    ] {
        assert_eq!(verify(&without(&claims(), name)), Err(reason), "no {name}");
    }
}

#[test]
fn a_token_that_a_stranger_had_made_for_our_audience_is_not_ours() {
    let stranger = with(&claims(), |claims| claims["email"] = json!("evil@stranger.iam.gserviceaccount.com"));
    assert_eq!(verify(&stranger), Err(Rejection::WrongAccount));
}
