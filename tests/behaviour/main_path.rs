//! The main job, end to end: one signed webhook makes a person disappear.

use milestone_gateway::{
    domain::{reply::SenderReply, request::RequestState},
    proof,
};

use crate::harness::{World, user_deleted};

#[tokio::test]
async fn a_person_who_left_is_locked_out_at_once_marked_on_day_30_and_gone_before_day_90() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;

    let accepted = world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;

    assert_eq!(accepted.reply, SenderReply::Accepted);
    assert_eq!(world.outcome_of(accepted).await, "applied: offboarding_started");
    assert!(!world.may_sign_in(&ann).await);
    world.days_pass(30).await;
    world.days_pass(53).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    let receipt = world.receipt(&acme).await.expect("a receipt");
    proof::verify(&receipt, world.gateway.signing_key().public_key()).unwrap();
    world.ends_cleanly().await;
}
