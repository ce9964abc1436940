//! Intake: a closed loop of truly signed deliveries over HTTP against a server of its own, on a database of its own.
//!
//! It measures deliveries that are verified, sealed, durable, deduplicated and pending. `scripts/bench` runs it beside
//! `pgbench` on the same PostgreSQL, because only the ratio of the two means something on a shared machine. The result is one
//! line of JSON.
#![allow(clippy::print_stdout, reason = "the figures are the output of a bench")]

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use clap::Parser;
use milestone_gateway::testing::{
    app::registry::{self, Registration},
    config::{Database, DatabaseTls, Settings},
    domain::{Actor, Entropy as _, actor::ActorName},
    http::{self, Edge, EdgeSettings},
    signature::{SecretBytes, hub_hmac},
    store::bootstrap,
    system::{self, Development, Opening, OsEntropy},
};

/// Size of a delivery's body, in bytes: a worklog with its author's avatars.
const BODY_BYTES: usize = 1_500;
/// The secret that both ends of the bench know.
const SECRET: &[u8] = b"a secret for measurements only";

/// What to measure, on the PostgreSQL that `MILESTONE_TEST_PG` names.
#[derive(Debug, Parser)]
struct Arguments {
    /// Connections that send at the same time, each waiting for its answer
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// How long to send
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(run(&Arguments::parse())))
}

/// Measures and prints.
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { connections, seconds, .. } = *arguments;
    let server = std::env::var("MILESTONE_TEST_PG")
        .context("MILESTONE_TEST_PG names no PostgreSQL to measure on; run scripts/bench")?;
    let place = Place::make(&server).await?;
    let measured = Box::pin(measure(&place, connections, Duration::from_secs(seconds))).await;
    place.remove().await?;
    let mut micros = measured?;
    micros.sort_unstable();
    let percentile = |share: usize| micros.get(micros.len() * share / 1_000).map_or(0.0, |at| f64::from(*at) / 1_000.0);
    let value = json!({
        "connections": connections,
        "per_second": micros.len() as u64 / seconds,
        "p50_ms": percentile(500),
        "p99_ms": percentile(990),
    });
    println!("{value}");
    Ok(())
}

/// A database and a key ring for one measurement.
struct Place {
    admin: tokio_postgres::Client,
    database: String,
    settings: Settings,
    folder: PathBuf,
}

impl Place {
    async fn make(server: &str) -> anyhow::Result<Self> {
        let mut random = [0_u8; 4];
        OsEntropy.fill(&mut random);
        let database = format!("bench_{}", hex::encode(random));
        let (admin, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        bootstrap::create_database(&admin, &database).await?;
        let url = SecretString::from(format!("{server} dbname={database}"));
        let folder = std::env::temp_dir().join(format!("milestone-gateway-{database}"));
        let settings = Settings {
            database: Database::External(url.clone()),
            product_database: None,
            database_tls: DatabaseTls::VerifyOffLoopback,
            data_dir: None,
            pg_bin: None,
            keyring_file: folder.join("keyring.json"),
            policy_dir: None,
        };
        let product = system::read_product(None)?;
        system::bootstrap(&settings, &url, &product.compiled.map.schema, true).await?;
        Ok(Self { admin, database, settings, folder })
    }

    async fn remove(self) -> anyhow::Result<()> {
        bootstrap::drop_database(&self.admin, &self.database).await?;
        std::fs::remove_dir_all(&self.folder).context("the bench's key ring could not be removed")?;
        Ok(())
    }
}

async fn measure(place: &Place, connections: u16, length: Duration) -> anyhow::Result<Vec<u32>> {
    let system =
        system::open(&place.settings, Opening { demo: true, check_drift: false, development: Development::default() })
            .await?;
    let secret = SecretBytes::new(SECRET.to_vec());
    let registration = Registration::jira("bench", "00000000-0000-4000-8000-00000000be9c", &secret);
    let actor = Actor::CommandLine { os_user: ActorName::of_account("bench") };
    registry::register(&system.gateway, &actor, &registration).await?;
    let edge = Edge::new(
        system.gateway.clone(),
        Arc::new(String::new),
        EdgeSettings::new(SocketAddr::from(([127, 0, 0, 1], 0))),
        tokio::runtime::Handle::current(),
    );
    let listening = http::start(edge)?;
    let address = listening.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(listening.run_until(async move { drop(stopped.await) }));
    let until = Instant::now() + length;
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..connections {
        senders.spawn(send_until(address, number, until));
    }
    let mut micros = Vec::new();
    while let Some(sent) = senders.join_next().await {
        micros.extend(sent??);
    }
    drop(stop);
    served.await??;
    system.close().await?;
    Ok(micros)
}

/// One connection: send, wait for the answer, send the next. Returns each round trip in microseconds.
async fn send_until(address: SocketAddr, connection: u16, until: Instant) -> anyhow::Result<Vec<u32>> {
    let secret = SecretBytes::new(SECRET.to_vec());
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut micros = Vec::new();
    let mut answer = [0_u8; 1_024];
    for number in 0_u64.. {
        if Instant::now() >= until {
            break;
        }
        let request = request(&secret, connection, number);
        let began = Instant::now();
        stream.write_all(&request).await?;
        let mut length = 0;
        // The answer has no body, so it ends with its head.
        while !answer[..length].ends_with(b"\r\n\r\n") {
            match stream.read(&mut answer[length..]).await? {
                0 => bail!("the server hung up"),
                read => length += read,
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            bail!("a delivery was not accepted: {}", String::from_utf8_lossy(&answer[..length.min(40)]));
        }
        micros.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(micros)
}

fn request(secret: &SecretBytes, connection: u16, number: u64) -> Vec<u8> {
    let worklog = u64::from(connection) * 10_000_000 + number;
    let mut body = json!({
        "timestamp": 1_790_005_200_000_u64,
        "webhookEvent": "worklog_created",
        "worklog": {
            "id": worklog.to_string(), "issueId": "10014", "timeSpentSeconds": 3600,
            "author": {"accountId": "712020:00000000-0000-4000-8000-000000000001"},
            "updated": "2026-09-21T21:11:17.618+0530", "started": "2026-09-20T05:11:09.067+0530",
        },
    })
    .to_string();
    // White space after the document is part of what is signed and of no document.
    body.extend(std::iter::repeat_n(' ', BODY_BYTES.saturating_sub(body.len())));
    let signature = hub_hmac::sign(secret, body.as_bytes());
    let head = format!(
        "POST /webhooks/jira/bench HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-Atlassian-Webhook-Identifier: bench-{connection}-{number}\r\nX-Hub-Signature: {signature}\r\n\r\n",
        body.len()
    );
    let mut request = head.into_bytes();
    request.extend_from_slice(body.as_bytes());
    request
}
