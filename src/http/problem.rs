//! What is not 2xx and not a sender's, as `application/problem+json` (RFC 9457).
//!
//! Promises: a problem is written for outsiders. It never contains what was submitted, nor an inner message; the request
//! id in `instance` leads an operator to the log line.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::Serialize;

use super::call_id::CallId;
use crate::app;

/// The media type of RFC 9457.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// The members of RFC 9457. The type is `about:blank`: a problem of ours means what its status means.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    instance: &'a str,
}

/// The status of a use case's failure. The only place that picks one.
pub(super) fn status_of(error: &app::ground::error::Error) -> StatusCode {
    match error {
        app::ground::error::Error::Store(_)
        | app::ground::error::Error::Product(_)
        | app::ground::error::Error::Verify(_)
        | app::ground::error::Error::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
        app::ground::error::Error::NotFound(_) => StatusCode::NOT_FOUND,
        app::ground::error::Error::Rejected(_) => StatusCode::CONFLICT,
        app::ground::error::Error::Open(_)
        | app::ground::error::Error::Plan(_)
        | app::ground::error::Error::Proof(_)
        | app::ground::error::Error::Missing(_)
        | app::ground::error::Error::Unserializable { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem of this status, about this request.
pub(super) fn response(request: &HttpRequest, status: StatusCode) -> HttpResponse {
    respond(HttpResponse::build(status), request, status)
}

/// The problem of a method that the route does not know, with those that it does.
pub(super) fn wrong_method(request: &HttpRequest, allow: Option<header::HeaderValue>) -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    if let Some(allow) = allow {
        answer.insert_header((header::ALLOW, allow));
    }
    respond(answer, request, StatusCode::METHOD_NOT_ALLOWED)
}

/// Answers every path that is no route.
pub(super) async fn no_such_route(request: HttpRequest) -> HttpResponse {
    response(&request, StatusCode::NOT_FOUND)
}

fn respond(mut answer: HttpResponseBuilder, request: &HttpRequest, status: StatusCode) -> HttpResponse {
    let call = CallId::of(request);
    answer.insert_header((header::CONTENT_TYPE, PROBLEM_JSON)).json(Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Unknown"),
        status: status.as_u16(),
        detail: detail_of(status),
        instance: call.as_str(),
    })
}

fn detail_of(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::NOT_FOUND => Some("There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => Some("The header Allow lists the methods of this address."),
        StatusCode::SERVICE_UNAVAILABLE => Some("A database is away or busy. The same request may succeed later."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};

    use super::*;
    use crate::domain::reason::{InputReason, WaitReason};

    #[test]
    fn only_what_may_succeed_later_is_unavailable() {
        assert_eq!(status_of(&app::ground::error::Error::NotFound("request")), StatusCode::NOT_FOUND);
        let later = app::ground::error::Error::later(WaitReason::ErasureUnfinished);
        assert_eq!(status_of(&later), StatusCode::SERVICE_UNAVAILABLE);
        let rejected = app::ground::error::Error::rejected(InputReason::SourceInUse);
        assert_eq!(status_of(&rejected), StatusCode::CONFLICT);
        assert_eq!(
            status_of(&app::ground::error::Error::Missing("the tenant's key")),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_its_standard_and_nothing_that_was_submitted() {
        let request =
            TestRequest::with_uri("/canary?email=canary").insert_header(("x-canary", "canary")).to_http_request();

        let answer = no_such_route(request).await;

        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers().get(header::CONTENT_TYPE).expect("it is there"), PROBLEM_JSON);
        let body = to_bytes(answer.into_body()).await.expect("it is in memory");
        let text = std::str::from_utf8(&body).expect("it is text");
        assert_eq!(
            text,
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"There is nothing at this address.","instance":""}"#
        );
    }
}
