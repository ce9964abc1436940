//! A small HTTP server of this machine that answers what a test decides, one request on each connection.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it arrived.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// An answer, and how long it takes. Status 0 hangs up without one.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), after: Duration::ZERO }
    }

    pub(crate) fn hangs_up() -> Self {
        Self::new(0, "")
    }
}

/// A server; dropping it ends it.
pub(crate) struct Loopback {
    address: String,
    serving: JoinHandle<()>,
}

impl Loopback {
    pub(crate) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    let answer = answer(&request);
                    tokio::time::sleep(answer.after).await;
                    if answer.status > 0 {
                        say(&mut stream, &answer).await;
                    }
                });
            }
        });
        Self { address, serving }
    }

    /// `http://127.0.0.1:40000`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    while bytes.len() < head_end + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Request { path, body: bytes.split_off(head_end) })
}

/// Whoever has hung up is no concern.
async fn say(stream: &mut TcpStream, answer: &Answer) {
    let head = format!(
        "HTTP/1.1 {} Told\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    drop(stream.write_all(&[head.as_bytes(), &answer.body].concat()).await);
}
