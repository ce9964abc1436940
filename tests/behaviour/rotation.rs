//! A new digest key: whoever was known, fenced or already delivered under an older one is recognised all the same.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::support::find_subject,
    domain::{IdentityKind, Personal, request::RequestState},
};

use crate::harness::{Delivery, Person, Tenant, World, secret_of, user_created, user_deleted, user_updated, worklog};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

fn days(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * count)
}

#[tokio::test]
async fn a_redelivery_under_a_new_digest_key_is_still_a_duplicate() {
    let mut world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let delivery = Delivery::signed(user_updated(&ann, days(0)).to_string(), Some("same"), &secret_of("acme"));
    let first = world.delivers(&acme.source, &delivery).await;

    world.restarts_with_another_digest_key();
    let again = world.delivers(&acme.source, &delivery).await;
    world.the_worker_drains().await;

    assert_eq!((again.is_duplicate, again.event_id), (true, first.event_id));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_person_known_under_an_older_key_is_found_erased_and_kept_away_under_a_new_one() {
    let mut world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_created(&ann, days(-1))).await;
    world.the_worker_drains().await;

    world.restarts_with_another_digest_key();
    world.jira_sends(&acme, &user_deleted(&ann, days(0))).await;
    world.the_worker_drains().await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.data_subject").await, 1, "one person stays one subject");
    let account = Personal::new(ann.account_id.clone());
    let found =
        find_subject::find(&world.gateway, None, IdentityKind::AtlassianAccountId, None, &account).await.unwrap();
    assert_eq!((found.len(), found[0].subjects.len()), (1, 1));
    world.days_pass(85).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);

    world.restarts_with_another_digest_key();
    let old = world.jira_sends(&acme, &user_created(&ann, days(-1))).await;
    let late = world.jira_sends(&acme, &worklog(&ann, "1", "1", 1, days(3))).await;
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(old).await, "ignored: fenced");
    assert_eq!(world.outcome_of(late).await, "applied: hours_recorded_without_person");

    let back = world.jira_sends(&acme, &user_created(&ann, days(85))).await;
    world.the_worker_drains().await;
    let hours = world.jira_sends(&acme, &worklog(&ann, "2", "1", 1, days(85))).await;
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(back).await, "applied: presence_recorded");
    assert_eq!(world.outcome_of(hours).await, "applied: hours_recorded_unlinked");
    world.ends_cleanly().await;
}
