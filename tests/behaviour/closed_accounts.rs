//! An account that is closed is closed for whoever comes to know it afterwards, and nobody is asked about it again.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use milestone_gateway::testing::domain::{SourceKind, request::RequestState};
use serde_json::{Value, json};

use crate::harness::{Cloud, Person, ReceivedCall, Tenant, World, answered, empty, user_created, worklog};

/// The reporting API, which knows of one account that it is closed.
async fn atlassian_knows_as_closed(account: &str) -> Cloud {
    let closed = account.to_owned();
    Cloud::that(move |asked| {
        if accounts_of(asked).contains(&closed) {
            answered(200, json!({"accounts": [{"accountId": closed, "status": "closed"}]}))
        } else {
            empty(204)
        }
    })
    .await
}

fn accounts_of(asked: &ReceivedCall) -> BTreeSet<String> {
    let accounts = asked.body["accounts"].as_array().unwrap().iter();
    accounts.map(|each: &Value| each["accountId"].as_str().unwrap().to_owned()).collect()
}

fn times_asked_about(cloud: &Cloud, person: &Person) -> usize {
    cloud.asked().iter().filter(|asked| accounts_of(asked).contains(&person.account_id)).count()
}

/// Ann was closed and erased at Acme; then Globex comes to know her.
struct Story {
    world: World,
    cloud: Cloud,
    globex: Tenant,
    there: Person,
}

async fn globex_meets_ann_after_she_was_closed() -> Story {
    let world = World::with_emulators().await;
    let (acme, globex) = (world.a_tenant("acme").await, world.a_tenant("globex").await);
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let cloud = atlassian_knows_as_closed(&ann.account_id).await;
    let source = world.a_platform_source("closed-accounts", SourceKind::AtlassianReport, json!({})).await;
    world.asks(source, &cloud).await;
    world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    world.everything_is_asked().await;
    world.the_worker_drains().await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    let peter = world.a_portal_user(&globex, "peter").await;
    let there = world.the_same_team_member(&globex, &ann, &peter).await;
    world.jira_sends(&globex, &worklog(&there, "71", "1", 600, world.gateway.now())).await;
    world.the_worker_drains().await;
    Story { world, cloud, globex, there }
}

async fn ann_is_gone_from_globex(story: &Story) {
    let Story { world, cloud, globex, there } = story;
    assert_eq!(world.requests(globex).await.len(), 1, "one erasure");
    assert_eq!(world.state_of_request(globex).await, RequestState::Completed);
    assert_eq!(world.rows_about(there).await, [].into());
    assert_eq!(times_asked_about(cloud, there), 1, "a closed account was asked about again");
}

#[tokio::test]
async fn who_comes_to_know_a_closed_account_afterwards_is_told_in_the_next_round_without_asking() {
    let story = globex_meets_ann_after_she_was_closed().await;
    story.world.time_passes(SignedDuration::from_mins(30));

    story.world.whoever_is_due_is_asked().await;
    story.world.the_worker_drains().await;

    ann_is_gone_from_globex(&story).await;
    // Nothing is left to be told: later rounds make no event.
    let events = story.world.number("SELECT count(*) FROM gateway.event").await;
    story.world.everything_is_asked().await;
    assert_eq!(story.world.number("SELECT count(*) FROM gateway.event").await, events);
    story.world.ends_cleanly().await;
}

#[tokio::test]
async fn a_crash_after_that_telling_tells_nobody_twice() {
    let story = globex_meets_ann_after_she_was_closed().await;
    story.world.time_passes(SignedDuration::from_mins(30));
    let before = story.world.number("SELECT count(*) FROM gateway.event").await;

    story.world.asking_dies_at("polls.after_closed_told").await;
    story.world.everything_is_asked().await;
    story.world.the_worker_drains().await;

    ann_is_gone_from_globex(&story).await;
    assert_eq!(story.world.number("SELECT count(*) FROM gateway.event").await, before + 1);
    story.world.ends_cleanly().await;
}

#[tokio::test]
async fn that_an_account_is_closed_is_remembered_after_a_rotation_of_the_digest_keys() {
    let mut story = globex_meets_ann_after_she_was_closed().await;
    story.world.restarts_with_another_digest_key();
    story.world.time_passes(SignedDuration::from_mins(30));

    story.world.everything_is_asked().await;
    story.world.the_worker_drains().await;

    ann_is_gone_from_globex(&story).await;
    story.world.ends_cleanly().await;
}
