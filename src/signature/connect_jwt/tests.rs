//! Connect's two tokens, honest and forged.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::signature::tests::tokens::{self, HS256, RS256, SECRET, at, authorized, with, without};

const INSTALLED_AT: i64 = 1_790_005_302;
const BASE_URL: &str = "https://gateway.example.invalid";

fn install_claims() -> Value {
    let vector: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/connect/install_token.json")).expect("JSON");
    vector["claims"].clone()
}

fn request() -> CanonicalRequest {
    CanonicalRequest::new("POST", "/installed", "")
}

fn install_at(token: &str, base_url: &str, second: i64) -> Result<ConnectCaller, Rejection> {
    let expected = ConnectInstallExpectation { base_url: base_url.to_owned() };
    begin_install(&authorized("JWT", token))?.finish(&tokens::public_pem(), &expected, &request(), at(second))
}

fn install(claims: &Value) -> Result<ConnectCaller, Rejection> {
    install_at(&RS256.token(claims), BASE_URL, INSTALLED_AT)
}

/// The published tenant token's claims, made to live now.
fn tenant_claims() -> Value {
    with(&install_claims(), |claims| {
        claims.as_object_mut().expect("an object").remove("aud");
        claims["iss"] = json!("client-key-1");
    })
}

fn secrets(words: &[&[u8]]) -> Vec<SecretBytes> {
    words.iter().map(|word| SecretBytes::new(word.to_vec())).collect()
}

fn tenant(token: &str) -> Result<ConnectCaller, Rejection> {
    begin_tenant(&authorized("JWT", token), "")?.finish(&secrets(&[SECRET]), &request(), at(INSTALLED_AT))
}

#[test]
fn an_installation_names_its_tenant_with_either_form_of_the_audience() {
    let caller = ConnectCaller { client_key: "unique-client-identifier".to_owned() };
    assert_eq!(install(&install_claims()), Ok(caller.clone()));
    let slash = format!("{BASE_URL}/");
    for audience in [json!(BASE_URL), json!(slash), json!([slash, "x"])] {
        let claims = with(&install_claims(), |claims| claims["aud"] = audience);
        assert_eq!(install(&claims), Ok(caller.clone()));
        assert_eq!(install_at(&RS256.token(&claims), &slash, INSTALLED_AT), Ok(caller.clone()));
    }
}

#[test]
fn the_installs_key_is_asked_for_at_its_own_host_and_only_by_a_plain_id() {
    let pending = begin_install(&authorized("jwt", &RS256.token(&install_claims()))).expect("well-formed");
    assert_eq!(pending.key_id().as_str(), "key-1");
    for id in ["../x", "a/b", ".", "a?b", "a%2fb", "a:b", "https://example.invalid/"] {
        let header = json!({"alg": "RS256", "kid": id}).to_string();
        let token = RS256.forge(&header, &install_claims().to_string());
        assert_eq!(begin_install(&authorized("JWT", &token)).err(), Some(Rejection::BadKeyId), "{id}");
    }
    assert_eq!(begin_install(&Headers::default()).err(), Some(Rejection::MissingToken));
    let bearer = authorized("Bearer", &RS256.token(&install_claims()));
    assert_eq!(begin_install(&bearer).err(), Some(Rejection::MalformedToken));
}

#[test]
fn every_forged_installation_is_refused_with_its_reason() {
    for (what, token, reason) in RS256.forged(&install_claims()) {
        assert_eq!(install_at(&token, BASE_URL, INSTALLED_AT), Err(reason), "{what}");
    }
    let by_a_tenant = HS256.token(&install_claims());
    assert_eq!(install_at(&by_a_tenant, BASE_URL, INSTALLED_AT), Err(Rejection::ForbiddenAlgorithm));
}

#[test]
fn every_wrong_claim_of_an_installation_is_refused_with_its_reason() {
    let table: Vec<(&str, Value, Rejection)> = vec![
        ("aud", json!(["https://other.example.invalid", BASE_URL]), Rejection::WrongAudience),
        ("aud", json!([]), Rejection::WrongAudience),
        ("aud", json!([[BASE_URL]]), Rejection::WrongAudience),
        ("aud", json!(format!("{BASE_URL}//")), Rejection::WrongAudience),
        ("aud", json!(format!("{BASE_URL}/x")), Rejection::WrongAudience),
        ("aud", json!("https://gateway.example.inval"), Rejection::WrongAudience),
        ("aud", json!("HTTPS://gateway.example.invalid"), Rejection::WrongAudience),
        ("iss", json!(""), Rejection::MalformedClaims),
        ("iss", json!("a\u{0}b"), Rejection::MalformedClaims),
        ("iss", json!("x".repeat(257)), Rejection::MalformedClaims),
        ("iss", json!(1), Rejection::MalformedClaims),
        ("iat", json!(INSTALLED_AT + 31), Rejection::NotYetValid),
        ("nbf", json!(INSTALLED_AT + 31), Rejection::NotYetValid),
        ("exp", json!(INSTALLED_AT - 30), Rejection::Expired),
        ("qsh", json!("context-qsh"), Rejection::ContextToken),
        ("qsh", json!(CanonicalRequest::new("POST", "/uninstalled", "").hash()), Rejection::WrongRequest),
        ("qsh", json!(request().hash().to_uppercase()), Rejection::WrongRequest),
        ("qsh", json!(""), Rejection::WrongRequest),
        ("qsh", json!([request().hash()]), Rejection::WrongRequest),
    ];
    for (name, value, reason) in table {
        let claims = with(&install_claims(), |claims| claims[name] = value.clone());
        assert_eq!(install(&claims), Err(reason), "{name} {value}");
    }
    for (name, reason) in
        [("aud", Rejection::WrongAudience), ("iss", Rejection::MalformedClaims), ("qsh", Rejection::WrongRequest)]
    {
        assert_eq!(install(&without(&install_claims(), name)), Err(reason), "no {name}");
    }
}

