//! The real binary, really killed: twenty times under load, with deliveries, revocations of access and erasures under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use milestone_gateway::testing::{
    datamap::{SourceFile, compile_dataset},
    demo,
    product::TenantScope,
    signature::{SecretBytes, hub_hmac},
    store::bootstrap,
};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};

const KILLS: usize = 20;
const SENDERS: usize = 4;
const WORKLOGS: usize = 1_000;
const SECRET: &str = "a secret that both ends know";
const TENANT_KEY: &str = "44f24d08-5a4c-4b6e-9d0f-0c1a5b2e7f04";
const PATIENCE: Duration = Duration::from_mins(1);

/// A database, a key ring and an address for one real server.
struct Site {
    admin: Client,
    url: String,
    folder: PathBuf,
    address: SocketAddr,
}

impl Site {
    async fn new() -> Self {
        let server = std::env::var("MILESTONE_TEST_PG").expect("no PostgreSQL to test on; run ./scripts/test");
        let database = format!("killed_{}", std::process::id());
        let (first, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
        tokio::spawn(connection);
        bootstrap::create_database(&first, &database).await.unwrap();
        let url = format!("{server} dbname={database}");
        let (admin, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let folder = std::env::temp_dir().join(format!("milestone-gateway-{database}"));
        std::fs::create_dir_all(&folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { admin, url, folder, address }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_milestone-gateway"));
        command
            .args(arguments)
            .env("DATABASE_URL", &self.url)
            .env("MILESTONE_KEYRING_FILE", self.folder.join("keyring.json"))
            .env("RUST_LOG", "milestone_gateway=error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        command
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[arguments, &["--json"]].concat()).output().unwrap();
        assert!(output.status.success(), "{arguments:?} failed");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// A server that answers.
    async fn serve(&self) -> Server {
        let listen = self.address.to_string();
        let child = Server(self.command(&["serve", "--demo", "--listen", &listen]).spawn().unwrap());
        let began = Instant::now();
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the server did not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        child
    }

    /// Leases are database time; a test does not wait for them.
    async fn leases_run_out(&self) {
        for table in ["event", "job"] {
            let sql = format!("UPDATE gateway.{table} SET lease_until = now() WHERE lease_until IS NOT NULL");
            self.admin.batch_execute(&sql).await.unwrap();
        }
    }

    async fn waits_until(&self, nothing_is_left: &str) {
        let began = Instant::now();
        while self.count(nothing_is_left).await > 0 {
            assert!(began.elapsed() < PATIENCE, "work did not end: {nothing_is_left}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn count(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// A running server; a test that fails leaves none behind.
struct Server(Child);

impl Server {
    /// `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Seeds the reference tenant and returns the account ids of its eight members.
async fn seed(site: &Site) -> Vec<String> {
    let file = SourceFile { name: "dataset.yaml", text: include_str!("../../policies/milestone/dataset.yaml") };
    let map = compile_dataset(file, false).0.unwrap().map;
    let (mut client, connection) =
        tokio_postgres::connect(&site.url.replace("user=postgres", "user=gw_tenant"), NoTls).await.unwrap();
    tokio::spawn(connection);
    let scope = TenantScope { map: &map, tenant_key: TENANT_KEY };
    demo::seed_tenant(&mut client, scope).await.unwrap();
    let rows = site.admin.query("SELECT account_id FROM milestone.team_member ORDER BY account_id", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn worklog(number: usize, account_id: &str) -> Value {
    json!({
        "webhookEvent": "worklog_created",
        "worklog": {
            "id": (700_000 + number).to_string(), "issueId": "10014", "timeSpentSeconds": 60,
            "author": {"accountId": account_id},
            "updated": "2026-01-02T03:04:05.000+0000", "started": "2026-01-02T03:04:05.000+0000",
        },
    })
}

fn departure(account_id: &str) -> Value {
    json!({"webhookEvent": "user_deleted", "user": {"accountId": account_id}})
}

/// What has to be sent, by identifier; what was not acknowledged is sent again, as Jira does.
#[derive(Default)]
struct Outgoing {
    issued: Mutex<BTreeMap<String, String>>,
    unsent: Mutex<Vec<(String, String)>>,
    acknowledged: Mutex<BTreeSet<String>>,
}

impl Outgoing {
    fn issue(&self, deliveries: impl Iterator<Item = (String, Value)>) {
        self.issued.lock().unwrap().extend(deliveries.map(|(identifier, body)| (identifier, body.to_string())));
        self.take_up_again();
    }

    /// Whatever was issued and not acknowledged waits to be sent: also what a sender held that was ended in the middle.
    fn take_up_again(&self) {
        let acknowledged = self.acknowledged.lock().unwrap();
        let issued = self.issued.lock().unwrap();
        let open = issued.iter().filter(|(identifier, _)| !acknowledged.contains(*identifier));
        *self.unsent.lock().unwrap() = open.map(|(identifier, body)| (identifier.clone(), body.clone())).collect();
    }
}

async fn send_while_up(outgoing: Arc<Outgoing>, address: SocketAddr) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let secret = SecretBytes::new(SECRET.as_bytes().to_vec());
    loop {
        let Some((identifier, body)) = outgoing.unsent.lock().unwrap().pop() else { return };
        let sent = client
            .post(format!("http://{address}/webhooks/jira/killed"))
            .header("x-atlassian-webhook-identifier", &identifier)
            .header("x-hub-signature", hub_hmac::sign(&secret, body.as_bytes()))
            .body(body.clone())
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status() == 200 => {
                outgoing.acknowledged.lock().unwrap().insert(identifier);
            }
            // Refused connection, broken answer or 503: not acknowledged, so the sender repeats it.
            Ok(_) | Err(_) => {
                // Next, as Jira does within the hour: keys of duplicates are not kept for ever.
                outgoing.unsent.lock().unwrap().push((identifier, body));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_kills_under_load_lose_nothing_and_do_nothing_twice() {
    let site = Site::new().await;
    site.run(&["bootstrap", "--demo", "--admin-url", &site.url]);
    let secret_file = site.folder.join("secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    let secret_file = secret_file.display().to_string();
    site.run(&["sources", "add", "killed", "--tenant-key", TENANT_KEY, "--secret-file", &secret_file]);
    let members = seed(&site).await;
    let (leaving, staying) = members.split_at(5);
    let worklogs = |numbers: std::ops::Range<usize>| {
        numbers.map(|number| (format!("worklog-{number}"), worklog(number, &staying[number % 3])))
    };
    let outgoing = Arc::new(Outgoing::default());
    outgoing.issue(worklogs(0..WORKLOGS / 2));
    outgoing.issue((0..).zip(leaving).map(|(number, account)| (format!("worklog-x{number}"), departure(account))));

    for kill in 0..KILLS {
        let mut server = site.serve().await;
        if kill == KILLS / 2 {
            // From here on erasures are due while the server is killed. What was issued before is finished first: no
            // sender's delivery waits for months.
            send_while_up(Arc::clone(&outgoing), site.address).await;
            site.waits_until("SELECT count(*) FROM gateway.event WHERE state = 'pending'").await;
            site.run(&["simulate", "--advance", "83d"]);
            // The running server has noticed when it has done what was due on day 30.
            site.waits_until("SELECT count(*) FROM gateway.job WHERE kind = 'flag_for_deletion' AND state = 'pending'")
                .await;
            outgoing.issue(worklogs(WORKLOGS / 2..WORKLOGS));
        }
        let senders: Vec<_> =
            (0..SENDERS).map(|_| tokio::spawn(send_while_up(Arc::clone(&outgoing), site.address))).collect();
        // No two lives are equally long.
        tokio::time::sleep(Duration::from_millis(60 + 37 * (kill as u64 % 7))).await;
        server.kill();
        for sender in senders {
            sender.abort();
            let _ = sender.await;
        }
        outgoing.take_up_again();
        site.leases_run_out().await;
    }
    let mut server = site.serve().await;
    send_while_up(Arc::clone(&outgoing), site.address).await;
    site.waits_until("SELECT count(*) FROM gateway.event WHERE state = 'pending'").await;
    site.waits_until("SELECT count(*) FROM gateway.job WHERE state = 'pending'").await;
    server.kill();

    let all = WORKLOGS + leaving.len();
    assert_eq!(outgoing.acknowledged.lock().unwrap().len(), all, "every delivery was acknowledged in the end");
    nothing_is_missing_and_nothing_is_twice(&site, all).await;
    std::fs::remove_dir_all(&site.folder).unwrap();
}

async fn nothing_is_missing_and_nothing_is_twice(site: &Site, all: usize) {
    let count = async |sql: &str| site.count(sql).await;
    assert_eq!(count("SELECT count(*) FROM gateway.event").await, i64::try_from(all).unwrap());
    let outcomes = "SELECT coalesce(string_agg(outcome || ': ' || outcome_reason || ' ' || n, ', '), '')
        FROM (
            SELECT outcome, outcome_reason, count(*) AS n
            FROM gateway.event
            -- Killed between the hours and the event's end, the second attempt finds its own hours and calls them stale.
            WHERE outcome <> 'applied' AND outcome_reason <> 'stale_version'
            GROUP BY outcome, outcome_reason
        ) AS o";
    let otherwise: String = site.admin.query_one(outcomes, &[]).await.unwrap().get(0);
    assert_eq!(otherwise, "", "every delivery was applied");
    assert_eq!(
        count("SELECT count(*) FROM milestone.hours_entry WHERE worklog_id ~ '^7[0-9]{5}$'").await,
        i64::try_from(WORKLOGS).unwrap()
    );
    assert_eq!(count("SELECT count(*) FROM gateway.privacy_request").await, 5);
    assert_eq!(count("SELECT count(*) FROM gateway.privacy_request WHERE state = 'completed'").await, 5);
    assert_eq!(count("SELECT count(*) FROM gateway.receipt").await, 5);
    assert_eq!(count("SELECT count(*) FROM milestone.team_member").await, 3);
}
