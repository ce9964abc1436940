//! Key sets against a publisher on this machine that says what the test wants, when it wants it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_lc_rs::{encoding::AsDer as _, rsa};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use super::*;
use crate::domain::key_set::PublicKey;

const FORGE: &str = "/forge/jwks.json";
const STALE: Duration = Duration::from_mins(10);

/// A publisher of keys on this machine. It says what the script says, and 404 to everything else.
struct Publisher {
    base: String,
    stage: Arc<Stage>,
}

struct Stage {
    script: Mutex<HashMap<String, String>>,
    asked: watch::Sender<Vec<String>>,
    /// An answer needs a permit.
    gate: Semaphore,
}

impl Publisher {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let (asked, _) = watch::channel(Vec::new());
        let stage = Arc::new(Stage { script: Mutex::default(), asked, gate: Semaphore::new(Semaphore::MAX_PERMITS) });
        tokio::spawn({
            let stage = Arc::clone(&stage);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(Arc::clone(&stage), stream));
                }
            }
        });
        Self { base, stage }
    }

    /// A publisher that answers nothing until [`Self::let_answers_out`].
    async fn holding_back() -> Self {
        let publisher = Self::open().await;
        publisher.stage.gate.forget_permits(Semaphore::MAX_PERMITS);
        publisher
    }

    fn let_answers_out(&self) {
        self.stage.gate.add_permits(1_000);
    }

    fn keys(&self) -> KeySets {
        KeySets::new(KeyAddresses::development(&self.base).expect("a loopback")).expect("a client")
    }

    fn says(&self, path: &str, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        self.stage.script.lock().expect("no test panicked").insert(path.to_owned(), text);
    }

    fn publishes(&self, path: &str, body: &str) {
        self.says(path, "200 OK", "content-type: text/plain\r\ncache-control: max-age=60\r\n", body);
    }

    fn asked(&self) -> Vec<String> {
        self.stage.asked.borrow().clone()
    }

    async fn has_been_asked(&self, times: usize) {
        let mut asked = self.stage.asked.subscribe();
        asked.wait_for(|asked| asked.len() >= times).await.expect("the stage stands");
    }
}

async fn answer(stage: Arc<Stage>, mut stream: TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut seen).await.expect("a request") == 0 {
            return;
        }
    }
    let request = String::from_utf8_lossy(&seen).into_owned();
    let path = request.split(' ').nth(1).expect("a path").to_owned();
    stage.asked.send_modify(|asked| asked.push(path.clone()));
    stage.gate.acquire().await.expect("open for ever").forget();
    let nothing = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let text = stage.script.lock().expect("no test panicked").get(&path).cloned();
    // The other side may have heard enough.
    let _ = stream.write_all(text.as_deref().unwrap_or(nothing).as_bytes()).await;
}

fn kid(text: &str) -> KeyId {
    KeyId::parse(text).expect("visible ASCII")
}

fn modulus(last: u8) -> Vec<u8> {
    let mut modulus = vec![0xa5; 256];
    modulus[255] = last;
    modulus
}

