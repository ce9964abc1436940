//! The main job, end to end: one signed webhook makes a person disappear, and nobody else.

use milestone_gateway::testing::{
    domain::{reply::SenderReply, request::RequestState},
    proof,
};

use crate::harness::{Person, Tenant, World, user_created, user_deleted, worklog};

/// Two tenants with the same people in each; the one to be erased is Ann of Acme.
struct Cast {
    acme: Tenant,
    ann: Person,
}

async fn a_busy_product(world: &World) -> Cast {
    let globex = world.a_tenant("globex").await;
    let acme = world.a_tenant("acme").await;
    let mut anns = Vec::new();
    for tenant in [&globex, &acme] {
        let paula = world.a_portal_user(tenant, "paula").await;
        world.a_team_member(tenant, "bob", &paula).await;
        anns.push(world.a_team_member(tenant, "ann", &paula).await);
    }
    Cast { acme, ann: anns.pop().unwrap() }
}

#[tokio::test]
async fn a_person_who_left_is_locked_out_at_once_flagged_on_day_30_and_gone_before_day_90() {
    let world = World::new().await;
    let Cast { acme, ann } = a_busy_product(&world).await;
    let left_at = world.gateway.now();
    assert!(world.may_sign_in(&ann).await);
    assert_eq!(world.rows_about(&ann).await.len(), 10, "the seed touches every table that can name a member");

    let accepted = world.jira_sends(&acme, &user_deleted(&ann, left_at)).await;
    world.the_worker_drains().await;

    assert_eq!(accepted.reply, SenderReply::Accepted);
    assert_eq!(world.outcome_of(accepted).await, "applied: offboarding_started");
    assert!(!world.may_sign_in(&ann).await);
    assert_eq!(world.rows_about(&ann).await.get("session"), None);
    assert_eq!(world.request(&acme).await.offboarding.unwrap().access_revoked_at, Some(left_at));

    world.days_pass(29).await;
    assert_eq!(world.request(&acme).await.offboarding.unwrap().flagged_at, None);
    world.days_pass(1).await;
    let marked = format!(
        "SELECT count(*) FROM milestone.team_member WHERE marked_for_deletion_at IS NOT NULL AND account_id = '{}'",
        ann.account_id
    );
    assert_eq!(world.number(&marked).await, 1);
    assert!(world.request(&acme).await.offboarding.unwrap().flagged_at.is_some());
    assert_eq!(world.state_of_request(&acme).await, RequestState::Scheduled);

    world.days_pass(53).await;
    let request = world.request(&acme).await;
    assert_eq!(request.state, RequestState::Completed);
    assert!(request.ended_at.unwrap() < request.offboarding.unwrap().timeline.erasure_due_at);
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn after_the_erasure_the_gateway_has_forgotten_the_person_and_can_prove_it() {
    let world = World::new().await;
    let Cast { acme, ann } = a_busy_product(&world).await;
    world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
    world.jira_sends(&acme, &worklog(&ann, "900", "10001", 1, world.gateway.now())).await;
    world.the_worker_drains().await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.minimized_event").await, 2);

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;

    let memory = world.memory_of_the_gateway().await;
    for identifier in ann.identifiers() {
        assert!(!memory.contains(identifier), "the gateway remembers an identifier in plain text");
        assert!(!memory.contains(&hex::encode(identifier)), "the gateway remembers an identifier in bytes");
    }
    for (table, rows) in [("identity", 0), ("subject_signal", 0), ("minimized_event", 0), ("data_subject", 1)] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM gateway.{table}")).await, rows, "{table}");
    }
    let living_keys = "SELECT count(*) FROM gateway.subject_key WHERE wrapped IS NOT NULL OR destroyed_at IS NULL";
    assert_eq!(world.number(living_keys).await, 0);
    assert_eq!(world.who_did(acme.id, "fence.committed").await, ["worker".to_owned()].into());
    // One day's jump runs all jobs in one instant, in which ids have no order.
    let mut audited = world.audited(acme.id).await;
    let mut expected = [
        "source.registered",
        "offboarding.started",
        "access.revoked",
        "data.flagged",
        "erasure.told",
        "fence.committed",
        "plan.executed",
        "verification.clean",
        "key.destroyed",
        "request.completed",
    ];
    audited.sort();
    expected.sort_unstable();
    assert_eq!(audited, expected);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_receipt_is_verified_by_the_public_key_alone_and_counts_what_was_done() {
    let world = World::new().await;
    let Cast { acme, ann } = a_busy_product(&world).await;

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;

    let receipt = world.receipt(&acme).await.expect("a receipt");
    let jwk = world.signing_key().public_key().to_jwk();
    let claims = proof::verify(&receipt, &proof::PublicKey::from_jwk(&jwk).unwrap()).unwrap();
    let rows = |table: &str, disposal: &str| {
        let steps = claims.steps.iter().filter(|step| step.table == table && step.disposal == disposal);
        steps.map(|step| step.rows).sum::<u64>()
    };
    assert_eq!(rows("team_member", "delete"), 1);
    assert_eq!(rows("role_assignment", "delete"), 2);
    assert_eq!(rows("message", "delete"), 1);
    assert_eq!(rows("message", "rewrite"), 1);
    assert_eq!(rows("hours_entry", "rewrite"), 3);
    assert_eq!(rows("notification_delivery", "delete"), 1);
    assert_eq!(claims.verification.left, 0);
    assert!(claims.verification.columns_read > 20);
    assert_eq!(claims.request, world.request(&acme).await.request_id);
    assert!(claims.physical_by > claims.logical_at);
    for identifier in ann.identifiers() {
        assert!(!serde_json::to_string(&claims).unwrap().contains(identifier));
    }
    let other_key = proof::SigningKey::from_seed("receipt-x", &[3; 32]).unwrap();
    assert!(proof::verify(&receipt, other_key.public_key()).is_err());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_message_goes_with_the_last_of_its_owners() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let bodies = "SELECT string_agg(body, ', ' ORDER BY body) FROM milestone.message";
    assert_eq!(world.text(bodies).await.as_deref(), Some("A note to self, On my way"));

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;

    assert_eq!(world.text(bodies).await.as_deref(), Some("On my way"));
    let parties = "SELECT concat_ws('/', member_id, member_name, portal_user_name) FROM milestone.message";
    assert_eq!(world.text(parties).await, Some(paula.display_name.clone()), "the one who stays keeps the message");

    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_message_whose_other_owner_has_gone_before_goes_too() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let paula_has_gone = "UPDATE milestone.message SET portal_user_id = NULL, portal_user_name = NULL";
    world.admin.batch_execute(paula_has_gone).await.unwrap();

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;

    assert_eq!(world.number("SELECT count(*) FROM milestone.message").await, 0);
    world.ends_cleanly().await;
}
