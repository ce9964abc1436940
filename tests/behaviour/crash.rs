//! The work may end at any line, as by a power cut: what is told to senders stays true, and the end is the same.

use milestone_gateway::testing::{
    domain::{crash::CRASH_POINTS, reply::SenderReply, request::RequestState},
    proof,
};
use serde_json::{Value, json};

use crate::harness::{Delivery, Person, Tenant, World, issue_of, secret_of, user_created, user_deleted, worklog};

/// Points that are visited for each of many things; dying at the second visit is another story than at the first.
const VISITED_OFTEN: &[&str] = &[
    "intake.before_commit",
    "intake.after_commit",
    "interpret.before_commit",
    "erasure.before_batch",
    "erasure.after_batch",
];

/// Points that Jira's story of one person never comes to, and the tests that reach them.
const REACHED_ELSEWHERE: &[(&str, &str)] = &[
    ("interpret.after_routing", include_str!("routing.rs")),
    ("interpret.after_ledger", include_str!("tree.rs")),
    ("rectify.", include_str!("rectification.rs")),
    ("provider_call.", include_str!("provider_calls.rs")),
    ("tenant_flag.", include_str!("tenant_erasure.rs")),
    ("tenant_erasure.", include_str!("tenant_erasure.rs")),
    ("polls.after_closed_told", include_str!("closed_accounts.rs")),
    ("polls.after_page", include_str!("reconciliation.rs")),
    ("polls.", include_str!("reporting.rs")),
];

/// All that must be the same whether or not something died on the way.
#[derive(Debug, PartialEq, Eq)]
struct End {
    product: Vec<(String, String)>,
    state: RequestState,
    events: Option<String>,
    audited: Vec<String>,
    receipts: i64,
    fences: i64,
    steps_of_receipt: Vec<(String, String, u64)>,
}

