//! The site that is asked for its worklogs, and the tenant whose it is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::outbound::jira_worklogs::WORKLOG_ANSWER_BYTES_MAX;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{Answered, Cloud, Person, ReceivedCall, Tenant, World, answered, empty, issue_of, worklog};

/// A Jira site: its worklogs as they are, and the two feeds.
#[derive(Default)]
pub(super) struct Jira {
    pub(super) worklogs: BTreeMap<u64, Value>,
    pub(super) updated: Vec<(u64, Timestamp)>,
    pub(super) deleted: Vec<(u64, Timestamp)>,
    /// Changes on a page.
    pub(super) page: usize,
    /// Where the next page is said to be, instead of here.
    pub(super) next_page_host: Option<String>,
    pub(super) now: Option<Timestamp>,
    /// Who is told to stop as soon as a list of so many worklogs is asked for.
    pub(super) stopped_by_list_of: Option<(usize, watch::Sender<bool>)>,
}

pub(super) type Shared = Arc<Mutex<Jira>>;

impl Jira {
    fn answers(&self, asked: &ReceivedCall) -> Answered {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        // A site behind Atlassian's API host is the same site.
        let below = path.find("/rest/").map_or(path, |at| &path[at..]);
        match below {
            "/rest/api/3/worklog/updated" => self.feed(path, query, &self.updated),
            "/rest/api/3/worklog/deleted" => self.feed(path, query, &self.deleted),
            "/rest/api/3/worklog/list" => {
                let ids: Vec<u64> = serde_json::from_value(asked.body["ids"].clone()).unwrap();
                assert!(ids.len() <= 1000);
                if let Some((_, stop)) = self.stopped_by_list_of.as_ref().filter(|(count, _)| *count == ids.len()) {
                    stop.send_replace(true);
                }
                let listed: Vec<&Value> = ids.iter().filter_map(|id| self.worklogs.get(id)).collect();
                answered(200, json!(listed))
            }
            _ => empty(404),
        }
    }

    /// Oldest change first, without the last minute.
    fn feed(&self, path: &str, query: &str, changes: &[(u64, Timestamp)]) -> Answered {
        let since: i64 = query.strip_prefix("since=").unwrap().parse().unwrap();
        let end = self.now.unwrap().as_millisecond() - 60_000;
        let mut due: Vec<(u64, i64)> = changes.iter().map(|(id, at)| (*id, at.as_millisecond())).collect();
        due.retain(|(_, at)| (since..end).contains(at));
        due.sort_by_key(|(_, at)| *at);
        let is_last = due.len() <= self.page;
        due.truncate(self.page);
        let until = if is_last { end.max(since) } else { due.last().unwrap().1 + 1 };
        let values: Vec<Value> =
            due.iter().map(|(id, at)| json!({"worklogId": id, "updatedTime": at, "properties": []})).collect();
        let mut page = json!({"values": values, "since": since, "until": until, "self": "", "lastPage": is_last});
        if !is_last {
            let host = self.next_page_host.as_deref().unwrap_or_default();
            page["nextPage"] = json!(format!("{host}{path}?since={until}"));
        }
        answered(200, page)
    }
}

/// The site of a tenant, ready to be asked.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) acme: Tenant,
    pub(super) ann: Person,
    pub(super) jira: Shared,
    pub(super) cloud: Cloud,
}

impl Site {
    pub(super) async fn new() -> Self {
        let world = World::with_emulators().await;
        let acme = world.a_tenant("acme").await;
        let paula = world.a_portal_user(&acme, "paula").await;
        let ann = world.a_team_member(&acme, "ann", &paula).await;
        let jira = Shared::default();
        let behaviour = Arc::clone(&jira);
        let cloud = Cloud::that(move |asked| behaviour.lock().unwrap().answers(asked)).await;
        world.asks(&acme.source, &cloud).await;
        {
            let mut site = jira.lock().unwrap();
            site.page = 1000;
            site.next_page_host = Some(cloud.address().to_owned());
            site.now = Some(world.gateway.now());
        }
        Self { world, acme, ann, jira, cloud }
    }

    pub(super) fn time_passes(&self, minutes: i64) {
        self.world.time_passes(SignedDuration::from_mins(minutes));
        self.jira.lock().unwrap().now = Some(self.world.gateway.now());
    }

    /// Ann logs hours; returns the webhook that says so.
    pub(super) fn ann_logs(&self, id: u64, half_hours: i64) -> Value {
        let at = self.world.gateway.now();
        let webhook = worklog(&self.ann, &id.to_string(), &issue_of(&self.ann), half_hours, at);
        let mut site = self.jira.lock().unwrap();
        let mut listed = webhook["worklog"].clone();
        listed["comment"] = json!({"type": "doc", "content": "CANARY-COMMENT"});
        listed["author"]["displayName"] = json!("CANARY-NAME");
        site.worklogs.insert(id, listed);
        site.updated.retain(|(known, _)| *known != id);
        site.updated.push((id, at));
        webhook
    }

    /// Ann logs hours, with a comment that is larger than any answer that is read.
    pub(super) fn ann_logs_at_length(&self, id: u64, half_hours: i64) {
        self.ann_logs(id, half_hours);
        let comment = json!("x".repeat(WORKLOG_ANSWER_BYTES_MAX));
        self.jira.lock().unwrap().worklogs.get_mut(&id).unwrap()["comment"] = comment;
    }

    pub(super) fn ann_deletes(&self, id: u64) {
        let mut site = self.jira.lock().unwrap();
        site.worklogs.remove(&id);
        site.updated.retain(|(known, _)| *known != id);
        site.deleted.push((id, self.world.gateway.now()));
    }

    /// Seconds of the tenant's worklogs by id, without those that the product began with.
    pub(super) async fn hours(&self) -> BTreeMap<u64, i64> {
        let sql = "SELECT worklog_id, seconds, removed_at IS NOT NULL FROM milestone.hours_entry
            WHERE length(worklog_id) < 5";
        let rows = self.world.admin.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get::<_, String>(0).parse().unwrap(), row.get::<_, i64>(1))).collect()
    }

    /// How many worklogs each list that was asked for had, in order.
    pub(super) fn lists(&self) -> Vec<usize> {
        let lists = self.cloud.asked_of("/rest/api/3/worklog/list");
        lists.iter().map(|asked| asked.body["ids"].as_array().unwrap().len()).collect()
    }

    /// The place in time from which the feed of changes was asked each time, in order.
    pub(super) fn places(&self) -> Vec<i64> {
        let pages = self.cloud.asked_of("/rest/api/3/worklog/updated");
        pages.iter().map(|asked| asked.path.split_once("since=").unwrap().1.parse().unwrap()).collect()
    }

    pub(super) async fn events(&self) -> i64 {
        self.world.number("SELECT count(*) FROM gateway.event").await
    }
}
