//! Service accounts with keys made for the test, and a token server on loopback.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use std::time::Duration;

use super::*;
use crate::outbound::tests::server::{TestServer, answer, quick_client};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("a time")
}

/// A key file as Google writes it, with a fresh key; and its public half.
fn key_file(token_uri: &str) -> (Value, DecodingKey) {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("a document");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    let public = pair.public_key();
    let numbers = (public.modulus().big_endian_without_leading_zero(), public.exponent());
    let decoding = DecodingKey::from_rsa_raw_components(numbers.0, numbers.1.big_endian_without_leading_zero());
    let file = json!({
        "type": "service_account",
        "project_id": "demo-test",
        "private_key_id": "key-1",
        "private_key": pem,
        "client_email": "eraser@demo-test.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
    });
    (file, decoding)
}

/// A source of tokens whose server is the test's.
pub(in crate::outbound) fn token_of(server: &TestServer) -> GoogleToken {
    let (file, _) = key_file(&format!("{}/token", server.address()));
    let account = ServiceAccount::parse_for_development(file.to_string().as_bytes()).expect("a key file");
    GoogleToken::new(quick_client(), account)
}

pub(in crate::outbound) fn granted(token: &str, expires_in: i64) -> String {
    json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}).to_string()
}

#[test]
fn a_key_file_of_google_is_taken_and_never_shown() {
    let (file, _) = key_file(TOKEN_ADDRESS);
    let account = ServiceAccount::parse(file.to_string().as_bytes()).expect("a key file");
    assert_eq!(format!("{account:?}"), "ServiceAccount([secret])");
    assert!(ServiceAccount::parse_for_development(file.to_string().as_bytes()).is_err());
}

#[test]
fn any_other_file_is_refused_without_quoting_it() {
    let (good, _) = key_file(TOKEN_ADDRESS);
    let changed = |field: &str, value: Value| {
        let mut file = good.clone();
        file[field] = value;
        file.to_string()
    };
    let refused = [
        changed("token_uri", json!("https://oauth2.googleapis.com.canary.example/token")),
        changed("token_uri", json!("https://oauth2.googleapis.com/token/")),
        changed("token_uri", json!("http://oauth2.googleapis.com/token")),
        changed("type", json!("authorized_user")),
        changed("client_email", json!("")),
        changed("private_key", json!("canary")),
        changed("private_key", json!("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n")),
        changed("private_key", json!(["canary"])),
        changed("padding", json!("x".repeat(KEY_FILE_BYTES_MAX))),
        "canary".to_owned(),
        String::new(),
    ];
    for file in refused {
        let error = ServiceAccount::parse(file.as_bytes()).expect_err("refused");
        assert!(matches!(error, OutboundError::BadCredential { .. }) && !error.is_transient(), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("canary"));
    }
}

#[tokio::test]
async fn the_assertion_is_signed_for_the_token_address_and_lives_an_hour() {
    let server = TestServer::start([answer(200, granted("ya29.canary", 3599))]).await;
    let (file, public) = key_file(&format!("{}/token", server.address()));
    let account = ServiceAccount::parse_for_development(file.to_string().as_bytes()).expect("a key file");
    let token = GoogleToken::new(quick_client(), account);

    let authorization = token.authorization(at(0)).await.expect("a token");

    assert_eq!(authorization.header(), "Bearer ya29.canary");
    assert!(!format!("{token:?} {authorization:?}").contains("canary"));
    let request = server.requests().remove(0);
    assert_eq!(request.line(), "POST /token HTTP/1.1");
    let form: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!((form.len(), form[0].1.as_str()), (2, GRANT_TYPE));
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&[format!("{}/token", server.address())]);
    let decoded = jsonwebtoken::decode::<Value>(&form[1].1, &public, &validation).expect("a signed assertion");
    assert_eq!(decoded.header.kid.as_deref(), Some("key-1"));
    assert_eq!(decoded.claims["iss"], "eraser@demo-test.iam.gserviceaccount.com");
    assert_eq!(decoded.claims["scope"], SCOPES);
    assert_eq!(decoded.claims["iat"], 1_790_000_000);
    assert_eq!(decoded.claims["exp"], 1_790_003_600);
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let server = TestServer::start([answer(200, granted("one", 3600)), answer(200, granted("two", 3600))]).await;
    let token = token_of(&server);

    for (second, expected) in [(0, "Bearer one"), (3299, "Bearer one"), (3300, "Bearer two"), (3301, "Bearer two")] {
        let authorization = token.authorization(at(second)).await.expect("a token");
        assert_eq!(authorization.header(), expected, "{second}");
    }

    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_exchange_and_its_outcome() {
    let slow = Duration::from_millis(200);
    let server = TestServer::start([answer(503, "").after(slow), answer(200, granted("one", 3600)).after(slow)]).await;
    let token = token_of(&server);

    let failed = join_all((0..20).map(|_| token.authorization(at(0)))).await;
    assert!(failed.iter().all(|each| each.as_ref().is_err_and(CallFailure::is_transient)));
    assert_eq!(server.requests().len(), 1);

    let good = join_all((0..20).map(|_| token.authorization(at(0)))).await;
    assert!(good.iter().all(Result::is_ok));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_forgotten_but_a_newer_one_is_not() {
    let server = TestServer::start([answer(200, granted("one", 3600)), answer(200, granted("two", 3600))]).await;
    let token = token_of(&server);
    let one = token.authorization(at(0)).await.expect("a token");

    token.forget(&one).await;
    let two = token.authorization(at(0)).await.expect("another token");
    token.forget(&one).await;
    let kept = token.authorization(at(0)).await.expect("the same token");

    assert!(!two.is_same(&one) && kept.is_same(&two));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_unusable_answer_is_no_token_and_quotes_nothing() {
    let bodies = [
        "<html>canary</html>".to_owned(),
        json!({"access_token": "canary", "expires_in": 0, "token_type": "Bearer"}).to_string(),
        json!({"access_token": "canary", "expires_in": 60, "token_type": "mac"}).to_string(),
        json!({"access_token": "canary\r\nx: y", "expires_in": 60, "token_type": "Bearer"}).to_string(),
        json!({"id_token": "canary"}).to_string(),
    ];
    for body in bodies {
        let server = TestServer::start([answer(200, body)]).await;
        let failure = token_of(&server).authorization(at(0)).await.expect_err("no token");
        let CallFailure::NoToken { cause } = &failure else { panic!("{failure:?}") };
        assert!(matches!(**cause, CallFailure::BadAnswer { .. }) && !failure.is_transient(), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
    let server = TestServer::start([answer(400, r#"{"error":"invalid_grant","error_description":"canary"}"#)]).await;
    let failure = token_of(&server).authorization(at(0)).await.expect_err("refused");
    assert!(!failure.is_transient() && !format!("{failure:?}").contains("canary"), "{failure:?}");
}
