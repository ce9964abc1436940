//! Hours whose webhook was lost arrive all the same, once.

mod site;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{
        intake::{accept_event, delivery::Delivery},
        polling::{
            budget::Budget,
            round::{self, Round},
        },
    },
    domain::{Headers, SourceKind, reply::SenderReply},
    signature::issue::sign_rs256,
};
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{Cloud, Tenant, World, answered, empty};

use site::Site;

#[tokio::test]
async fn hours_and_deletions_that_no_webhook_told_arrive_and_what_was_told_is_not_told_again() {
    let site = Site::new().await;
    let webhook = site.ann_logs(1, 2);
    site.world.jira_sends(&site.acme, &webhook).await;
    site.ann_logs(2, 3);
    site.ann_logs(3, 1);
    site.world.the_worker_drains().await;
    site.time_passes(5);
    site.ann_deletes(3);
    site.time_passes(2);

    let polled = site.world.everything_is_asked().await;
    site.world.the_worker_drains().await;

    assert_eq!((polled.worklogs_told, polled.worklogs_missed, polled.failures), (3, 2, 0), "{polled:?}");
    assert_eq!(site.hours().await, [(1, 3600), (2, 5400), (3, 0)].into());
    assert_eq!(site.events().await, 3);
    // An edit that no webhook told either.
    site.ann_logs(1, 4);
    site.time_passes(20);
    assert_eq!(site.world.whoever_is_due_is_asked().await.worklogs_missed, 1);
    site.world.the_worker_drains().await;
    assert_eq!(site.hours().await[&1], 7200);
    let kept = site.world.memory_of_the_gateway().await;
    assert!(!kept.contains("CANARY") && !kept.contains(&site.ann.account_id));
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn the_overlap_and_a_second_reading_produce_nothing_twice() {
    let site = Site::new().await;
    site.ann_logs(1, 2);
    site.time_passes(2);

    for _ in 0..4 {
        site.world.everything_is_asked().await;
        // Half a minute, so that the same change stands in the overlap again. Nobody has interpreted the first event.
        site.world.time_passes(SignedDuration::from_secs(30));
        site.jira.lock().unwrap().now = Some(site.world.gateway.now());
    }
    site.world.the_worker_drains().await;
    site.world.everything_is_asked().await;

    assert_eq!(site.events().await, 1);
    assert_eq!(site.hours().await, [(1, 3600)].into());
    let since = site.places();
    assert!(since.is_sorted(), "{since:?}");
    let registered = crate::harness::BEGINNING.parse::<Timestamp>().unwrap();
    assert_eq!(since[0], (registered - SignedDuration::from_hours(24)).as_millisecond());
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn many_pages_are_read_to_the_end_also_after_a_death_between_two_of_them() {
    let site = Site::new().await;
    site.jira.lock().unwrap().page = 3;
    for id in 0..8 {
        site.ann_logs(id, 1);
        site.time_passes(1);
    }
    site.time_passes(2);

    site.world.asking_dies_at("polls.after_page").await;
    site.world.everything_is_asked().await;
    site.world.the_worker_drains().await;

    assert_eq!(site.events().await, 8);
    assert_eq!(site.hours().await.len(), 8);
    let asked = site.cloud.asked_of("/rest/api/3/worklog/updated").len();
    assert!(asked >= 4, "one page before the death, and at least three after it: {asked}");
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn a_next_page_at_another_host_is_not_asked_and_the_place_in_time_stays() {
    let site = Site::new().await;
    let elsewhere = Cloud::that(|_| empty(200)).await;
    {
        let mut jira = site.jira.lock().unwrap();
        jira.page = 1;
        jira.next_page_host = Some(elsewhere.address().to_owned());
    }
    for id in 0..3 {
        site.ann_logs(id, 1);
        site.time_passes(1);
    }
    site.time_passes(2);

    let polled = site.world.everything_is_asked().await;

    assert_eq!((polled.worklogs_missed, polled.failures), (0, 1));
    assert_eq!(elsewhere.asked().len(), 0, "the credential went to another host");
    {
        let mut jira = site.jira.lock().unwrap();
        jira.next_page_host = Some(site.cloud.address().to_owned());
    }
    site.time_passes(90);
    site.world.whoever_is_due_is_asked().await;
    site.world.the_worker_drains().await;
    assert_eq!(site.hours().await.len(), 3);
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn a_worklog_that_is_not_listed_is_not_taken_for_deleted() {
    let site = Site::new().await;
    let webhook = site.ann_logs(1, 2);
    site.world.jira_sends(&site.acme, &webhook).await;
    site.world.the_worker_drains().await;
    site.time_passes(5);
    // Restricted now: changed, and not to be seen.
    site.ann_logs(1, 4);
    site.jira.lock().unwrap().worklogs.clear();
    site.time_passes(2);

    let polled = site.world.everything_is_asked().await;
    site.world.the_worker_drains().await;

    assert_eq!((polled.worklogs_missed, polled.failures), (0, 0));
    assert_eq!(site.hours().await, [(1, 3600)].into());
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn a_list_that_is_too_large_is_asked_in_halves_and_only_what_is_too_large_alone_is_left_out() {
    let site = Site::new().await;
    site.ann_logs_at_length(0, 1);
    for id in 1..16 {
        site.ann_logs(id, 1);
    }
    let logged_ms = site.world.gateway.now().as_millisecond();
    site.time_passes(5);

    let polled = site.world.everything_is_asked().await;
    site.world.the_worker_drains().await;

    assert_eq!((polled.worklogs_told, polled.worklogs_missed, polled.failures), (16, 15, 0), "{polled:?}");
    // Five answers in a row that nobody could read, as many as would open the circuit of a server that fails.
    assert_eq!(site.lists(), [16, 8, 4, 2, 1, 1, 2, 4, 8]);
    assert_eq!(site.hours().await, (1..16).map(|id| (id, 1800)).collect());
    site.ann_logs(20, 2);
    site.time_passes(5);
    let polled = site.world.everything_is_asked().await;
    site.world.the_worker_drains().await;
    assert_eq!((polled.worklogs_told, polled.worklogs_missed, polled.failures), (1, 1, 0), "{polled:?}");
    assert!(site.places()[1] > logged_ms, "the place in time stays where the large worklog is");
    assert_eq!(site.hours().await[&20], 3600);
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn a_turn_that_ends_within_a_page_reads_that_page_again_and_asks_only_for_what_is_left() {
    let site = Site::new().await;
    let logged_ms = site.world.gateway.now().as_millisecond();
    for id in 0..3 {
        site.ann_logs(id, 1);
    }
    site.ann_logs_at_length(3, 1);
    site.time_passes(5);
    let (stop, stopped) = watch::channel(false);
    site.jira.lock().unwrap().stopped_by_list_of = Some((2, stop));
    let budget = Budget::of(Duration::from_mins(1)).unless(stopped);

    let ended_early = round::run(site.world.gateway.polling(), Round::DUE, &budget).await.unwrap();
    site.world.the_worker_drains().await;

    assert_eq!((ended_early.worklogs_missed, ended_early.failures), (2, 0), "{ended_early:?}");
    assert_eq!(site.lists(), [4, 2]);
    assert_eq!(site.hours().await, [(0, 1800), (1, 1800)].into());
    site.time_passes(1);
    let polled = site.world.whoever_is_due_is_asked().await;
    site.world.the_worker_drains().await;
    assert_eq!((polled.worklogs_missed, polled.failures), (1, 0), "{polled:?}");
    assert_eq!(site.places()[0], site.places()[1], "the place in time moved past a page that was not read to its end");
    assert_eq!(site.lists(), [4, 2, 2, 1, 1]);
    assert_eq!(site.hours().await, [(0, 1800), (1, 1800), (2, 1800)].into());
    site.time_passes(20);
    site.world.whoever_is_due_is_asked().await;
    assert!(site.places()[2] > logged_ms);
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn sources_are_asked_at_their_own_pace_and_what_nobody_gave_credentials_for_is_left_alone() {
    let site = Site::new().await;
    site.world.a_tenant("globex").await;

    site.world.whoever_is_due_is_asked().await;
    let first = site.cloud.asked().len();
    site.time_passes(14);
    site.world.whoever_is_due_is_asked().await;
    assert_eq!((first, site.cloud.asked().len()), (2, 2), "both feeds, once");
    site.time_passes(2);
    site.world.whoever_is_due_is_asked().await;

    assert_eq!(site.cloud.asked().len(), 4);
    site.world.ends_cleanly().await;
}

#[tokio::test]
async fn whoever_has_waited_longest_is_asked_first_so_that_a_round_without_time_leaves_nobody_out() {
    let world = World::with_emulators().await;
    let stop = Arc::new(watch::Sender::new(false));
    let stopping = Arc::clone(&stop);
    let cloud = Cloud::that(move |_| {
        stopping.send_replace(true);
        answered(200, json!({"values": [], "until": 0, "lastPage": true}))
    })
    .await;
    for name in ["acme", "globex", "initech"] {
        let tenant = world.a_tenant(name).await;
        world.is_asked_with(&tenant.source, json!({"bearer": name, "api": cloud.address()})).await;
    }

    // Each round has time for one call, and before each everybody is due.
    for _ in 0..5 {
        stop.send_replace(false);
        let budget = Budget::of(Duration::from_mins(1)).unless(stop.subscribe());
        round::run(world.gateway.polling(), Round::DUE, &budget).await.unwrap();
        world.time_passes(SignedDuration::from_mins(30));
    }

    let asked: Vec<String> = cloud.asked().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(asked, ["acme", "globex", "initech", "acme", "globex"].map(|name| format!("Bearer {name}")));
    world.ends_cleanly().await;
}

const APP: &str = "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const ENVIRONMENT: &str =
    "ari:cloud:ecosystem::environment/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/99999999-8888-4777-8666-555555555555";
const PRIVATE_KEY: &[u8] = include_bytes!("../vectors/keys/test-only-rsa-2048.private.pem");
const KEYS: &str = include_str!("../vectors/keys/test-only-rsa-2048.jwks.json");

/// The app's sign of life from a tenant's site, with the token by which the site may be asked.
async fn the_app_shows_it_lives(world: &World, tenant: &Tenant, number: usize) {
    let now = world.gateway.now().as_second();
    let installation = "ari:cloud:ecosystem::installation/0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e";
    let api = format!("https://api.atlassian.com/ex/jira/{}", tenant.key);
    let claims = json!({
        "app": {
            "id": APP, "appVersion": "9.0.0", "installationId": installation, "apiBaseUrl": api,
            "installation": {
                "id": installation, "contexts": [{"name": "jira", "apiBaseUrl": api, "cloudId": tenant.key}],
            },
            "environment": {"type": "PRODUCTION", "id": ENVIRONMENT},
            "module": {"type": "core:endpoint", "key": "gateway-heartbeat"},
        },
        "aud": APP, "iss": "forge/invocation-token", "iat": now, "nbf": now, "exp": now + 25,
        "jti": format!("token-{number}"),
    });
    let token = sign_rs256(&claims, "test-only", PRIVATE_KEY).unwrap();
    let mut headers = Headers::default();
    headers.push("authorization", format!("Bearer {token}").as_bytes());
    headers.push("x-forge-oauth-system", format!("site-token-{number}").as_bytes());
    let delivery = Delivery {
        kind: SourceKind::Forge,
        source: "milestone-app".to_owned(),
        tail: "heartbeat".to_owned(),
        query: String::new(),
        headers,
    };
    let mut arriving =
        accept_event::begin(world.gateway.intake(), delivery).await.unwrap_or_else(|told| panic!("{told:?}"));
    assert!(arriving.update(b"{}").is_ok());
    assert_eq!(arriving.finish(world.gateway.intake()).await.reply, SenderReply::Accepted);
    world.the_worker_drains().await;
}

#[tokio::test]
async fn a_site_with_the_app_is_asked_by_the_token_of_its_latest_sign_of_life() {
    let mut site = Site::new().await;
    let keys = Cloud::that(|_| answered(200, serde_json::from_str(KEYS).unwrap())).await;
    site.world.believes_keys_of(&keys);
    let settings = json!({"app_id": APP, "environment": "production"});
    let app = site.world.a_platform_source("milestone-app", SourceKind::Forge, settings).await;
    site.world.asks(app, &site.cloud).await;
    // No webhook source of its own is asked.
    site.world.is_asked_with(&site.acme.source, json!({})).await;
    site.ann_logs(1, 2);
    site.ann_logs(2, 3);
    site.time_passes(2);
    site.ann_deletes(2);
    site.time_passes(2);

    site.world.whoever_is_due_is_asked().await;
    assert_eq!(site.cloud.asked().len(), 0, "no sign of life, no token");
    the_app_shows_it_lives(&site.world, &site.acme, 1).await;
    let polled = site.world.whoever_is_due_is_asked().await;
    site.world.the_worker_drains().await;

    assert_eq!((polled.worklogs_missed, polled.failures), (2, 0), "{polled:?}");
    assert_eq!(site.hours().await, [(1, 3600), (2, 0)].into());
    let below = format!("/ex/jira/{}/rest/api/3/worklog/", site.acme.key);
    let asked = site.cloud.asked();
    assert!(asked.iter().all(|asked| asked.path.starts_with(&below) && asked.authorization == "Bearer site-token-1"));
    // Two hours later the token has ended, and the next sign of life brings another.
    let before = asked.len();
    site.time_passes(121);
    site.world.everything_is_asked().await;
    assert_eq!(site.cloud.asked().len(), before);
    the_app_shows_it_lives(&site.world, &site.acme, 2).await;
    site.world.whoever_is_due_is_asked().await;
    assert_eq!(site.cloud.asked().last().unwrap().authorization, "Bearer site-token-2");
    site.world.ends_cleanly().await;
}