/// Jira repeats after 503, and after nothing else.
async fn jira_repeats_until_accepted(world: &World, acme: &Tenant, identifier: &str, body: &Value) {
    let delivery = Delivery::signed(body.to_string(), Some(identifier), &secret_of("acme"));
    for _ in 0..3 {
        match world.delivers(&acme.source, &delivery).await.reply {
            SenderReply::Accepted => return,
            SenderReply::Unavailable { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("the delivery was never accepted");
}

/// Workers die and others come, until nothing is left to do.
async fn workers_come_and_go(world: &World) {
    for _ in 0..4 {
        world.the_worker_drains().await;
        world.the_lease_runs_out().await;
        // A worker that panics gives its work back for later.
        world.time_passes(jiff::SignedDuration::from_mins(15));
    }
    world.the_worker_drains().await;
}

async fn the_story_of(world: &World) -> End {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    world.a_team_member(&acme, "bob", &paula).await;
    let ann: Person = world.a_team_member(&acme, "ann", &paula).await;
    let now = world.gateway.now();

    jira_repeats_until_accepted(world, &acme, "1", &user_created(&ann, now)).await;
    jira_repeats_until_accepted(world, &acme, "2", &worklog(&ann, "77", &issue_of(&ann), 2, now)).await;
    jira_repeats_until_accepted(world, &acme, "3", &json!({"webhookEvent": "user_deleted"})).await;
    workers_come_and_go(world).await;
    jira_repeats_until_accepted(world, &acme, "4", &user_deleted(&ann, now)).await;
    workers_come_and_go(world).await;
    assert!(!world.may_sign_in(&ann).await);
    for days in [30_i64, 53] {
        world.time_passes(jiff::SignedDuration::from_hours(24 * days));
        workers_come_and_go(world).await;
    }
    assert_eq!(world.rows_about(&ann).await, [].into());
    the_end_of(world, &acme).await
}

async fn the_end_of(world: &World, acme: &Tenant) -> End {
    let mut product = world.product_rows().await;
    for (_, row) in &mut product {
        // The pseudonym comes from the person's key, which is not the same in two worlds.
        if let Some(at) = row.find("erased-") {
            let end = at + row[at..].find([',', ')']).unwrap();
            row.replace_range(at..end, "erased");
        }
    }
    product.sort();
    let mut audited = world.audited(acme.id).await;
    audited.sort();
    let events =
        "SELECT string_agg(concat_ws(' ', type_word, outcome, outcome_reason), ', ' ORDER BY type_word NULLS FIRST)
        FROM gateway.event";
    let receipt = world.receipt(acme).await.expect("a receipt");
    let claims = proof::verify(&receipt, world.signing_key().public_key()).unwrap();
    End {
        product,
        state: world.state_of_request(acme).await,
        events: world.text(events).await,
        audited,
        receipts: world.number("SELECT count(*) FROM gateway.receipt").await,
        fences: world.number("SELECT count(*) FROM gateway.fence").await,
        steps_of_receipt: claims.steps.into_iter().map(|step| (step.table, step.disposal, step.rows)).collect(),
    }
}

async fn crashing_at_each_of(points: impl Iterator<Item = &'static str>) {
    let calm = World::new().await;
    let expected = the_story_of(&calm).await;
    calm.ends_cleanly().await;
    assert_eq!((expected.state, expected.receipts, expected.fences), (RequestState::Completed, 1, 1));

    for point in points {
        let visits = if VISITED_OFTEN.contains(&point) { 2 } else { 1 };
        for visit in 1..=visits {
            let world = World::new().await;
            world.crash.arm(point, visit);

            let mut end = the_story_of(&world).await;

            if ["interpret.after_product_write", "interpret.before_commit"].contains(&point) {
                // The hours were written by the attempt that died, if it was the worklog's turn to die; the next one meets
                // them and calls its version stale.
                end.events = end.events.map(|text| text.replace("ignored stale_version", "applied hours_recorded"));
            }
            assert!(!world.crash.is_armed(point), "{point} is never reached {visit} times");
            assert_eq!(end, expected, "after a crash at visit {visit} of {point}");
            world.ends_cleanly().await;
        }
    }
}

fn points_of(area: &str) -> impl Iterator<Item = &'static str> {
    let is_elsewhere = |point: &str| REACHED_ELSEWHERE.iter().any(|(elsewhere, _)| point.starts_with(elsewhere));
    CRASH_POINTS.iter().copied().filter(move |point| point.starts_with(area) && !is_elsewhere(point))
}

#[tokio::test]
async fn a_crash_anywhere_in_intake_loses_nothing_acknowledged_and_does_nothing_twice() {
    crashing_at_each_of(points_of("intake.")).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_interpretation_ends_as_if_nothing_had_happened() {
    crashing_at_each_of(points_of("interpret.")).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_the_small_jobs_ends_as_if_nothing_had_happened() {
    crashing_at_each_of(points_of("revoke_access.").chain(points_of("flag."))).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_the_erasure_ends_as_if_nothing_had_happened() {
    crashing_at_each_of(points_of("erasure.").filter(|point| !point.contains("batch"))).await;
}

#[tokio::test]
async fn a_crash_around_any_batch_ends_as_if_nothing_had_happened() {
    crashing_at_each_of(points_of("erasure.").filter(|point| point.contains("batch"))).await;
}

#[test]
fn every_crash_point_is_in_an_area_that_is_tested() {
    let of_this_story = ["intake.", "interpret.", "revoke_access.", "flag.", "erasure."];
    for point in CRASH_POINTS {
        let is_here = of_this_story.iter().any(|area| points_of(area).any(|here| here == *point));
        let elsewhere = REACHED_ELSEWHERE.iter().find(|(area, _)| point.starts_with(area));
        let is_reached_there = elsewhere.is_some_and(|(area, test)| test.contains(&format!("\"{area}")));
        assert!(is_here != is_reached_there, "{point}");
    }
}
