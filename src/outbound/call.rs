//! One bounded call to a known system, and the sorting of its answer.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::{
    Client, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use url::Url;

use super::{Answer, Authorization, CallFailure, post::exchange};

/// The longest wait that a server's `Retry-After` is believed for: a day. Beyond it somebody should look anyway.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

const NOT_JSON: CallFailure = CallFailure::BadAnswer { what: "it is not the JSON expected" };

/// What is sent in the body.
pub(super) enum Payload {
    Nothing,
    Json(Vec<u8>),
    Form(String),
}

/// A call, ready to be made.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) authorization: Option<&'a Authorization>,
    pub(super) payload: Payload,
    /// The most of an answer that is read, in bytes. A successful answer with more is a bad one.
    pub(super) answer_bytes_max: usize,
}

/// An answer within its bound, or that there was none.
pub(super) enum Bounded {
    /// The answer, of any status; [`successful`] sorts them.
    Within(Answer),
    /// The call succeeded, and its answer has more bytes than are read. None of it is kept.
    TooLarge,
}

/// Makes the call once. Any status is an answer; [`successful`] sorts them.
pub(super) async fn call(client: &Client, call: Call<'_>) -> Result<Answer, CallFailure> {
    match call_within(client, call).await? {
        Bounded::Within(answer) => Ok(answer),
        Bounded::TooLarge => Err(CallFailure::BadAnswer { what: "it is larger than its bound" }),
    }
}

/// As [`call()`], for whoever can ask for less where the answer is too large.
pub(super) async fn call_within(client: &Client, call: Call<'_>) -> Result<Bounded, CallFailure> {
    let mut request = client.request(call.method, call.url).header(ACCEPT, "application/json");
    if let Some(authorization) = call.authorization {
        request = request.header(AUTHORIZATION, authorization.header());
    }
    request = match call.payload {
        Payload::Nothing => request,
        Payload::Json(body) => request.header(CONTENT_TYPE, "application/json").body(body),
        Payload::Form(body) => request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body),
    };
    // One byte more tells an answer that just fits from one that was cut.
    let answer = exchange(request, call.answer_bytes_max + 1).await?;
    if is_success(answer.status) && answer.body.len() > call.answer_bytes_max {
        return Ok(Bounded::TooLarge);
    }
    Ok(Bounded::Within(answer))
}

/// The answer if its status is 2xx, otherwise what its status means.
pub(super) fn successful(answer: Answer) -> Result<Answer, CallFailure> {
    match answer.status {
        status if is_success(status) => Ok(answer),
        429 => Err(CallFailure::Throttled { retry_after: retry_after(&answer) }),
        status @ (408 | 425 | 500..=599) => {
            Err(CallFailure::ServerFailed { status, retry_after: retry_after(&answer) })
        }
        status => Err(CallFailure::Refused { status }),
    }
}

/// Reads a JSON object. The parser's error is dropped: it quotes values.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallFailure> {
    // A sequence would be read as a struct, field by field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(NOT_JSON);
    }
    serde_json::from_slice(body).map_err(|_| NOT_JSON)
}

/// Reads a JSON array.
pub(super) fn array<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, CallFailure> {
    serde_json::from_slice(body).map_err(|_| NOT_JSON)
}

/// The value of a header that came once.
pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut values = answer.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

