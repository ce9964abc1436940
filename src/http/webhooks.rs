//! Deliveries of senders: headers, then bytes as they arrive, then the answer that the sender's contract expects.
//!
//! Answers have no body, and all refusals look alike. The name in the path is the caller's text until it is found, so it
//! appears in no log line and no metric.

use std::time::{Duration, Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use super::{
    body::{self, Bounds},
    edge::Edge,
};
use crate::app::{
    accept_event::{self, Accepted, DeliveryHeaders, RETRY_AFTER_SECONDS},
    jira_reply_status,
};
use crate::domain::{
    metric::{DELIVERIES_TOTAL, REFUSALS_TOTAL},
    reply::SenderReply,
};

const SIGNATURE: &str = "X-Hub-Signature";
const IDENTIFIER: &str = "X-Atlassian-Webhook-Identifier";
const SOURCE_KIND: &str = "jira_admin";
const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

/// `POST /webhooks/jira/{source}`: one delivery of a webhook that a Jira administrator registered.
pub(super) async fn jira(request: HttpRequest, payload: web::Payload, edge: web::Data<Edge>) -> HttpResponse {
    let began = Instant::now();
    let accepted = match deliver(&request, payload, &edge).await {
        Ok(accepted) | Err(accepted) => accepted,
    };
    record(&accepted, began.elapsed());
    respond(accepted.reply)
}

/// `Err` is an answer before the end of the body. Only `app` says that something was accepted.
async fn deliver(request: &HttpRequest, payload: web::Payload, edge: &Edge) -> Result<Accepted, Accepted> {
    let name = request.match_info().query("source").to_owned();
    let headers = headers_of(request);
    let gateway = edge.gateway.clone();
    let begun = edge.on_main(async move { accept_event::begin(&gateway, &name, headers).await }).await;
    let mut arriving = begun.ok_or(UNAVAILABLE)??;
    let bounds =
        Bounds { budget: &edge.budget, deadline: edge.settings.body_deadline, declared_bytes: declared_bytes(request) };
    arriving.expect_bytes(bounds.declared_bytes);
    let held = body::receive(payload, bounds, |chunk| arriving.update(chunk)).await?;
    let gateway = edge.gateway.clone();
    let finished = edge.on_main(async move {
        let accepted = arriving.finish(&gateway).await;
        // Not before: the bytes stay in memory until then, even when the sender has hung up.
        drop(held);
        accepted
    });
    Ok(finished.await.ok_or(UNAVAILABLE)?)
}

fn headers_of(request: &HttpRequest) -> DeliveryHeaders {
    DeliveryHeaders {
        signatures: request.headers().get_all(SIGNATURE).map(|value| value.as_bytes().to_vec()).collect(),
        identifier: request.headers().get(IDENTIFIER).map(|value| value.as_bytes().to_vec()),
    }
}

/// The server has refused a length that is no number; one that is no `usize` is more than any bound.
fn declared_bytes(request: &HttpRequest) -> Option<usize> {
    let text = request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?;
    Some(text.trim().parse().unwrap_or(usize::MAX))
}

fn record(accepted: &Accepted, took: Duration) {
    let reply = word(accepted.reply);
    metrics::counter!(DELIVERIES_TOTAL, "source_kind" => SOURCE_KIND, "reply" => reply).increment(1);
    if let Some(refusal) = accepted.refusal {
        metrics::counter!(REFUSALS_TOTAL, "reason" => refusal.to_string()).increment(1);
    }
    tracing::debug!(
        reply,
        refusal = accepted.refusal.map(tracing::field::display),
        event_id = accepted.event_id.map(tracing::field::display),
        is_duplicate = accepted.is_duplicate,
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "a delivery was answered"
    );
}

fn word(reply: SenderReply) -> &'static str {
    match reply {
        SenderReply::Accepted => "accepted",
        SenderReply::Unauthorized => "unauthorized",
        SenderReply::Unavailable { .. } => "unavailable",
        SenderReply::TooLarge => "too_large",
        SenderReply::TooSlow => "too_slow",
    }
}

fn respond(reply: SenderReply) -> HttpResponse {
    let (status, retry_after_seconds) = jira_reply_status(reply);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut answer = HttpResponse::build(status);
    if let Some(seconds) = retry_after_seconds {
        answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    answer.finish()
}

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    #[test]
    fn a_sender_is_told_a_status_and_nothing_else() {
        for (reply, status, retry_after) in [
            (SenderReply::Accepted, 200, None),
            (SenderReply::Unauthorized, 401, None),
            (SenderReply::Unavailable { retry_after_seconds: 7 }, 503, Some("7")),
            (SenderReply::TooLarge, 413, None),
            (SenderReply::TooSlow, 408, None),
        ] {
            let answer = respond(reply);

            let told = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("it is text"));
            assert_eq!((answer.status().as_u16(), told), (status, retry_after));
            assert_eq!(answer.headers().len(), usize::from(retry_after.is_some()));
            assert!(answer.into_body().try_into_bytes().expect("it is in memory").is_empty());
        }
    }

    #[test]
    fn every_signature_is_handed_on_because_choosing_one_would_be_guessing() {
        let request = TestRequest::default()
            .append_header((SIGNATURE, "sha256=aa"))
            .append_header((SIGNATURE, "sha256=bb"))
            .append_header((IDENTIFIER, "b8a5-1"))
            .to_http_request();

        let headers = headers_of(&request);

        assert_eq!(headers.signatures, [b"sha256=aa", b"sha256=bb"]);
        assert_eq!(headers.identifier.as_deref(), Some(b"b8a5-1".as_slice()));
    }

    #[test]
    fn a_length_beyond_all_numbers_is_beyond_all_bounds() {
        let declared = |text: &str| {
            declared_bytes(&TestRequest::default().insert_header((header::CONTENT_LENGTH, text)).to_http_request())
        };

        assert_eq!(declared("12"), Some(12));
        assert_eq!(declared("99999999999999999999999"), Some(usize::MAX));
        assert_eq!(declared_bytes(&TestRequest::default().to_http_request()), None);
    }
}
