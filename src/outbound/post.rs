//! Posting bytes exactly as given.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};

use super::OutboundError;

/// The most of an answer's body that is kept, in bytes; what follows is not read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names (lower case) and values, in the order received. Values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body's first bytes: of [`post`] at most [`ANSWER_BYTES_MAX`].
    pub body: Vec<u8>,
    /// From the first byte out until the body had been read.
    pub elapsed: Duration,
}

/// Posts `body` unchanged under exactly these headers (and those that HTTP itself needs). Any status is an answer. Not
/// repeated on failure: whether repeating is safe, only the caller knows.
pub async fn post(
    client: &Client,
    url: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Answer, OutboundError> {
    let mut request = client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    exchange(request, ANSWER_BYTES_MAX).await
}

/// Sends what has been made ready and reads at most `bytes_max` of the answer's body; what follows is not read.
pub(super) async fn exchange(request: RequestBuilder, bytes_max: usize) -> Result<Answer, OutboundError> {
    let began = Instant::now();
    let mut response = request.send().await.map_err(OutboundError::of)?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut kept = Vec::new();
    while kept.len() < bytes_max {
        let Some(chunk) = response.chunk().await.map_err(OutboundError::of)? else { break };
        let room = bytes_max - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(Answer { status, headers, body: kept, elapsed: began.elapsed() })
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::outbound::{Timeouts, client};

    /// A server that answers one connection with a fixed text. Gives its address and, later, what it was sent.
    async fn server_that_says(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut seen = vec![0_u8; 4096];
            let length = stream.read(&mut seen).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("an open connection");
            String::from_utf8_lossy(&seen[..length]).into_owned()
        });
        (format!("http://{address}/webhooks/jira/acme"), asked)
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (url, asked) = server_that_says(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/elsewhere\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
        let client = client(Timeouts::default()).expect("a client");

        let answer = post(&client, &url, &[("X-Hub-Signature", "sha256=00".to_owned())], b"{}".to_vec()).await;

        assert_eq!(answer.expect("an answer").status, 302);
        let asked = asked.await.expect("asked").to_lowercase();
        assert!(asked.starts_with("post /webhooks/jira/acme http/1.1"), "{asked}");
        assert!(asked.contains("x-hub-signature: sha256=00"), "{asked}");
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable_and_may_be_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        drop(listener);
        let client = client(Timeouts::default()).expect("a client");

        let error = post(&client, &url, &[], Vec::new()).await.expect_err("nobody is there");

        assert!(matches!(error, OutboundError::Unreachable { .. }) && error.is_transient(), "{error:?}");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_not_tried_again() {
        let client = client(Timeouts::default()).expect("a client");
        let error = post(&client, "not an address", &[], Vec::new()).await.expect_err("no address");
        assert!(matches!(error, OutboundError::BadRequest { .. }) && !error.is_transient(), "{error:?}");
    }
}
