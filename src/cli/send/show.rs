//! Showing a delivery and its answer. The body is shown by size and digest unless asked for: it holds personal data. Of a
//! token only its size is shown.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::delivery::Delivery;
use crate::cli::{output::Output, table::printable};
use crate::domain::SourceKind;
use crate::outbound::Answer;
use crate::sources::contract;

/// Prints the request.
pub(super) fn request(delivery: &Delivery, show_body: bool, output: &mut Output) -> anyhow::Result<()> {
    output.line(&format!("POST {}", delivery.url))?;
    for (name, value) in shown_headers(delivery) {
        output.line(&format!("  {name}: {}", printable(&value)))?;
    }
    output.line(&format!("  {} bytes, sha256 {}", delivery.body.len(), digest(delivery)))?;
    if show_body {
        output.line("")?;
        for line in String::from_utf8_lossy(&delivery.body).lines() {
            output.line(&format!("  {}", printable(line)))?;
        }
    }
    Ok(())
}

/// Prints an answer and what a sender would do about it.
pub(super) fn answer(kind: SourceKind, answer: &Answer, is_quiet: bool, output: &mut Output) -> anyhow::Result<()> {
    if is_quiet {
        return output.line(&answer.status.to_string());
    }
    output.line("")?;
    output.line(&format!(
        "{} in {:.1} ms: {}",
        answer.status,
        milliseconds(answer),
        what_follows(kind, answer.status)
    ))?;
    for (name, value) in &answer.headers {
        output.line(&format!("  {name}: {}", printable(value)))?;
    }
    for line in String::from_utf8_lossy(&answer.body).lines() {
        output.line(&format!("  {}", printable(line)))?;
    }
    Ok(())
}

/// Prints the request and every answer as one document.
pub(super) fn document(
    kind: SourceKind,
    delivery: &Delivery,
    show_body: bool,
    answers: &[Answer],
    output: &mut Output,
) -> anyhow::Result<()> {
    let headers: Map<String, Value> =
        shown_headers(delivery).map(|(name, value)| (name.to_owned(), value.into())).collect();
    let body = show_body.then(|| String::from_utf8_lossy(&delivery.body).into_owned());
    let answers: Vec<Value> = answers.iter().map(|answer| answer_document(kind, answer)).collect();
    output.json(&json!({
        "request": {
            "method": "POST",
            "url": delivery.url.as_str(),
            "headers": headers,
            "body_bytes": delivery.body.len(),
            "body_sha256": digest(delivery),
            "body": body,
        },
        "source_kind": kind.as_str(),
        "answers": answers,
    }))
}

fn answer_document(kind: SourceKind, answer: &Answer) -> Value {
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "status": answer.status,
        "elapsed_ms": milliseconds(answer),
        "headers": headers,
        "body": String::from_utf8_lossy(&answer.body),
        "is_accepted": (200..300).contains(&answer.status),
        "is_retried": is_retried(kind, answer.status),
        "meaning": what_follows(kind, answer.status),
    })
}

fn digest(delivery: &Delivery) -> String {
    hex::encode(Sha256::digest(&delivery.body))
}

/// To the microsecond.
fn milliseconds(answer: &Answer) -> f64 {
    (answer.elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

/// The headers as they may be shown: of a token only how long it is. Whoever reads over a shoulder could use it.
fn shown_headers(delivery: &Delivery) -> impl Iterator<Item = (&'static str, String)> + '_ {
    delivery.headers.iter().map(|(name, value)| {
        let shown = match value.split_once(' ') {
            _ if !name.eq_ignore_ascii_case("authorization") => value.clone(),
            Some((scheme, token)) => format!("{scheme} [token of {} bytes]", token.len()),
            None => format!("[token of {} bytes]", value.len()),
        };
        (*name, shown)
    })
}

/// True for the answers after which the sender sends a delivery again, by its own documentation.
fn is_retried(kind: SourceKind, status: u16) -> bool {
    contract(kind).inbound.as_ref().is_some_and(|inbound| (inbound.retries.after)(status))
}

fn what_follows(kind: SourceKind, status: u16) -> &'static str {
    match &contract(kind).inbound {
        Some(inbound) if (inbound.retries.after)(status) => inbound.retries.sentence,
        Some(_) | None => match status {
            200..=299 => "accepted; the sender does not send it again",
            401 => "not believed; the sender takes that as final and does not send it again",
            _ => "the sender takes that as final and does not send it again",
        },
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn only_the_answers_that_the_sender_names_are_retried() {
        for status in [408, 409, 425, 429, 500, 503, 599] {
            assert!(what_follows(SourceKind::JiraAdmin, status).contains("send it again, up to 5 times"), "{status}");
        }
        for status in [200, 204, 302, 400, 401, 403, 404, 410, 413] {
            assert!(what_follows(SourceKind::JiraAdmin, status).ends_with("does not send it again"), "{status}");
        }
        for kind in
            [SourceKind::Forge, SourceKind::GooglePubsub, SourceKind::GoogleEvents, SourceKind::FirebaseFunction]
        {
            assert!(!is_retried(kind, 200) && !is_retried(kind, 204), "{kind:?}");
            for status in [302, 401, 413, 503] {
                assert!(is_retried(kind, status), "{kind:?} {status}");
            }
        }
    }

    #[test]
    fn a_token_is_shown_by_its_size_and_a_signature_as_it_is() {
        let headers = vec![
            ("X-Hub-Signature", "sha256=aa bb".to_owned()),
            ("Authorization", "Bearer abc.def.ghi".to_owned()),
            ("Authorization", "abc".to_owned()),
        ];
        let url = Url::parse("http://127.0.0.1/").expect("a URL");
        let delivery = Delivery { url, headers, body: Vec::new() };
        let shown: Vec<String> = shown_headers(&delivery).map(|(_, value)| value).collect();
        assert_eq!(shown, ["sha256=aa bb", "Bearer [token of 11 bytes]", "[token of 3 bytes]"]);
    }
}
