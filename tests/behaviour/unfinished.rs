//! What arrives while an erasure is under way: it waits, or is applied without the person.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::domain::request::RequestState;

use crate::harness::{Person, Tenant, World, issue_of, user_created, user_deleted, worklog};

fn days(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * count)
}

/// The erasure dies at this point on its day.
async fn an_erasure_that_dies_at(world: &World, point: &str) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.crash.arm(point, 1);
    world.jira_sends(&acme, &user_deleted(&ann, days(0))).await;
    world.days_pass(83).await;
    assert!(!world.crash.is_armed(point));
    (acme, ann)
}

async fn work_goes_on(world: &World) {
    world.the_lease_runs_out().await;
    // Once for the erasure, and again for whatever waited for it.
    world.days_pass(1).await;
    world.days_pass(1).await;
}

#[tokio::test]
async fn a_return_during_the_erasure_waits_for_its_end_and_then_opens_a_new_generation() {
    let world = World::new().await;
    let (acme, ann) = an_erasure_that_dies_at(&world, "erasure.after_fence").await;

    let back = world.jira_sends(&acme, &user_created(&ann, days(83))).await;
    world.the_worker_drains().await;
    assert_eq!(world.event(back.event_id.unwrap()).await.state, "pending");
    work_goes_on(&world).await;

    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.outcome_of(back).await, "applied: presence_recorded");
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn nothing_is_cancellable_behind_the_fence() {
    let world = World::new().await;
    let (acme, ann) = an_erasure_that_dies_at(&world, "erasure.after_fence").await;

    // Older than the departure: it cancels nothing, before the fence or behind it.
    let late = world.jira_sends(&acme, &user_created(&ann, days(-1))).await;
    work_goes_on(&world).await;

    assert_eq!(world.outcome_of(late).await, "ignored: fenced");
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn hours_between_the_fence_and_its_mirror_end_without_the_person() {
    let world = World::new().await;
    let (acme, ann) = an_erasure_that_dies_at(&world, "erasure.after_fence").await;

    let hours = world.jira_sends(&acme, &worklog(&ann, "950", &issue_of(&ann), 1, days(80))).await;
    world.the_worker_drains().await;
    work_goes_on(&world).await;

    assert!(world.outcome_of(hours).await.starts_with("applied: ") || world.outcome_of(hours).await.contains("stale"));
    assert_eq!(world.number("SELECT seconds FROM milestone.hours_entry WHERE worklog_id = '950'").await, 1_800);
    assert_eq!(world.rows_about(&ann).await, [].into());
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.number("SELECT count(*) FROM gateway.identity").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_person_of_whom_the_product_has_nothing_is_erased_and_certified_all_the_same() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let stranger = Person { account_id: "5b10ac8d82e05b22cc7d4ef5".to_owned(), ..paula };

    world.jira_sends(&acme, &user_deleted(&stranger, days(0))).await;
    world.days_pass(83).await;

    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert!(world.receipt(&acme).await.is_some());
    world.ends_cleanly().await;
}
