//! Deliveries of senders: headers, then bytes as they arrive, then the answer that the sender's contract expects.
//!
//! Answers have no body, and all rejections look alike. The name in the path is the caller's text until it is found, so it
//! appears in no log line and no metric.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

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
    contract::{HeaderRead, Inbound},
    handshake, headers_read,
    intake::{
        accept_event,
        delivery::{Accepted, Delivery, RETRY_AFTER_SECONDS},
    },
    reply_status,
};
use crate::domain::{
    Headers, SourceKind,
    metric::{DELIVERIES_TOTAL, REJECTIONS_TOTAL},
    reply::SenderReply,
};

/// Headers that some sender's contract reads, each once; all others stay here.
static HEADERS_READ: LazyLock<Vec<HeaderRead>> = LazyLock::new(|| {
    let mut all: Vec<HeaderRead> = Vec::new();
    for read in headers_read() {
        if !all.contains(&read) {
            all.push(read);
        }
    }
    all
});
const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

/// The route of a kind of sender.
pub(super) fn path(inbound: &Inbound) -> String {
    let words: Vec<&str> = inbound.tails.iter().map(|tail| tail.word).collect();
    let tail = if words.is_empty() { String::new() } else { format!("/{{tail:{}}}", words.join("|")) };
    format!("{}{tail}", inbound.path("{source}"))
}

/// `POST /webhooks/{kind}/{source}` and what is below it: one delivery.
pub(super) async fn deliver(
    request: HttpRequest,
    payload: web::Payload,
    edge: web::Data<Edge>,
    kind: SourceKind,
) -> HttpResponse {
    let began = Instant::now();
    let accepted = match take(&request, payload, &edge, kind).await {
        Ok(accepted) | Err(accepted) => accepted,
    };
    record(kind, &accepted, began.elapsed());
    respond(kind, accepted.reply)
}

/// `OPTIONS /webhooks/cloudevents/{source}`: the handshake of a `CloudEvents` sender, which asks whether it may send
/// (`CloudEvents`, HTTP 1.1 web hooks). It is told yes whatever the source is: what it sends is verified when it comes.
pub(super) async fn cloudevents_handshake(request: HttpRequest) -> HttpResponse {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let allowed = text("WebHook-Request-Origin").and_then(|origin| handshake(origin, text("WebHook-Request-Rate")));
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::ALLOW, "OPTIONS, POST"));
    if let Some((origin, rate)) = allowed {
        answer.insert_header(("WebHook-Allowed-Origin", origin)).insert_header(("WebHook-Allowed-Rate", rate));
    }
    answer.finish()
}

/// `Err` is an answer before the end of the body. Only `app` says that something was accepted.
async fn take(
    request: &HttpRequest,
    payload: web::Payload,
    edge: &Edge,
    kind: SourceKind,
) -> Result<Accepted, Accepted> {
    let delivery = Delivery {
        kind,
        source: request.match_info().query("source").to_owned(),
        tail: request.match_info().query("tail").to_owned(),
        query: request.query_string().to_owned(),
        headers: headers_of(request),
    };
    let gateway = edge.gateway.clone();
    let begun = edge.on_main(async move { accept_event::begin(gateway.intake(), delivery).await }).await;
    let mut arriving = begun.ok_or(UNAVAILABLE)??;
    let bounds =
        Bounds { budget: &edge.budget, deadline: edge.settings.body_deadline, declared_bytes: declared_bytes(request) };
    arriving.expect_bytes(bounds.declared_bytes);
    let held = body::receive(payload, bounds, |chunk| arriving.update(chunk)).await?;
    let gateway = edge.gateway.clone();
    let finished = edge.on_main(async move {
        let accepted = arriving.finish(gateway.intake()).await;
        // Not before: the bytes stay in memory until then, even when the sender has hung up.
        drop(held);
        accepted
    });
    Ok(finished.await.ok_or(UNAVAILABLE)?)
}

fn headers_of(request: &HttpRequest) -> Headers {
    let is_read = |name: &str| {
        HEADERS_READ.iter().any(|read| match read {
            HeaderRead::Named(known) | HeaderRead::Credential(known) => name == *known,
            HeaderRead::Prefixed(prefix) => name.starts_with(prefix),
        })
    };
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    headers.filter(|(name, _)| is_read(name)).collect()
}

/// The server has refused a length that is no number; one that is no `usize` is more than any bound.
fn declared_bytes(request: &HttpRequest) -> Option<usize> {
    let text = request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?;
    Some(text.trim().parse().unwrap_or(usize::MAX))
}

fn record(kind: SourceKind, accepted: &Accepted, took: Duration) {
    let (source_kind, reply) = (kind.as_str(), word(accepted.reply));
    metrics::counter!(DELIVERIES_TOTAL, "source_kind" => source_kind, "reply" => reply).increment(1);
    if let Some(rejection) = accepted.rejection {
        let reason = rejection.as_str();
        metrics::counter!(REJECTIONS_TOTAL, "source_kind" => source_kind, "reason" => reason).increment(1);
    }
    tracing::debug!(
        source_kind,
        reply,
        rejection = accepted.rejection.map(tracing::field::display),
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

fn respond(kind: SourceKind, reply: SenderReply) -> HttpResponse {
    let (status, retry_after_seconds) = reply_status(kind, reply);
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
            let answer = respond(SourceKind::JiraAdmin, reply);

            let told = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("it is text"));
            assert_eq!((answer.status().as_u16(), told), (status, retry_after));
            assert_eq!(answer.headers().len(), usize::from(retry_after.is_some()));
            assert!(answer.into_body().try_into_bytes().expect("it is in memory").is_empty());
        }
    }

    #[test]
    fn every_signature_is_handed_on_because_choosing_one_would_be_guessing() {
        let request = TestRequest::default()
            .append_header(("X-Hub-Signature", "sha256=aa"))
            .append_header(("X-Hub-Signature", "sha256=bb"))
            .append_header(("X-Atlassian-Webhook-Identifier", "b8a5-1"))
            .append_header(("ce-id", "1"))
            .append_header(("Cookie", "canary"))
            .to_http_request();

        let headers = headers_of(&request);

        assert_eq!(headers.all("x-hub-signature").collect::<Vec<_>>(), [b"sha256=aa", b"sha256=bb"]);
        assert_eq!(headers.only("x-atlassian-webhook-identifier"), Some(b"b8a5-1".as_slice()));
        assert_eq!(headers.iter().count(), 4);
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