const fn is_success(status: u16) -> bool {
    200 <= status && status <= 299
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date that is compared with the answer's own `Date`, so that our
/// clock does not matter.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = header(answer, "retry-after")?.trim();
    let wait = if let Ok(seconds) = value.parse::<u32>() {
        Duration::from_secs(seconds.into())
    } else {
        let until = rfc2822::parse(value).ok()?.timestamp();
        let from = rfc2822::parse(header(answer, "date")?).ok()?.timestamp();
        Duration::try_from(until.duration_since(from)).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::server::{Scripted, TestServer, answer, quick_client};

    async fn get(server: &TestServer, answer_bytes_max: usize) -> Result<Answer, CallFailure> {
        let authorization = Authorization::bearer("canary-token").expect("a token");
        let request = Call {
            method: Method::GET,
            url: server.base().below(&["thing"]),
            authorization: Some(&authorization),
            payload: Payload::Nothing,
            answer_bytes_max,
        };
        call(&quick_client(), request).await.and_then(successful)
    }

    async fn get_from(script: impl Into<Vec<Scripted>>, answer_bytes_max: usize) -> Result<Answer, CallFailure> {
        get(&TestServer::start(script).await, answer_bytes_max).await
    }

    #[tokio::test]
    async fn every_class_of_status_has_its_meaning() {
        for status in [200, 201, 204] {
            assert!(get_from([answer(status, "")], 10).await.is_ok());
        }
        for refused in [301, 302, 307, 400, 401, 403, 404, 410, 422] {
            let failure = get_from([answer(refused, "canary-body")], 100).await.expect_err("refused");
            assert!(matches!(failure, CallFailure::Refused { status } if status == refused), "{failure:?}");
            assert!(!failure.is_transient());
        }
        for failed in [408, 425, 500, 502, 503, 504] {
            let failure = get_from([answer(failed, "canary-body")], 100).await.expect_err("failed");
            assert!(matches!(failure, CallFailure::ServerFailed { status, .. } if status == failed), "{failure:?}");
            assert!(failure.is_transient());
        }
        let failure = get_from([answer(429, "")], 100).await.expect_err("throttled");
        assert!(matches!(failure, CallFailure::Throttled { retry_after: None }));
    }

    #[tokio::test]
    async fn a_wait_is_taken_from_seconds_or_from_two_dates_and_is_bounded() {
        let waits = [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(0)),
            ("4294967295", Some(24 * 3600)),
            ("-1", None),
            ("soon", None),
        ];
        for (value, seconds) in waits {
            let scripted = answer(429, "").with("retry-after", value).with("date", "Sun, 06 Nov 1994 08:49:00 GMT");
            let failure = get_from([scripted], 100).await.expect_err("throttled");
            assert_eq!(failure.retry_after(), seconds.map(Duration::from_secs), "{value}");
        }
        let twice = answer(503, "").with("retry-after", "1").with("retry-after", "2");
        assert_eq!(get_from([twice], 100).await.expect_err("failed").retry_after(), None);
    }

    #[tokio::test]
    async fn a_redirect_with_a_credential_is_not_followed() {
        let elsewhere = TestServer::start([answer(200, "{}")]).await;
        let there = elsewhere.base().below(&["stolen"]);
        let server = TestServer::start([answer(307, "").with("location", there.as_str())]).await;

        let failure = get(&server, 100).await.expect_err("not followed");

        assert!(matches!(failure, CallFailure::Refused { status: 307 }), "{failure:?}");
        assert_eq!((server.requests().len(), elsewhere.requests().len()), (1, 0));
        assert!(server.requests()[0].head.contains("authorization: Bearer canary-token"));
    }

    #[tokio::test]
    async fn an_answer_up_to_its_bound_is_read_and_a_larger_one_is_not() {
        assert_eq!(get_from([answer(200, "x".repeat(100))], 100).await.expect("it fits").body.len(), 100);
        for scripted in [answer(200, "x".repeat(101)), answer(200, "x").endless(), answer(200, "x".repeat(9_000_000))] {
            let failure = get_from([scripted], 100).await.expect_err("too large");
            assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
        }
        let failure = get_from([answer(500, "x").endless()], 100).await.expect_err("failed");
        assert!(matches!(failure, CallFailure::ServerFailed { status: 500, .. }), "{failure:?}");
    }

    #[tokio::test]
    async fn a_slow_a_broken_and_a_missing_server_are_unavailable_and_name_nothing() {
        let gone = TestServer::start([]).await.base();
        let failures = [
            get_from([answer(200, "{}").after(Duration::from_secs(20))], 100).await.expect_err("slow"),
            get_from([answer(200, "{}").dripping()], 100).await.expect_err("dripping"),
            get_from([answer(200, "{\"canary\":").cut_off()], 100).await.expect_err("broken"),
            get_from([], 100).await.expect_err("hung up"),
            super::super::post::post(&quick_client(), gone.below(&["canary"]).as_str(), &[], Vec::new())
                .await
                .map_err(CallFailure::from)
                .expect_err("gone"),
        ];
        for failure in failures {
            assert!(matches!(failure, CallFailure::Unavailable { .. }) && failure.is_transient(), "{failure:?}");
            let shown = format!("{failure:?} {failure}");
            assert!(!shown.contains("canary") && !shown.contains("thing"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_object_is_a_bad_answer_that_does_not_quote_it() {
        #[derive(Debug, serde::Deserialize)]
        struct Named {
            name: String,
        }
        assert_eq!(object::<Named>(b" {\"name\":\"x\"}").expect("an object").name, "x");
        for body in ["<html>canary</html>", "[\"canary\"]", "\"canary\"", "", "{\"name\":3}", "{\"name\":\"canary"] {
            let failure = object::<Named>(body.as_bytes()).expect_err("no such object");
            assert!(!format!("{failure:?} {failure}").contains("canary"));
        }
    }
}