fn set(ids: &[&str]) -> String {
    let jwk = |kid: &&str| {
        format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{}","e":"AQAB"}}"#, URL_SAFE_NO_PAD.encode(modulus(1)))
    };
    format!(r#"{{"keys":[{}]}}"#, ids.iter().map(jwk).collect::<Vec<_>>().join(","))
}

fn pem() -> String {
    let numbers = rsa::PublicKeyComponents { n: modulus(1), e: vec![1, 0, 1] };
    let der = numbers.as_der().expect("numbers of a key");
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
}

fn is_key(answer: &KeyAnswer) -> bool {
    matches!(answer, KeyAnswer::Key(_))
}

#[tokio::test]
async fn each_host_has_its_own_document() {
    let publisher = Publisher::open().await;
    publisher.publishes(FORGE, &set(&["production"]));
    publisher.publishes("/forge-staging/jwks.json", &set(&["staging"]));
    publisher.publishes("/google/certs", &set(&["google"]));
    publisher.publishes("/connect/install", &pem());
    let keys = publisher.keys();

    let ids = ["production", "staging", "google", "install"];
    for (host, id) in KeyHost::ALL.into_iter().zip(ids) {
        for other in ids {
            assert_eq!(is_key(&keys.key(host, &kid(other)).await), other == id, "{host:?} {other}");
        }
    }
    let expected = PublicKey::Rsa { modulus: modulus(1), exponent: vec![1, 0, 1] };
    assert_eq!(keys.key(KeyHost::Google, &kid("google")).await, KeyAnswer::Key(Arc::new(expected)));
}

#[tokio::test]
async fn many_who_find_nothing_share_one_reading() {
    let publisher = Publisher::holding_back().await;
    publisher.publishes(FORGE, &set(&["a"]));
    publisher.publishes("/connect/a", &pem());
    let keys = publisher.keys();
    let id = kid("a");

    for (round, host) in [KeyHost::ForgeProduction, KeyHost::ConnectInstall].into_iter().enumerate() {
        let release = async {
            publisher.has_been_asked(round + 1).await;
            publisher.let_answers_out();
        };
        let (answers, ()) = tokio::join!(join_all((0..64).map(|_| keys.key(host, &id))), release);
        assert_eq!(answers.iter().filter(|answer| is_key(answer)).count(), 64);
        assert_eq!(publisher.asked().len(), round + 1);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_from_the_others() {
    let publisher = Publisher::holding_back().await;
    publisher.publishes(FORGE, &set(&["a"]));
    let keys = publisher.keys();
    let first = tokio::spawn({
        let keys = keys.clone();
        async move { keys.key(KeyHost::ForgeProduction, &kid("a")).await }
    });
    publisher.has_been_asked(1).await;

    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    let id = kid("a");
    let (second, ()) = tokio::join!(keys.key(KeyHost::ForgeProduction, &id), async { publisher.let_answers_out() });

    assert!(is_key(&second));
    assert_eq!(publisher.asked(), [FORGE]);
}

#[tokio::test]
async fn a_known_key_is_served_without_waiting_while_its_publisher_is_slow_or_down() {
    let publisher = Publisher::open().await;
    publisher.publishes(FORGE, &set(&["a"]));
    let (keys, id, host) = (publisher.keys(), kid("a"), KeyHost::ForgeProduction);
    assert!(is_key(&keys.key(host, &id).await));
    publisher.stage.gate.forget_permits(Semaphore::MAX_PERMITS);

    let now = Instant::now();
    for _ in 0..3 {
        assert!(matches!(keys.ask(host, &id, now), Reply::Now(KeyAnswer::Key(_))), "fresh");
        assert!(matches!(keys.ask(host, &id, now + STALE), Reply::Now(KeyAnswer::Key(_))), "stale");
    }
    publisher.has_been_asked(2).await;
    publisher.says(FORGE, "503 Service Unavailable", "", "");
    publisher.let_answers_out();
    // Whoever asks for another key joins the reading, and so learns how it ended.
    let _ = keys.key_at(host, &kid("b"), now + STALE).await;

    assert!(is_key(&keys.key_at(host, &id, now + STALE).await));
    assert_eq!(publisher.asked().len(), 2);
    let too_late = now + STALE + 2 * shelf::STALE_MAX;
    assert_eq!(keys.key_at(host, &id, too_late).await, KeyAnswer::Unavailable);
}

#[tokio::test]
async fn invented_ids_cause_one_reading_in_five_seconds() {
    let publisher = Publisher::open().await;
    publisher.publishes(FORGE, &set(&["a"]));
    let (keys, host) = (publisher.keys(), KeyHost::ForgeProduction);
    assert_eq!(keys.key(host, &kid("forged")).await, KeyAnswer::Unknown);

    let later = Instant::now() + shelf::AUTHORITATIVE_FOR;
    for moment in [Instant::now(), later] {
        for number in 0..50 {
            let forged = kid(&format!("forged-{number}"));
            assert_eq!(keys.key_at(host, &forged, moment).await, KeyAnswer::Unknown);
        }
    }
    assert_eq!(publisher.asked().len(), 2);

    publisher.publishes(FORGE, &set(&["a", "new"]));
    let later = later + 2 * shelf::AUTHORITATIVE_FOR;
    assert!(is_key(&keys.key_at(host, &kid("new"), later).await), "a key that was added is found");
}

#[tokio::test]
async fn a_failure_is_remembered_and_is_not_an_unknown_key() {
    let publisher = Publisher::open().await;
    publisher.says(FORGE, "500 Internal Server Error", "", "");
    let (keys, host) = (publisher.keys(), KeyHost::ForgeProduction);
    let now = Instant::now();
    for number in 0..50 {
        let answer = keys.key_at(host, &kid(&format!("k{number}")), now).await;
        assert_eq!(answer, KeyAnswer::Unavailable);
    }
    assert_eq!(publisher.asked().len(), 1);
    publisher.publishes(FORGE, &set(&["k"]));
    assert!(is_key(&keys.key_at(host, &kid("k"), now + shelf::AUTHORITATIVE_FOR * 2).await));
}

#[tokio::test]
async fn an_answer_that_cannot_be_believed_changes_nothing() {
    let publisher = Publisher::open().await;
    publisher.publishes(FORGE, &set(&["a"]));
    publisher.publishes("/elsewhere", &set(&["evil"]));
    let (keys, host, start) = (publisher.keys(), KeyHost::ForgeProduction, Instant::now());
    assert!(is_key(&keys.key_at(host, &kid("a"), start).await));
    let good = set(&["evil"]);
    let ambiguous = good.replace(
        r#"{"keys":["#,
        &format!(r#"{{"keys":[{{"kty":"RSA","kid":"evil","n":"{}","e":"AQAB"}},"#, URL_SAFE_NO_PAD.encode(modulus(3))),
    );
    let too_long = format!("{}{}", good, " ".repeat(64 * 1024));
    let wrong = [
        ("200 OK", "", "<html>"),
        ("200 OK", "", ""),
        ("200 OK", "", r#"{"keys":[]}"#),
        ("200 OK", "", r#"{"keys":[{}]}"#),
        ("200 OK", "", &ambiguous),
        ("200 OK", "", &too_long),
        ("200 OK", "content-encoding: gzip\r\n", &good),
        ("201 Created", "", &good),
        ("404 Not Found", "", &good),
        ("403 Forbidden", "", "<html>"),
        ("302 Found", "location: /elsewhere\r\n", ""),
        ("304 Not Modified", "", ""),
        ("503 Service Unavailable", "", &good),
    ];
    for (number, (status, headers, body)) in (1..).zip(wrong) {
        publisher.says(FORGE, status, headers, body);
        let moment = start + 10 * number * shelf::AUTHORITATIVE_FOR;
        assert_eq!(
            keys.key_at(host, &kid("evil"), moment).await,
            KeyAnswer::Unavailable,
            "{status} {headers} {number}"
        );
        assert!(is_key(&keys.key_at(host, &kid("a"), moment).await), "{status}");
        assert_eq!(publisher.asked().len(), 1 + number as usize, "{status}");
    }
    assert!(!publisher.asked().contains(&"/elsewhere".to_owned()));
}

#[tokio::test]
async fn an_install_key_that_is_not_there_is_unknown_and_one_that_cannot_be_asked_for_is_not() {
    let publisher = Publisher::open().await;
    publisher.says("/connect/forbidden", "403 Forbidden", "", "<html>AccessDenied</html>");
    publisher.publishes("/connect/html", "<html>hello</html>");
    let (keys, host) = (publisher.keys(), KeyHost::ConnectInstall);

    for _ in 0..2 {
        assert_eq!(keys.key(host, &kid("absent")).await, KeyAnswer::Unknown);
        assert_eq!(keys.key(host, &kid("../google/certs")).await, KeyAnswer::Unknown);
        assert_eq!(keys.key(host, &kid("a/b")).await, KeyAnswer::Unknown);
        assert_eq!(keys.key(host, &kid("forbidden")).await, KeyAnswer::Unavailable);
        assert_eq!(keys.key(host, &kid("html")).await, KeyAnswer::Unavailable);
    }
    assert_eq!(publisher.asked(), ["/connect/absent", "/connect/forbidden", "/connect/html"]);
}

#[tokio::test]
async fn invented_install_keys_cause_ten_readings_and_then_none() {
    let publisher = Publisher::open().await;
    let (keys, now) = (publisher.keys(), Instant::now());
    let mut answers = Vec::new();
    for number in 0..100 {
        answers.push(keys.key_at(KeyHost::ConnectInstall, &kid(&format!("k{number}")), now).await);
    }
    let (read, withheld) = answers.split_at(install_keys::READINGS_MAX);
    assert!(read.iter().all(|answer| *answer == KeyAnswer::Unknown));
    assert!(withheld.iter().all(|answer| *answer == KeyAnswer::Unavailable));
    assert_eq!(publisher.asked().len(), install_keys::READINGS_MAX);
}

#[tokio::test]
async fn a_second_install_host_is_asked_only_when_the_first_has_no_such_key() {
    let (first, second) = (Publisher::open().await, Publisher::open().await);
    let addresses = KeyAddresses::development(&first.base)
        .expect("a loopback")
        .with_connect(&[&format!("{}/connect", first.base), &format!("{}/connect", second.base)]);
    let (keys, host) = (KeySets::new(addresses).expect("a client"), KeyHost::ConnectInstall);
    first.publishes("/connect/here", &pem());
    first.says("/connect/broken", "500 Internal Server Error", "", "");
    for path in ["/connect/there", "/connect/broken"] {
        second.publishes(path, &pem());
    }

    assert!(is_key(&keys.key(host, &kid("here")).await));
    assert!(is_key(&keys.key(host, &kid("there")).await));
    assert_eq!(keys.key(host, &kid("broken")).await, KeyAnswer::Unavailable);
    assert_eq!(keys.key(host, &kid("nowhere")).await, KeyAnswer::Unknown);
    assert_eq!(second.asked(), ["/connect/there", "/connect/nowhere"]);
}
