//! Identity Toolkit, as the emulator of Firebase Authentication speaks it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use milestone_gateway::testing::{app::registry, signature::SecretBytes};
use serde_json::{Value, json};

use super::{
    Person, World,
    loopback::{Answer, Loopback},
    senders::PROJECT,
};

/// The accounts of several projects on one server.
pub(crate) struct Firebase {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// When each account was made, by project and uid.
    accounts: BTreeMap<(String, String), Timestamp>,
    /// `disable uid-paula-acme`, `batchDelete uid-paula-acme uid-peter-acme`
    calls: Vec<String>,
    is_down: bool,
    lets_nobody_in: bool,
    /// Uids that no batch deletes.
    kept: BTreeSet<String>,
}

impl Firebase {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Loopback::start(move |request| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let place = request.path.strip_prefix("/identitytoolkit.googleapis.com/v1/projects/");
            match place.and_then(|place| place.split_once("/accounts:")) {
                Some((project, verb)) => state.answer(project, verb, &serde_json::from_slice(&request.body).unwrap()),
                None => Answer::new(404, ""),
            }
        })
        .await;
        Self { server, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_an_account(&self, person: &Person, made_at: Timestamp) {
        self.has_an_account_in(PROJECT, person, made_at);
    }

    pub(crate) fn has_an_account_in(&self, project: &str, person: &Person, made_at: Timestamp) {
        self.state().accounts.insert((project.to_owned(), person.account_id.clone()), made_at);
    }

    pub(crate) fn forgets_everybody(&self) {
        self.state().accounts.clear();
    }

    pub(crate) fn is_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Whoever owns the project has taken our credentials' rights away.
    pub(crate) fn lets_nobody_in(&self, is_so: bool) {
        self.state().lets_nobody_in = is_so;
    }

    /// Batches answer that they could not delete this account.
    pub(crate) fn keeps(&self, person: &Person, is_kept: bool) {
        let mut state = self.state();
        if is_kept {
            state.kept.insert(person.account_id.clone());
        } else {
            state.kept.remove(&person.account_id);
        }
    }

    pub(crate) fn accounts(&self) -> usize {
        self.state().accounts.len()
    }

    /// The uids of a project's accounts, in order.
    pub(crate) fn uids_in(&self, project: &str) -> Vec<String> {
        let state = self.state();
        state.accounts.keys().filter(|(of, _)| of == project).map(|(_, uid)| uid.clone()).collect()
    }

    /// What it was asked since the last time somebody looked.
    pub(crate) fn was_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }
}

impl State {
    fn answer(&mut self, project: &str, verb: &str, body: &Value) -> Answer {
        let id = if verb == "batchDelete" { &body["localIds"] } else { &body["localId"] };
        let many = id.as_array().into_iter().flatten().chain(id.is_string().then_some(id));
        let uids: Vec<String> = many.map(|uid| uid.as_str().unwrap().to_owned()).collect();
        let what = match verb {
            "update" if body["disableUser"] == true => "disable",
            "update" if body["validSince"].is_string() => "revoke",
            other => other,
        };
        let place = if project == PROJECT { String::new() } else { format!("{project}: ") };
        self.calls.push(format!("{place}{what} {}", uids.join(" ")));
        if self.lets_nobody_in {
            return Answer::new(403, r#"{"error":{"code":403,"message":"PERMISSION_DENIED"}}"#);
        }
        if self.is_down {
            return Answer::new(503, "");
        }
        match what {
            "lookup" => self.looks_up(project, &uids),
            "batchDelete" => {
                assert_eq!(body["force"], true);
                self.deletes_all(project, &uids)
            }
            _ => self.changes(project, what, &uids[0]),
        }
    }

    fn looks_up(&self, project: &str, uids: &[String]) -> Answer {
        let made_at = |uid: &String| self.accounts.get(&(project.to_owned(), uid.clone()));
        let found: Vec<Value> = uids
            .iter()
            .filter_map(|uid| Some(json!({"localId": uid, "createdAt": made_at(uid)?.as_millisecond().to_string()})))
            .collect();
        if found.is_empty() {
            return captured("lookup_none");
        }
        Answer::new(200, json!({"users": found}).to_string())
    }

    /// Always 200; what could not be deleted is in the answer.
    fn deletes_all(&mut self, project: &str, uids: &[String]) -> Answer {
        let mut errors = Vec::new();
        for (index, uid) in uids.iter().enumerate() {
            if self.kept.contains(uid) {
                errors.push(json!({"index": index, "localId": uid, "message": format!("CANARY-HASH : {uid}")}));
            } else {
                self.accounts.remove(&(project.to_owned(), uid.clone()));
            }
        }
        if errors.is_empty() {
            return captured("batchDelete_ok_or_missing");
        }
        Answer::new(200, json!({"errors": errors}).to_string())
    }

    fn changes(&mut self, project: &str, what: &str, uid: &str) -> Answer {
        let account = (project.to_owned(), uid.to_owned());
        if !self.accounts.contains_key(&account) {
            return captured("delete_missing");
        }
        if what == "delete" {
            self.accounts.remove(&account);
            return captured("delete_ok");
        }
        Answer::new(200, json!({"localId": uid, "passwordHash": "CANARY-HASH"}).to_string())
    }
}

/// An answer that the emulator has really given.
fn captured(name: &str) -> Answer {
    let answers: Value = serde_json::from_str(include_str!("../../vectors/identity_toolkit_answers.json")).unwrap();
    let status = u16::try_from(answers[name]["status"].as_u64().unwrap()).unwrap();
    Answer::new(status, answers[name]["body"].to_string())
}

impl World {
    /// Gives a source credentials for this identity provider.
    pub(crate) async fn has_provider_credentials(&self, source: &str, firebase: &Firebase) {
        let credentials = json!({"emulator": firebase.server.address()}).to_string();
        let secret = SecretBytes::new(credentials.into_bytes());
        registry::set_provider_credentials(&self.gateway, &self.tester, source, &secret).await.unwrap();
    }
}
