//! Access of accounts that were deactivated, beside everybody's and a person's own leaving.

use milestone_gateway::testing::domain::{evidence::EvidenceKind::*, request::RequestState, run::Phase};

use super::{acme_with_ann, minutes, updated};
use crate::{
    harness::{World, user_created, user_deleted},
    tenant::it_is_told,
};

#[tokio::test]
async fn a_deactivated_account_loses_access_until_it_is_activated_or_made_again() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let sessions = "SELECT count(*) FROM milestone.session WHERE member_id IS NOT NULL";
    let now = world.gateway.now();
    let comebacks = [updated(&ann, now + minutes(2), "Ann", true), user_created(&ann, now + minutes(4))];
    for (turn, comeback) in (0..).zip(&comebacks) {
        let at = now + minutes(2 * turn + 1);
        world.time_passes(minutes(2 * turn + 2));

        world.jira_sends(&acme, &updated(&ann, at, "Ann", false)).await;
        world.the_worker_drains().await;
        assert!(!world.may_sign_in(&ann).await);
        assert_eq!(world.number(sessions).await, 0);
        assert_eq!(world.requests(&acme).await.len(), 0, "nobody is on the way out");

        world.jira_sends(&acme, comeback).await;
        world.the_worker_drains().await;
        assert!(world.may_sign_in(&ann).await, "turn {turn}");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_restriction_that_the_product_has_set_itself_outlives_an_activation() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let restrict = "UPDATE milestone.team_member SET restricted_at = '2026-01-03T00:00:00Z'";
    world.admin.execute(restrict, &[]).await.unwrap();
    let now = world.gateway.now();

    world.jira_sends(&acme, &updated(&ann, now, "Ann", false)).await;
    world.time_passes(minutes(5));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", true)).await;
    world.the_worker_drains().await;

    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_tenant_that_leaves_and_returns_lets_nobody_in_whose_account_is_deactivated() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    it_is_told(&world, &acme, Uninstalled, now).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    world.time_passes(minutes(10));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", false)).await;
    world.the_worker_drains().await;
    it_is_told(&world, &acme, Installed, now + minutes(5)).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await, "deactivated while the tenant was away");

    world.jira_sends(&acme, &updated(&ann, now + minutes(6), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_activation_lets_nobody_in_while_the_whole_tenant_is_leaving() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now - minutes(9), "Ann", false)).await;
    world.the_worker_drains().await;
    it_is_told(&world, &acme, Uninstalled, now).await;
    world.the_worker_drains().await;

    world.time_passes(minutes(10));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    it_is_told(&world, &acme, Installed, now + minutes(5)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_return_that_is_older_than_a_deactivation_lets_nobody_in() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &user_deleted(&ann, now)).await;
    world.the_worker_drains().await;
    world.time_passes(minutes(10));

    world.jira_sends(&acme, &updated(&ann, now + minutes(4), "Ann", false)).await;
    world.jira_sends(&acme, &user_created(&ann, now + minutes(2))).await;
    world.the_worker_drains().await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Cancelled);
    assert!(!world.may_sign_in(&ann).await);

    world.jira_sends(&acme, &updated(&ann, now + minutes(6), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_activation_restores_no_access_of_whoever_is_leaving() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now - minutes(9), "Ann", false)).await;
    world.jira_sends(&acme, &user_deleted(&ann, now - minutes(5))).await;
    world.the_worker_drains().await;

    // Both are older than the departure, so she stays on her way out.
    for late in [user_created(&ann, now - minutes(7)), updated(&ann, now - minutes(6), "Ann", true)] {
        world.jira_sends(&acme, &late).await;
        world.the_worker_drains().await;
        assert!(!world.may_sign_in(&ann).await);
    }

    world.time_passes(minutes(1));
    world.jira_sends(&acme, &user_created(&ann, now)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await, "she is back");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_deactivated_account_that_is_added_to_the_site_stays_out() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now - minutes(5), "Ann", false)).await;
    world.the_worker_drains().await;

    let mut added = user_created(&ann, now - minutes(3));
    added["user"]["active"] = false.into();
    world.jira_sends(&acme, &added).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    world.jira_sends(&acme, &user_created(&ann, now - minutes(1))).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

/// As a worker of a release before, which knew nothing of it, or a restored product database leaves it.
#[tokio::test]
async fn the_sweep_makes_the_products_word_of_who_is_leaving_true_again() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    it_is_told(&world, &acme, Uninstalled, now).await;
    world.the_worker_drains().await;
    let still = "SELECT count(*) FROM milestone_gateway.leaving WHERE NOT is_over";
    world.admin.execute("DELETE FROM milestone_gateway.leaving", &[]).await.unwrap();
    world.the_sweep_runs().await;
    assert_eq!(world.number(still).await, 1);

    world.time_passes(minutes(5));
    it_is_told(&world, &acme, Installed, now + minutes(2)).await;
    world.the_worker_drains().await;
    assert_eq!(world.number(still).await, 0);
    world.admin.execute("UPDATE milestone_gateway.leaving SET is_over = FALSE", &[]).await.unwrap();
    world.the_sweep_runs().await;
    assert_eq!(world.number(still).await, 0);
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn behind_the_tenants_fence_the_sweep_brings_that_word_not_back() {
    let world = World::new().await;
    let (acme, _) = acme_with_ann(&world).await;
    it_is_told(&world, &acme, Uninstalled, world.gateway.now()).await;
    world.the_worker_drains().await;
    world.crash.arm("tenant_erasure.after_fence_mirror", 1);
    world.days_pass(83).await;
    assert_eq!(world.request(&acme).await.phase(), Some(Phase::Fenced));

    world.the_sweep_runs().await;

    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.leaving").await, 0);
    world.the_lease_runs_out().await;
    world.time_passes(minutes(15));
    world.the_worker_drains().await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}
