//! Signals in any order: only source times count, a return stops the clock, and whoever left again leaves again.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{Databases, jobs::run_job},
    domain::{job::JobKind, request::RequestState},
};
use serde_json::Value;

use crate::harness::{Person, Tenant, World, data_map, drain, user_created, user_deleted, user_updated};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

/// So many hours after the world's beginning.
fn hours(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

#[tokio::test]
async fn a_person_who_comes_back_before_the_erasure_has_access_restored_and_keeps_everything() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let before = world.rows_about(&ann).await;

    world.jira_sends(&acme, &user_deleted(&ann, hours(0))).await;
    world.days_pass(40).await;
    assert!(!world.may_sign_in(&ann).await);
    let back = world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(back).await, "applied: offboarding_cancelled");
    assert!(world.may_sign_in(&ann).await);
    world.days_pass(200).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Cancelled);
    let mut after = world.rows_about(&ann).await;
    after.insert("session".to_owned(), 1);
    assert_eq!(after, before, "only the session is gone: the person signs in again");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_old_creation_that_arrives_late_cancels_nothing_and_an_update_never_does() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;

    world.jira_sends(&acme, &user_deleted(&ann, hours(0))).await;
    world.days_pass(1).await;
    let late = world.jira_sends(&acme, &user_created(&ann, hours(-1))).await;
    let updated = world.jira_sends(&acme, &user_updated(&ann, hours(20))).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(late).await, "ignored: superseded");
    assert_eq!(world.outcome_of(updated).await, "applied: rectified");
    assert!(!world.may_sign_in(&ann).await);
    world.days_pass(82).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn whoever_leaves_again_after_a_return_gets_a_new_timeline() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;

    world.jira_sends(&acme, &user_deleted(&ann, hours(0))).await;
    world.days_pass(10).await;
    world.jira_sends(&acme, &user_created(&ann, hours(240))).await;
    world.days_pass(10).await;
    world.jira_sends(&acme, &user_deleted(&ann, hours(480))).await;
    world.the_worker_drains().await;

    assert!(!world.may_sign_in(&ann).await);
    let states: Vec<_> = world.requests(&acme).await.iter().map(|request| request.state).collect();
    assert_eq!(states, [RequestState::Cancelled, RequestState::Scheduled]);
    assert_eq!(world.request(&acme).await.offboarding.unwrap().timeline.anchor_at, hours(480));
    world.days_pass(82).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Scheduled);
    world.days_pass(1).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_departure_is_counted_from_its_source_time_within_the_bounds_of_belief() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let globex = world.a_tenant("globex").await;
    let paula = world.a_portal_user(&globex, "paula").await;
    let bob = world.a_team_member(&globex, "bob", &paula).await;

    world.jira_sends(&acme, &user_deleted(&ann, hours(-48))).await;
    world.jira_sends(&globex, &user_deleted(&bob, "2001-01-01T00:00:00Z".parse().unwrap())).await;
    world.the_worker_drains().await;

    assert_eq!(world.request(&acme).await.offboarding.unwrap().timeline.anchor_at, hours(-48));
    assert_eq!(world.request(&globex).await.offboarding.unwrap().timeline.anchor_at, hours(-7 * 24));
    world.jira_sends(&acme, &user_deleted(&ann, hours(-72))).await;
    world.the_worker_drains().await;
    assert_eq!(
        world.request(&acme).await.offboarding.unwrap().timeline.anchor_at,
        hours(-72),
        "the earliest deadline wins"
    );
    assert_eq!(world.request(&acme).await.offboarding.unwrap().latest_departure_at, hours(-48));
    world.days_pass(83).await;
    world.ends_cleanly().await;
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let shorter = orders(count - 1);
    shorter
        .iter()
        .flat_map(|order| (0..count).map(move |at| [&order[..at], &[count - 1], &order[at..]].concat()))
        .collect()
}

/// What of a request's state does not depend on when it was told.
async fn what_stands(world: &World, tenant: &Tenant, person: &Person) -> String {
    let living: Vec<_> =
        world.requests(tenant).await.into_iter().filter(|each| each.state == RequestState::Scheduled).collect();
    let timelines: Vec<_> = living
        .iter()
        .map(|each| each.offboarding.unwrap())
        .map(|due| (due.timeline, due.latest_departure_at))
        .collect();
    format!("{timelines:?}, may sign in: {}", world.may_sign_in(person).await)
}

#[tokio::test]
async fn four_signals_in_any_order_end_in_the_same_state() {
    let world = World::new().await;
    world.time_passes(SignedDuration::from_hours(24));
    // Left, returned, left again, and said so twice; and the same with a return at the end.
    for (round, last_is_return) in [(0, false), (1, true)] {
        let mut ends = Vec::new();
        for (number, order) in orders(4).into_iter().enumerate() {
            let tenant = world.a_tenant(&format!("t{round}x{number}")).await;
            let paula = world.a_portal_user(&tenant, "paula").await;
            let ann = world.a_team_member(&tenant, "ann", &paula).await;
            let last: fn(&Person, Timestamp) -> Value = if last_is_return { user_created } else { user_deleted };
            let signals = [
                user_deleted(&ann, hours(1)),
                user_created(&ann, hours(2)),
                user_deleted(&ann, hours(3)),
                last(&ann, hours(4)),
            ];
            for which in order {
                world.jira_sends(&tenant, &signals[which]).await;
                world.the_worker_drains().await;
            }
            ends.push(what_stands(&world, &tenant, &ann).await);
        }
        assert_eq!(ends.len(), 24);
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
        assert!(ends[0].ends_with(if last_is_return { "true" } else { "false" }), "{}", ends[0]);
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_revocation_that_a_return_overtakes_does_not_lock_the_person_out() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_deleted(&ann, hours(0))).await;
    // The slow worker has its one connection to the product database taken away while it holds the job.
    let slow = world.another_gateway_with(
        data_map(),
        Databases { product: world.database.pool_of("gw_tenant", 1), ..world.pools() },
    );
    let event =
        milestone_gateway::testing::app::interpretation::queue::claim(&world.gateway, 1).await.unwrap().pop().unwrap();
    milestone_gateway::testing::app::interpretation::dispatch::interpret(world.gateway.polling(), &event)
        .await
        .unwrap();
    let job = run_job::claim(&slow, &[JobKind::RevokeAccess], 1).await.unwrap().pop().unwrap();
    let only_connection = slow.databases().product.client().await.unwrap();

    let returns_meanwhile = async {
        // Let the slow worker read the request first; then the return is applied to its end.
        for _ in 0..200 {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        world.time_passes(SignedDuration::from_hours(1));
        world.jira_sends(&acme, &user_created(&ann, hours(1))).await;
        drain(&world.gateway).await;
        drop(only_connection);
    };
    let (ended, ()) = tokio::join!(run_job::run(&slow, &job), returns_meanwhile);
    if let Err(failure) = ended {
        run_job::leave_unfinished(&slow, &job, &failure).await.unwrap();
    }
    world.the_worker_drains().await;

    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}
