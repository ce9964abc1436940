//! Who publishes the keys of senders: one loopback server at the addresses of development, with the test key.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::rsa::{PublicKey, PublicKeyComponents};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::loopback::{Answer, Loopback};

/// The id under which the test key is published, at every host.
pub(crate) const KEY_ID: &str = "key-1";
pub(crate) const PRIVATE_PEM: &[u8] = include_bytes!("../../vectors/keys/test-only-rsa-2048.private.pem");
pub(crate) const PUBLIC_PEM: &str = include_str!("../../vectors/keys/test-only-rsa-2048.public.pem");

/// How the server does today.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    Well,
    Slow(Duration),
    /// It hangs up.
    Down,
    /// It answers 200 with what is no key.
    Garbage,
}

/// The server, and what it was asked.
pub(crate) struct KeyServer {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    asked: BTreeMap<String, usize>,
}

impl KeyServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let state = Arc::new(Mutex::new(State { manner, asked: BTreeMap::new() }));
        let shared = Arc::clone(&state);
        let server = Loopback::start(move |request| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            *state.asked.entry(request.path.clone()).or_insert(0) += 1;
            match state.manner {
                Manner::Well => publish(&request.path),
                Manner::Slow(after) => Answer { after, ..publish(&request.path) },
                Manner::Down => Answer::hangs_up(),
                Manner::Garbage => Answer::new(200, "<html>please sign in</html>"),
            }
        })
        .await;
        Self { server, state }
    }

    pub(crate) fn address(&self) -> &str {
        self.server.address()
    }

    pub(crate) fn does(&self, manner: Manner) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).manner = manner;
    }

    /// How often each path was asked for.
    pub(crate) fn asked(&self) -> BTreeMap<String, usize> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

fn publish(path: &str) -> Answer {
    match path {
        "/forge/jwks.json" | "/forge-staging/jwks.json" | "/google/certs" => Answer::new(200, key_set()),
        "/connect/key-1" => Answer::new(200, PUBLIC_PEM),
        _ => Answer::new(404, ""),
    }
}

fn key_set() -> String {
    let lines = PUBLIC_PEM.lines().filter(|line| !line.starts_with('-'));
    let key = PublicKey::from_der(&STANDARD.decode(lines.collect::<String>()).unwrap()).unwrap();
    let numbers: PublicKeyComponents<Vec<u8>> = (&key).into();
    let [n, e] = [numbers.n, numbers.e].map(|number| URL_SAFE_NO_PAD.encode(number));
    json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e}]}).to_string()
}
