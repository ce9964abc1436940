//! The API as the emulator answered it when the samples were taken, and as it might misbehave.

use serde_json::{Value, json};

use super::*;
use crate::outbound::{
    google_token::tests::{granted, token_of},
    tests::server::{Scripted, TestServer, answer, quick_client},
};

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a time")
}

fn uid(text: &str) -> Personal<String> {
    Personal::new(text.to_owned())
}

/// An answer that was captured from the emulator.
fn captured(name: &str) -> Scripted {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/identity_toolkit_answers.json"))
        .expect("the vectors are JSON");
    let status = all[name]["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
    answer(status, all[name]["body"].to_string())
}

async fn emulator(script: impl Into<Vec<Scripted>>) -> (IdentityToolkit, TestServer) {
    let server = TestServer::start(script).await;
    let toolkit = IdentityToolkit::emulator(quick_client(), server.base(), "demo-test").expect("a project");
    (toolkit, server)
}

#[tokio::test]
async fn each_verb_asks_what_the_api_wants() {
    let ok = || answer(200, r#"{"localId":"u/1","passwordHash":"canary"}"#);
    let (toolkit, server) = emulator([ok(), ok(), captured("delete_ok"), captured("lookup_none")]).await;
    let person = uid("u/1");

    let disabled = toolkit.disable(None, &person, now()).await.expect("disabled");
    let revoked = toolkit.revoke(Some("msp-1"), &person, 1_790_000_000, now()).await.expect("revoked");
    let deleted = toolkit.delete(Some("msp-1"), &person, now()).await.expect("deleted");
    let found = toolkit.lookup(None, &[person], now()).await.expect("looked up");

    assert_eq!([disabled, revoked, deleted], [ChangeAnswer::Done; 3]);
    assert!(found.is_empty());
    let seen = server.requests();
    let project = "POST /identitytoolkit.googleapis.com/v1/projects/demo-test";
    let tenant = format!("{project}/tenants/msp-1");
    let expected = [
        (format!("{project}/accounts:update HTTP/1.1"), json!({"localId": "u/1", "disableUser": true})),
        (format!("{tenant}/accounts:update HTTP/1.1"), json!({"localId": "u/1", "validSince": "1790000000"})),
        (format!("{tenant}/accounts:delete HTTP/1.1"), json!({"localId": "u/1"})),
        (format!("{project}/accounts:lookup HTTP/1.1"), json!({"localId": ["u/1"]})),
    ];
    for (request, (line, body)) in seen.iter().zip(expected) {
        assert_eq!((request.line(), request.json()), (line.as_str(), body));
        assert!(request.head.contains("authorization: Bearer owner\r\n"));
    }
}

#[tokio::test]
async fn an_account_that_is_gone_is_an_outcome_and_rejections_are_errors_without_words() {
    let (toolkit, _server) = emulator([captured("delete_missing")]).await;
    assert_eq!(toolkit.delete(None, &uid("canary"), now()).await.ok(), Some(ChangeAnswer::AlreadyGone));

    for (name, refused) in [("bad_bearer", 401), ("no_credentials", 403)] {
        let (toolkit, _server) = emulator([captured(name)]).await;
        let failure = toolkit.delete(None, &uid("canary"), now()).await.expect_err("refused");
        assert!(matches!(failure, CallFailure::Refused { status } if status == refused), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
    let missing_tenant = answer(400, r#"{"error":{"code":400,"message":"TENANT_NOT_FOUND : canary"}}"#);
    let (toolkit, _server) = emulator([missing_tenant]).await;
    let failure = toolkit.disable(Some("t"), &uid("u"), now()).await.expect_err("refused");
    assert!(matches!(failure, CallFailure::Refused { status: 400 }), "{failure:?}");
}

#[tokio::test]
async fn a_quota_is_throttling_whatever_status_it_has_and_eases_the_pace() {
    for throttled in [
        answer(429, r#"{"error":{"code":429,"message":"RESOURCE_EXHAUSTED"}}"#).with("retry-after", "40"),
        answer(400, r#"{"error":{"code":400,"message":"QUOTA_EXCEEDED : Exceeded quota for deleting accounts."}}"#),
    ] {
        let wait = throttled.has("retry-after");
        let (toolkit, server) = emulator([throttled]).await;
        let failure = toolkit.delete(None, &uid("u"), now()).await.expect_err("throttled");
        assert!(matches!(failure, CallFailure::Throttled { .. }) && failure.is_transient(), "{failure:?}");
        if wait {
            let next = toolkit.clone().delete(None, &uid("u"), now()).await.expect_err("paused, for the clones too");
            assert!(next.retry_after().is_some_and(|wait| wait > Duration::from_secs(30)), "{next:?}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn success_is_not_believed_of_an_answer_that_is_not_the_api() {
    let unusable = [
        answer(200, "<html>canary</html>"),
        answer(200, ""),
        answer(200, r#"["canary"]"#),
        answer(200, r#"{"localId":"canary-other"}"#),
        answer(200, r#"{"error":{"message":"canary"}}"#),
        answer(200, "{").endless(),
    ];
    for scripted in unusable {
        let (toolkit, _server) = emulator([scripted]).await;
        let failure = toolkit.disable(None, &uid("u"), now()).await.expect_err("not believed");
        assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
    let (toolkit, _server) = emulator([answer(503, "canary").with("retry-after", "3")]).await;
    let failure = toolkit.disable(None, &uid("u"), now()).await.expect_err("failed");
    assert_eq!((failure.is_transient(), failure.retry_after()), (true, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn a_look_up_keeps_what_was_asked_about_and_drops_the_rest() {
    let users = json!({"kind": "identitytoolkit#GetAccountInfoResponse", "users": [
        {"localId": "u1", "disabled": true, "validSince": "1790000000", "createdAt": "1790000000123",
         "email": "canary@example.invalid", "passwordHash": "canary", "passwordUpdatedAt": 1.0},
        {"localId": "u2"},
        {"localId": "canary-not-asked"},
    ]});
    let (toolkit, _server) = emulator([answer(200, users.to_string())]).await;

    let found = toolkit.lookup(None, &[uid("u1"), uid("u2"), uid("u3")], now()).await.expect("looked up");

    let first = Account {
        uid: uid("u1"),
        is_disabled: true,
        valid_since_seconds: Some(1_790_000_000),
        created_at: Timestamp::from_millisecond(1_790_000_000_123).ok(),
    };
    let second = Account { uid: uid("u2"), is_disabled: false, valid_since_seconds: None, created_at: None };
    assert!(!format!("{found:?}").contains("canary"));
    assert_eq!(found, [first, second]);
}

#[tokio::test]
async fn a_batch_says_which_accounts_are_left() {
    let people = [uid("u1"), uid("u2")];
    let script = [captured("batchDelete_not_disabled"), captured("batchDelete_ok_or_missing")];
    let (toolkit, server) = emulator(script).await;
    let began = std::time::Instant::now();
    assert_eq!(toolkit.delete_batch(None, &people, now()).await.ok(), Some(vec![0]));
    assert_eq!(toolkit.delete_batch(None, &people, now()).await.ok(), Some(vec![]));
    assert!(began.elapsed() >= Duration::from_millis(950), "one batch in a second");
    assert_eq!(server.requests()[0].json(), json!({"localIds": ["u1", "u2"], "force": true}));

    let (toolkit, _server) = emulator([answer(200, r#"{"errors":[{"index":2}]}"#)]).await;
    let failure = toolkit.delete_batch(None, &people, now()).await.expect_err("no such position");
    assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
}

#[tokio::test]
async fn nothing_outside_the_bounds_is_asked() {
    let (toolkit, server) = emulator([]).await;
    for name in ["", "..", ".", "a/b", "a b", &"x".repeat(129)] {
        assert!(toolkit.disable(Some(name), &uid("u"), now()).await.is_err(), "{name}");
        assert!(IdentityToolkit::emulator(quick_client(), server.base(), name).is_err(), "{name}");
    }
    for text in ["", &"x".repeat(129)] {
        assert!(toolkit.delete(None, &uid(text), now()).await.is_err());
    }
    assert!(toolkit.lookup(None, &vec![uid("u"); 101], now()).await.is_err());
    assert!(toolkit.delete_batch(None, &vec![uid("u"); 1001], now()).await.is_err());
    assert_eq!(toolkit.lookup(None, &[], now()).await.map(|found| found.len()).ok(), Some(0));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_once() {
    let tokens = TestServer::start([answer(200, granted("one", 3600)), answer(200, granted("two", 3600))]).await;
    let script = [captured("bad_bearer"), captured("delete_ok"), captured("delete_ok")];
    let server = TestServer::start(script).await;
    let credentials = Credentials::Google(Arc::new(token_of(&tokens)));
    let toolkit =
        IdentityToolkit::at(quick_client(), server.base(), &["v1"], "demo-test", credentials).expect("a name");

    for _ in 0..2 {
        assert_eq!(toolkit.delete(None, &uid("u"), now()).await.ok(), Some(ChangeAnswer::Done));
    }

    let seen = server.requests();
    assert_eq!(seen[0].line(), "POST /v1/projects/demo-test/accounts:delete HTTP/1.1");
    for (request, token) in seen.iter().zip(["one", "two", "two"]) {
        assert!(request.head.contains(&format!("authorization: Bearer {token}\r\n")), "{}", request.head);
    }
    assert_eq!((seen.len(), tokens.requests().len()), (3, 2));
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let tokens = TestServer::start([answer(500, "")]).await;
    let server = TestServer::start([captured("delete_ok")]).await;
    let credentials = Credentials::Google(Arc::new(token_of(&tokens)));
    let toolkit =
        IdentityToolkit::at(quick_client(), server.base(), &["v1"], "demo-test", credentials).expect("a name");

    let failure = toolkit.delete(None, &uid("u"), now()).await.expect_err("no token");

    assert!(matches!(failure, CallFailure::NoToken { .. }) && failure.is_transient(), "{failure:?}");
    assert_eq!(server.requests().len(), 0);
}
