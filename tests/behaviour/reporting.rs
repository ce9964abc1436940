//! Personal data reporting: every account once in its cycle, and what Atlassian says of it comes true.

mod atlassian;
mod fairness;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use milestone_gateway::testing::{
    domain::{SourceKind, request::RequestState},
    worker,
};
use serde_json::json;

use crate::harness::{Cloud, Person, Tenant, World, answered, empty, user_created, user_deleted, worklog};

use atlassian::{Shared, accounts_of, are_known, atlassian, days, reported, reporting_to, somebody};

#[tokio::test]
async fn two_hundred_accounts_of_two_tenants_are_reported_once_in_a_cycle_and_at_most_ninety_at_a_time() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let (acme, globex) = (world.a_tenant("acme").await, world.a_tenant("globex").await);
    let beginning = world.gateway.now();
    are_known(&world, &acme, 0..120).await;
    world.time_passes(days(1));
    are_known(&world, &globex, 80..200).await;

    let polled = world.everything_is_asked().await;

    assert_eq!((polled.accounts_reported, polled.failures), (200, 0), "{polled:?}");
    let sizes: Vec<usize> = cloud.asked().iter().map(|asked| accounts_of(asked).len()).collect();
    assert_eq!(sizes, [90, 90, 20]);
    let since: BTreeMap<_, _> = cloud.asked().iter().flat_map(accounts_of).collect();
    assert_eq!(since.len(), 200);
    assert_eq!(since[&somebody(100).account_id], beginning, "the oldest time counts");
    assert_eq!(since[&somebody(150).account_id], beginning + days(1));
    // Neither asking at once nor asking again before the week is over reports anybody a second time.
    for _ in 0..2 {
        assert_eq!(world.everything_is_asked().await.accounts_reported, 0);
        world.time_passes(days(7) - SignedDuration::from_mins(30));
        assert_eq!(world.whoever_is_due_is_asked().await.accounts_reported, 0);
        world.time_passes(SignedDuration::from_mins(30));
        // A fourteenth of the cycle is what due times are spread over.
        world.time_passes(SignedDuration::from_hours(12));
        assert_eq!(world.whoever_is_due_is_asked().await.accounts_reported, 200);
    }
    let kept = world.memory_of_the_gateway().await;
    assert!(!kept.contains("712020:"), "an account id stands in the clear");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_answer_may_ask_for_another_cycle() {
    let state = Shared::default();
    state.lock().unwrap().cycle = Some("P3D");
    let cloud = atlassian(&state).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;

    world.everything_is_asked().await;
    world.time_passes(days(3) - SignedDuration::from_mins(1));
    world.everything_is_asked().await;
    assert_eq!(reported(&cloud).len(), 1);
    world.time_passes(SignedDuration::from_hours(6));
    world.everything_is_asked().await;

    assert_eq!(reported(&cloud).len(), 2);
    world.ends_cleanly().await;
}

/// Ann works for two tenants, beside somebody who stays.
struct Ann {
    acme: Tenant,
    globex: Tenant,
    rows: [Person; 2],
}

async fn ann_of_two_tenants(world: &World) -> Ann {
    let (acme, globex) = (world.a_tenant("acme").await, world.a_tenant("globex").await);
    let paula = world.a_portal_user(&acme, "paula").await;
    let peter = world.a_portal_user(&globex, "peter").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let same = world.the_same_team_member(&globex, &ann, &peter).await;
    for tenant in [&acme, &globex] {
        world.jira_sends(tenant, &user_created(&ann, world.gateway.now())).await;
        are_known(world, tenant, 0..1).await;
    }
    Ann { acme, globex, rows: [ann, same] }
}

async fn ann_is_erased(world: &World, ann: &Ann) {
    for (tenant, row) in [(&ann.acme, &ann.rows[0]), (&ann.globex, &ann.rows[1])] {
        assert_eq!(world.requests(tenant).await.len(), 1, "one erasure in {}", tenant.name);
        assert_eq!(world.state_of_request(tenant).await, RequestState::Completed);
        assert_eq!(world.rows_about(row).await, [].into(), "{}", tenant.name);
    }
}

