//! Showing a delivery and its answer. The body is shown by size and digest unless asked for: it holds personal data.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::delivery::Delivery;
use crate::cli::{output::Output, table::printable};
use crate::outbound::Answer;

/// Prints the request.
pub(super) fn request(delivery: &Delivery, show_body: bool, output: &mut Output) -> anyhow::Result<()> {
    output.line(&format!("POST {}", delivery.url))?;
    for (name, value) in delivery.headers(0) {
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
pub(super) fn answer(answer: &Answer, is_quiet: bool, output: &mut Output) -> anyhow::Result<()> {
    if is_quiet {
        return output.line(&answer.status.to_string());
    }
    output.line("")?;
    output.line(&format!("{} in {:.1} ms: {}", answer.status, milliseconds(answer), what_follows(answer.status)))?;
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
    delivery: &Delivery,
    show_body: bool,
    answers: &[Answer],
    output: &mut Output,
) -> anyhow::Result<()> {
    let headers: Map<String, Value> =
        delivery.headers(0).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let body = show_body.then(|| String::from_utf8_lossy(&delivery.body).into_owned());
    let answers: Vec<Value> = answers.iter().map(answer_document).collect();
    output.json(&json!({
        "request": {
            "method": "POST",
            "url": delivery.url.as_str(),
            "headers": headers,
            "body_bytes": delivery.body.len(),
            "body_sha256": digest(delivery),
            "body": body,
        },
        "answers": answers,
    }))
}

fn answer_document(answer: &Answer) -> Value {
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "status": answer.status,
        "elapsed_ms": milliseconds(answer),
        "headers": headers,
        "body": String::from_utf8_lossy(&answer.body),
        "is_accepted": (200..300).contains(&answer.status),
        "is_retried_by_jira": is_retried(answer.status),
        "meaning": what_follows(answer.status),
    })
}

fn digest(delivery: &Delivery) -> String {
    hex::encode(Sha256::digest(&delivery.body))
}

/// To the microsecond.
fn milliseconds(answer: &Answer) -> f64 {
    (answer.elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

/// True for the answers after which Jira sends a delivery again (Atlassian: 408, 409, 425, 429 and 5xx, nothing else).
const fn is_retried(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500..=599)
}

const fn what_follows(status: u16) -> &'static str {
    match status {
        200..=299 => "accepted; Jira does not send it again",
        401 => "not believed; Jira takes that as final and does not send it again",
        _ if is_retried(status) => "Jira would send it again, up to 5 times, 5 to 15 minutes apart",
        _ => "Jira takes that as final and does not send it again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answers_that_atlassian_names_are_retried() {
        for status in [408, 409, 425, 429, 500, 503, 599] {
            assert!(what_follows(status).contains("send it again, up to 5 times"), "{status}");
        }
        for status in [200, 204, 302, 400, 401, 403, 404, 410, 413] {
            assert!(what_follows(status).ends_with("does not send it again"), "{status}");
        }
    }
}
