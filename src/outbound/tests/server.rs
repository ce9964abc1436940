//! A loopback HTTP server that answers what a test wrote down, and remembers what it was asked.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Client;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::outbound::{BaseAddress, Timeouts, client};

/// How the body of an answer comes.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Whole,
    Endless,
    Dripping,
    CutOff,
}

/// One answer of a script.
#[derive(Debug, Clone)]
pub(in crate::outbound) struct Scripted {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    manner: Manner,
}

/// An answer with a body.
pub(in crate::outbound) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Scripted {
    Scripted { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO, manner: Manner::Whole }
}

impl Scripted {
    pub(in crate::outbound) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(in crate::outbound) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    pub(in crate::outbound) const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The body never ends.
    pub(in crate::outbound) const fn endless(mut self) -> Self {
        self.manner = Manner::Endless;
        self
    }

    /// A byte now and then, so that no single read is slow.
    pub(in crate::outbound) const fn dripping(mut self) -> Self {
        self.manner = Manner::Dripping;
        self
    }

    /// The connection ends before the body does.
    pub(in crate::outbound) const fn cut_off(mut self) -> Self {
        self.manner = Manner::CutOff;
        self
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(in crate::outbound) struct Seen {
    /// Request line and headers.
    pub(in crate::outbound) head: String,
    pub(in crate::outbound) body: Vec<u8>,
}

impl Seen {
    pub(in crate::outbound) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(in crate::outbound) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// A server with a script: the n-th request gets the n-th answer; beyond the script the connection is closed.
pub(in crate::outbound) struct TestServer {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl TestServer {
    pub(in crate::outbound) async fn start(script: impl Into<Vec<Scripted>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn(serve(listener, Arc::new(script.into()), seen.clone()));
        Self { address, seen, serving }
    }

    pub(in crate::outbound) fn base(&self) -> BaseAddress {
        BaseAddress::development(&self.address).expect("a loopback address")
    }

    pub(in crate::outbound) fn address(&self) -> &str {
        &self.address
    }

    pub(in crate::outbound) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panicked").clone()
    }
}

/// A client that gives up soon.
pub(in crate::outbound) fn quick_client() -> Client {
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_millis(1500) };
    client(timeouts).expect("a client")
}

async fn serve(listener: TcpListener, script: Arc<Vec<Scripted>>, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (script, seen) = (script.clone(), seen.clone());
        tokio::spawn(async move {
            let Some(request) = read(&mut stream).await else { return };
            let index = {
                let mut seen = seen.lock().expect("no test panicked");
                seen.push(request);
                seen.len() - 1
            };
            if let Some(scripted) = script.get(index) {
                say(&mut stream, scripted).await;
            }
        });
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
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
    Some(Seen { head, body: bytes.split_off(head_end) })
}

async fn say(stream: &mut TcpStream, scripted: &Scripted) {
    tokio::time::sleep(scripted.delay).await;
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", scripted.status);
    for (name, value) in &scripted.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let length = match scripted.manner {
        Manner::Whole => scripted.body.len(),
        Manner::Endless | Manner::Dripping | Manner::CutOff => 1_000_000_000,
    };
    if scripted.status != 204 {
        let _ = write!(head, "content-length: {length}\r\n");
    }
    head.push_str("\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&scripted.body).await.is_err() {
        return;
    }
    // Ends when the client hangs up.
    match scripted.manner {
        Manner::Whole | Manner::CutOff => {}
        Manner::Endless => while stream.write_all(&[b'x'; 4096]).await.is_ok() {},
        Manner::Dripping => {
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
