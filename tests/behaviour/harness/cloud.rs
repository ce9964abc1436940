//! Somebody else's servers, on this machine: a small HTTP server that a test gives its behaviour, and what is asked of it.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use milestone_gateway::testing::{
    app::{
        self,
        polling::{
            budget::Budget,
            round::{self, Polled, Round},
        },
        registry::Registration,
    },
    domain::SourceKind,
    signature::SecretBytes,
    sources::SourceSettings,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::World;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedCall {
    /// `POST`
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// The value of `Authorization`.
    pub(crate) authorization: String,
    /// The body; null without one.
    pub(crate) body: Value,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

/// An answer with a body.
pub(crate) fn answered(status: u16, body: Value) -> Answered {
    Answered { status, headers: Vec::new(), body: Some(body) }
}

/// An answer without one.
pub(crate) fn empty(status: u16) -> Answered {
    Answered { status, headers: Vec::new(), body: None }
}

impl Answered {
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts read best as they are")]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// A server of somebody else.
pub(crate) struct Cloud {
    address: String,
    asked: Arc<Mutex<Vec<ReceivedCall>>>,
    serving: JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Cloud {
    /// A server that answers each request as `behave` says.
    pub(crate) async fn that(behave: impl Fn(&ReceivedCall) -> Answered + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, behave) = (Arc::<Mutex<Vec<ReceivedCall>>>::default(), Arc::new(behave));
        let heard = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behave, heard) = (Arc::clone(&behave), Arc::clone(&heard));
                tokio::spawn(async move { serve(stream, behave.as_ref(), &heard).await });
            }
        });
        Self { address, asked, serving }
    }

    /// `http://127.0.0.1:1234`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Everything that was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<ReceivedCall> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was asked of this path, in order.
    pub(crate) fn asked_of(&self, path: &str) -> Vec<ReceivedCall> {
        self.asked().into_iter().filter(|asked| asked.path.starts_with(path)).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    behave: &(impl Fn(&ReceivedCall) -> Answered + ?Sized),
    heard: &Mutex<Vec<ReceivedCall>>,
) {
    let Some(asked) = read(&mut stream).await else { return };
    let answer = behave(&asked);
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    let body = answer.body.map(|body| body.to_string()).unwrap_or_default();
    let mut top = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        write!(top, "{name}: {value}\r\n").unwrap();
    }
    if answer.status != 204 {
        write!(top, "content-length: {}\r\n", body.len()).unwrap();
    }
    top.push_str("\r\n");
    let _ = stream.write_all(format!("{top}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<ReceivedCall> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let header = |wanted: &str| {
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned()).next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let mut line = head.lines().next()?.split(' ');
    Some(ReceivedCall {
        method: line.next()?.to_owned(),
        path: line.next()?.to_owned(),
        authorization: header("authorization").unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

impl World {
    /// Senders' keys are published here from now on.
    pub(crate) fn believes_keys_of(&mut self, cloud: &Cloud) {
        self.parts.key_server = Some(cloud.address().to_owned());
        self.restarts();
    }

    /// Registers a source of the platform; returns its name.
    pub(crate) async fn a_platform_source(
        &self,
        name: &'static str,
        kind: SourceKind,
        settings: Value,
    ) -> &'static str {
        let settings = SourceSettings::parse(kind, &settings).unwrap();
        app::registry::register(&self.gateway, &self.tester, &Registration::of(name, None, settings)).await.unwrap();
        name
    }

    /// Gives a source the credentials by which its system is asked.
    pub(crate) async fn is_asked_with(&self, source: &str, credentials: Value) {
        let secret = SecretBytes::new(credentials.to_string().into_bytes());
        app::registry::set_provider_credentials(&self.gateway, &self.tester, source, &secret).await.unwrap();
    }

    /// Gives a source a server of this machine to ask.
    pub(crate) async fn asks(&self, source: &str, cloud: &Cloud) {
        self.is_asked_with(source, json!({"bearer": "a-token", "api": cloud.address()})).await;
    }

    /// Somebody has everything asked, due or not.
    pub(crate) async fn everything_is_asked(&self) -> Polled {
        let round = Round { is_forced: true, ..Round::DUE };
        round::run(self.gateway.polling(), round, &Budget::of(Duration::from_mins(1))).await.unwrap()
    }

    /// The worker's own round.
    pub(crate) async fn whoever_is_due_is_asked(&self) -> Polled {
        round::run(self.gateway.polling(), Round::DUE, &Budget::of(Duration::from_mins(1))).await.unwrap()
    }

    /// A round that dies at a line.
    pub(crate) async fn asking_dies_at(&self, point: &'static str) {
        self.crash.arm(point, 1);
        let gateway = self.gateway.clone();
        let round = Round { is_forced: true, ..Round::DUE };
        let dying = tokio::spawn(async move {
            round::run(gateway.polling(), round, &Budget::of(Duration::from_mins(1))).await.is_ok()
        });
        assert!(dying.await.is_err(), "{point} is never reached");
        self.the_lease_runs_out().await;
    }
}
