//! Atlassian's reporting API, and a world that reports to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::domain::SourceKind;
use serde_json::{Value, json};

use crate::harness::{Answered, Cloud, Person, ReceivedCall, Tenant, World, answered, empty, user_created};

/// What Atlassian thinks of accounts.
#[derive(Default)]
pub(super) struct Atlassian {
    pub(super) closed: BTreeSet<String>,
    pub(super) updated: BTreeSet<String>,
    /// Answers that come before any other, the last one first.
    pub(super) instead: Vec<Answered>,
    /// `Cycle-Period`
    pub(super) cycle: Option<&'static str>,
}

pub(super) type Shared = Arc<Mutex<Atlassian>>;

/// The reporting API as Atlassian documents it: at most 90, 204 when there is nothing to do.
pub(super) async fn atlassian(state: &Shared) -> Cloud {
    let state = Arc::clone(state);
    Cloud::that(move |asked| state.lock().unwrap().answers(asked)).await
}

impl Atlassian {
    fn answers(&mut self, asked: &ReceivedCall) -> Answered {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/app/report-accounts/"));
        if let Some(instead) = self.instead.pop() {
            return instead;
        }
        let accounts = accounts_of(asked);
        if accounts.len() > 90 {
            return answered(400, json!({"errorType": "TOO_MANY_ACCOUNTS", "errorMessage": "canary"}));
        }
        let said: Vec<Value> = accounts.keys().filter_map(|id| Some((id, self.status_of(id)?))).map(said).collect();
        let answer = if said.is_empty() { empty(204) } else { answered(200, json!({ "accounts": said })) };
        match self.cycle {
            None => answer,
            Some(cycle) => answer.with("cycle-period", cycle),
        }
    }

    fn status_of(&self, id: &str) -> Option<&'static str> {
        if self.closed.contains(id) {
            return Some("closed");
        }
        self.updated.contains(id).then_some("updated")
    }
}

fn said((id, status): (&String, &str)) -> Value {
    json!({"accountId": id, "status": status})
}

/// The accounts of one call, and since when something is held about each.
pub(super) fn accounts_of(asked: &ReceivedCall) -> BTreeMap<String, Timestamp> {
    let accounts = asked.body["accounts"].as_array().unwrap().iter();
    let account = |each: &Value| (text(&each["accountId"]), text(&each["updatedAt"]).parse().unwrap());
    accounts.map(account).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// All accounts reported so far, as often as they were.
pub(super) fn reported(cloud: &Cloud) -> Vec<String> {
    cloud.asked_of("/app/report-accounts/").iter().flat_map(|asked| accounts_of(asked).into_keys()).collect()
}

/// A world with a source that reports to this API.
pub(super) async fn reporting_to(cloud: &Cloud) -> World {
    let world = World::with_emulators().await;
    let source = world.a_platform_source("closed-accounts", SourceKind::AtlassianReport, json!({})).await;
    world.asks(source, cloud).await;
    world
}

pub(super) fn somebody(number: usize) -> Person {
    Person {
        tenant_key: String::new(),
        row_id: String::new(),
        account_id: format!("712020:00000000-0000-4000-8000-{number:012}"),
        email: "nobody@example.invalid".to_owned(),
        display_name: "Nobody".to_owned(),
    }
}

pub(super) async fn are_known(world: &World, tenant: &Tenant, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.jira_sends(tenant, &user_created(&somebody(number), world.gateway.now())).await;
    }
    world.the_worker_drains().await;
}

pub(super) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}