#[derive(serde::Deserialize)]
struct Vector {
    secret: String,
    authorization: String,
    request: VectorRequest,
    claims: Value,
}

#[derive(serde::Deserialize)]
struct VectorRequest {
    method: String,
    path: String,
}

#[test]
fn the_vector_verifies_in_its_own_time_and_has_expired_since() {
    let vector: Vector =
        serde_json::from_str(include_str!("../../../tests/vectors/connect/hs256_token.json")).expect("JSON");
    let headers: Headers = [("authorization", vector.authorization.as_bytes())].into_iter().collect();
    let request = CanonicalRequest::new(&vector.request.method, &vector.request.path, "");
    let verify = |second: i64| {
        let pending = begin_tenant(&headers, "").expect("well-formed");
        assert_eq!(pending.claimed_client_key(), "client-key-1");
        pending.finish(&secrets(&[vector.secret.as_bytes()]), &request, at(second))
    };
    let end = vector.claims["exp"].as_i64().expect("seconds");
    assert_eq!(verify(end + 29), Ok(ConnectCaller { client_key: "client-key-1".to_owned() }));
    assert_eq!(verify(end + 30), Err(Rejection::Expired));
    assert_eq!(verify(INSTALLED_AT), Err(Rejection::Expired));
}

#[test]
fn every_forged_token_of_a_tenant_is_refused_with_its_reason() {
    for (what, token, reason) in HS256.forged(&tenant_claims()) {
        assert_eq!(tenant(&token), Err(reason), "{what}");
    }
    assert!(tenant(&HS256.token(&tenant_claims())).is_ok());
}

#[test]
fn a_token_in_the_query_is_as_good_as_one_in_the_header_but_not_beside_it() {
    let token = HS256.token(&tenant_claims());
    let query = format!("a=1&jwt={token}");
    let request = CanonicalRequest::new("POST", "/installed", &query);
    let claims = with(&tenant_claims(), |claims| claims["qsh"] = json!(request.hash()));
    let query = format!("a=1&jwt={}", HS256.token(&claims));
    let pending = begin_tenant(&Headers::default(), &query).expect("well-formed");
    assert!(pending.finish(&secrets(&[SECRET]), &request, at(INSTALLED_AT)).is_ok());

    let both = authorized("JWT", &token);
    assert_eq!(begin_tenant(&both, &query).err(), Some(Rejection::AmbiguousToken));
    assert_eq!(begin_tenant(&both, "jwt=").err(), Some(Rejection::AmbiguousToken));
    let twice = format!("{query}&j%77t=x");
    assert_eq!(begin_tenant(&Headers::default(), &twice).err(), Some(Rejection::AmbiguousToken));
    assert_eq!(begin_tenant(&Headers::default(), "").err(), Some(Rejection::MissingToken));
    assert_eq!(begin_tenant(&Headers::default(), "jwt=").err(), Some(Rejection::MalformedToken));
    let other_scheme = authorized("Bearer", &token);
    assert_eq!(begin_tenant(&other_scheme, "").err(), Some(Rejection::MalformedToken));
}

#[test]
fn only_a_live_secret_of_the_tenant_verifies_and_none_is_our_inability() {
    let token = HS256.token(&tenant_claims());
    let verify = |words: &[&[u8]]| {
        let pending = begin_tenant(&authorized("JWT", &token), "").expect("well-formed");
        pending.finish(&secrets(words), &request(), at(INSTALLED_AT)).map(drop)
    };
    assert_eq!(verify(&[b"new", SECRET]), Ok(()));
    assert_eq!(verify(&[b"new", b"old"]), Err(Rejection::Mismatch));
    assert_eq!(verify(&[]), Err(Rejection::NoCredential));
    assert_eq!(verify(&[SECRET, b""]), Err(Rejection::NoCredential));
    assert_eq!(verify(&[b"1", b"2", b"3", b"4", SECRET]), Err(Rejection::TooManyCredentials));
}

#[test]
fn a_token_of_a_page_and_one_for_another_request_sign_nothing_here() {
    for (signed, reason) in [
        (json!("context-qsh"), Rejection::ContextToken),
        (json!(CanonicalRequest::new("POST", "/installed", "a=1").hash()), Rejection::WrongRequest),
    ] {
        let claims = with(&tenant_claims(), |claims| claims["qsh"] = signed);
        assert_eq!(tenant(&HS256.token(&claims)), Err(reason));
    }
}

#[test]
fn the_tenant_is_the_issuer_whoever_the_audience_is() {
    let claims = with(&tenant_claims(), |claims| claims["aud"] = json!(["another-tenant"]));
    let pending = begin_tenant(&authorized("JWT", &HS256.token(&claims)), "").expect("well-formed");
    assert_eq!(pending.claimed_client_key(), "client-key-1");
    assert!(!format!("{pending:?}").contains("client-key-1"));
}

proptest! {
    #[test]
    fn arbitrary_tokens_and_queries_never_panic(token in "[ -~]{0,200}", query in ".{0,200}") {
        let _ = begin_tenant(&authorized("JWT", &token), &query);
        let _ = begin_tenant(&Headers::default(), &query);
        let _ = begin_install(&authorized("JWT", &token));
    }
}