#[tokio::test]
async fn a_closed_account_is_erased_in_every_tenant_and_never_reported_again() {
    let state = Shared::default();
    let cloud = atlassian(&state).await;
    let world = reporting_to(&cloud).await;
    let ann = ann_of_two_tenants(&world).await;
    let account = ann.rows[0].account_id.clone();
    state.lock().unwrap().closed.insert(account.clone());

    let polled = world.everything_is_asked().await;
    world.the_worker_drains().await;

    assert_eq!((polled.accounts_reported, polled.accounts_closed), (2, 1));
    ann_is_erased(&world, &ann).await;
    for _ in 0..15 {
        world.days_pass(8).await;
        world.everything_is_asked().await;
    }
    let often = reported(&cloud).iter().filter(|id| **id == account).count();
    assert_eq!(often, 1, "a closed account was asked about again");
    assert!(reported(&cloud).iter().filter(|id| **id == somebody(0).account_id).count() > 10);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_crash_between_the_answer_and_its_record_loses_no_closed_account() {
    for point in ["polls.after_report", "polls.before_settled"] {
        let state = Shared::default();
        let cloud = atlassian(&state).await;
        let world = reporting_to(&cloud).await;
        let ann = ann_of_two_tenants(&world).await;
        state.lock().unwrap().closed.insert(ann.rows[0].account_id.clone());

        world.asking_dies_at(point).await;
        world.everything_is_asked().await;
        world.the_worker_drains().await;

        ann_is_erased(&world, &ann).await;
        let events = "SELECT count(*) FROM gateway.event e JOIN gateway.source s USING (source_id)
            WHERE s.name = 'closed-accounts' AND e.tenant_id = '00000000-0000-0000-0000-000000000000'";
        assert_eq!(world.number(events).await, 1, "learned twice after {point}");
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn while_an_erasure_waits_its_account_is_not_asked_about_every_week() {
    let state = Shared::default();
    let cloud = atlassian(&state).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;
    state.lock().unwrap().closed.insert(somebody(0).account_id);

    for _ in 0..10 {
        // Nobody works.
        world.everything_is_asked().await;
        world.time_passes(days(8));
    }

    assert_eq!(reported(&cloud).len(), 1);
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it_also_by_hand() {
    let state = Shared::default();
    let cloud = atlassian(&state).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..100).await;
    state.lock().unwrap().instead.push(empty(429).with("retry-after", 1800));

    let polled = world.everything_is_asked().await;

    assert_eq!((polled.accounts_reported, polled.failures), (0, 1));
    assert_eq!(cloud.asked().len(), 1, "the rest of the round waits too");
    world.time_passes(SignedDuration::from_secs(1799));
    assert_eq!(world.everything_is_asked().await.accounts_reported, 0);
    assert_eq!(cloud.asked().len(), 1);
    world.time_passes(SignedDuration::from_secs(1));
    assert_eq!(world.whoever_is_due_is_asked().await.accounts_reported, 100);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_server_that_fails_or_refuses_is_asked_again_later_and_nobody_is_lost() {
    for instead in [empty(503), empty(500), answered(400, json!({"errorType": "BAD"})), empty(403)] {
        let state = Shared::default();
        let cloud = atlassian(&state).await;
        let world = reporting_to(&cloud).await;
        let acme = world.a_tenant("acme").await;
        are_known(&world, &acme, 0..3).await;
        state.lock().unwrap().instead.push(instead);

        assert_eq!(world.everything_is_asked().await.failures, 1);
        assert_eq!(world.everything_is_asked().await.accounts_reported, 0);
        assert_eq!(cloud.asked().len(), 1);
        world.time_passes(days(3));

        assert_eq!(world.whoever_is_due_is_asked().await.accounts_reported, 3);
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn the_account_that_atlassian_cannot_name_never_leaves() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    let unknown = Person { account_id: "unknown".to_owned(), ..somebody(0) };
    world.jira_sends(&acme, &user_created(&unknown, world.gateway.now())).await;
    world.jira_sends(&acme, &worklog(&unknown, "7", "1", 1, world.gateway.now())).await;
    are_known(&world, &acme, 1..2).await;

    world.everything_is_asked().await;

    assert_eq!(reported(&cloud), [somebody(1).account_id]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_rotated_refresh_token_is_durable_before_its_grant_is_used() {
    let number = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&number);
    let cloud = Cloud::that(move |asked| match asked.path.as_str() {
        "/oauth/token" => {
            let mut number = counter.lock().unwrap();
            let expected = format!("refresh-{number}");
            if asked.body["refresh_token"] != expected.as_str() {
                return answered(403, json!({"error": "invalid_grant"}));
            }
            *number += 1;
            let (access, refresh) = (format!("access-{number}"), format!("refresh-{number}"));
            answered(200, json!({"access_token": access, "expires_in": 3600, "refresh_token": refresh}))
        }
        _ => empty(204),
    })
    .await;
    let mut world = World::with_emulators().await;
    let source = world.a_platform_source("closed-accounts", SourceKind::AtlassianReport, json!({})).await;
    let credentials = json!({"client_id": "app", "client_secret": "secret", "refresh_token": "refresh-0",
                             "api": cloud.address()});
    world.is_asked_with(source, credentials).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;

    // Dies with the answer of the report, so after the new token was stored.
    world.asking_dies_at("polls.after_report").await;
    world.restarts();
    assert_eq!(world.everything_is_asked().await.accounts_reported, 1);
    world.time_passes(days(8));
    assert_eq!(world.everything_is_asked().await.accounts_reported, 1);

    let used: Vec<String> =
        cloud.asked_of("/app/report-accounts/").into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(used, ["Bearer access-1", "Bearer access-2", "Bearer access-3"]);
    assert_eq!(*number.lock().unwrap(), 3);
    let kept = "SELECT count(*) FROM gateway.source_credential WHERE purpose = 'provider'";
    assert_eq!(world.number(kept).await, 1, "used tokens are not kept");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn after_a_rotation_of_the_digest_keys_nobody_is_reported_before_the_cycle_is_over() {
    let cloud = atlassian(&Shared::default()).await;
    let mut world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..3).await;
    world.everything_is_asked().await;

    world.restarts_with_another_digest_key();
    // Whatever the look-up says, the platform's own record decides.
    world.admin.execute("UPDATE gateway.identity SET report_due_at = '-infinity'", &[]).await.unwrap();
    assert_eq!(world.everything_is_asked().await.accounts_reported, 0);
    world.time_passes(days(8));

    assert_eq!(world.everything_is_asked().await.accounts_reported, 3);
    assert_eq!(world.number("SELECT count(*) FROM gateway.reported_account").await, 3);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn accounts_that_nobody_knows_any_more_are_forgotten() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;
    world.everything_is_asked().await;
    world.jira_sends(&acme, &user_deleted(&somebody(0), world.gateway.now())).await;
    world.the_worker_drains().await;
    world.days_pass(90).await;
    let asked = cloud.asked().len();

    world.everything_is_asked().await;

    assert_eq!(cloud.asked().len(), asked, "an erased person was asked about");
    assert_eq!(world.number("SELECT count(*) FROM gateway.reported_account").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_worker_asks_by_itself() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;

    let something_was_asked = async {
        while cloud.asked().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let working = worker::run(world.gateway.clone(), worker::Settings::default(), something_was_asked);
    tokio::time::timeout(std::time::Duration::from_mins(1), Box::pin(working)).await.unwrap();

    assert_eq!(reported(&cloud), [somebody(0).account_id]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn two_processes_report_nobody_twice() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..120).await;

    let (one, other) = tokio::join!(world.everything_is_asked(), world.everything_is_asked());

    assert_eq!(one.accounts_reported + other.accounts_reported, 120);
    assert_eq!(reported(&cloud).len(), 120);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_server_of_this_machine_is_asked_under_the_development_switch_only() {
    let cloud = atlassian(&Shared::default()).await;
    let world = World::new().await;
    let source = world.a_platform_source("closed-accounts", SourceKind::AtlassianReport, json!({})).await;
    world.asks(source, &cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..1).await;

    assert_eq!(world.everything_is_asked().await.failures, 1);

    assert_eq!(cloud.asked().len(), 0);
    world.ends_cleanly().await;
}
