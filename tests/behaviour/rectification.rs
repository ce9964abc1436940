//! Corrections: what Atlassian says of an account replaces what the product has copied of it, and nothing else.

mod access;
mod asking;

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::domain::request::RequestState;
use serde_json::{Value, json};

use crate::harness::{Person, Tenant, World, drain, user_deleted, user_updated};

/// Columns that hold a copy of a team member's name or address.
const COPIES: [(&str, &str); 4] = [
    ("team_member.display_name", "member_id"),
    ("team_member.email", "member_id"),
    ("service_request.assignee_name", "assignee_id"),
    ("message.member_name", "member_id"),
];

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

/// The update that says what the account is called, and whether it can be used.
fn updated(person: &Person, at: Timestamp, name: &str, is_active: bool) -> Value {
    let mut body = user_updated(person, at);
    body["user"]["displayName"] = json!(name);
    body["user"]["active"] = json!(is_active);
    body
}

/// What each column says of the person: every value that stands there, once.
async fn copies_of(world: &World, person: &Person) -> Vec<(&'static str, String)> {
    let mut copies = Vec::new();
    for (path, by) in COPIES {
        let (table, column) = path.split_once('.').unwrap();
        let sql = format!(
            "SELECT string_agg(DISTINCT coalesce({column}, '(nothing)'), ', ') FROM milestone.{table}
             WHERE tenant_id = '{}' AND {by} = '{}'",
            person.tenant_key, person.row_id
        );
        copies.push((path, world.text(&sql).await.unwrap()));
    }
    copies
}

fn called(name: &str, email: &str) -> Vec<(&'static str, String)> {
    let value = |path: &str| if path.ends_with("email") { email } else { name };
    COPIES.iter().map(|(path, _)| (*path, value(path).to_owned())).collect()
}

/// The product without what is said of this person in those columns.
async fn everything_else(world: &World, person: &Person) -> Vec<(String, String)> {
    let mut rows = world.product_rows().await;
    rows.retain(|(_, row)| !row.contains(&person.row_id));
    rows
}

#[tokio::test]
async fn a_name_that_was_changed_in_jira_is_changed_everywhere_in_the_product() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let pia = world.a_portal_user(&acme, "pia").await;
    world.a_team_member(&acme, "bob", &pia).await;
    let others = everything_else(&world, &ann).await;

    let accepted = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(accepted).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    assert_eq!(everything_else(&world, &ann).await, others);
    assert!(world.may_sign_in(&ann).await);
    assert!(world.audited(acme.id).await.contains(&"profile.rectified".to_owned()));
    let kept = world.memory_of_the_gateway().await;
    assert!(!kept.contains("Newname") && !kept.contains(&hex::encode("Newname")), "a name stands in the clear");
    assert_eq!(world.requests(&acme).await.len(), 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn however_many_copies_there_are_all_are_corrected() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let many = "INSERT INTO milestone.message
            (tenant_id, message_id, request_id, member_id, member_name, sent_by, body, sent_at)
        SELECT m.tenant_id, md5(n::text)::uuid, m.request_id, m.member_id, m.member_name, 'member', 'On my way', m.sent_at
        FROM (SELECT * FROM milestone.message WHERE portal_user_id IS NULL) AS m, generate_series(1, 2500) AS n";
    assert_eq!(world.admin.execute(many, &[]).await.unwrap(), 2500);

    world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;
    world.the_worker_drains().await;

    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    let counted = "SELECT (entry::jsonb #>> '{detail,rows,count}')::bigint
        FROM gateway.audit_entry WHERE action = 'profile.rectified'";
    assert_eq!(world.number(counted).await, 2504);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_is_older_by_the_source_changes_nothing_however_late_or_often_it_comes() {
    let mut world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    let newer = updated(&ann, now, "Ann Second", true);
    world.jira_sends(&acme, &newer).await;
    world.the_worker_drains().await;
    // By whichever digest key it was remembered.
    world.restarts_with_another_digest_key();

    let older = world.jira_sends(&acme, &updated(&ann, now - minutes(5), "Ann First", false)).await;
    let again = world.jira_sends(&acme, &newer).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(older).await, "ignored: stale_version");
    assert_eq!(world.outcome_of(again).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Second", &ann.email));
    assert!(world.may_sign_in(&ann).await);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_row_that_the_product_writes_at_that_moment_is_corrected_too() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let mut product = world.database.admin().await;
    let writing = product.transaction().await.unwrap();
    writing.execute("UPDATE milestone.message SET body = body || '!'", &[]).await.unwrap();
    world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;

    let gateway = world.gateway.clone();
    let correcting = tokio::spawn(async move { drain(&gateway).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%message%'";
    while world.number(waits).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    writing.commit().await.unwrap();
    correcting.await.unwrap();

    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_was_told_of_somebody_goes_with_them_and_brings_nobody_back() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now, "Ann", false)).await;
    world.jira_sends(&acme, &user_deleted(&ann, now)).await;
    world.the_worker_drains().await;
    world.days_pass(84).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 0);
    let gone = world.product_rows().await;

    let late = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(late).await, "ignored: fenced");
    assert_eq!(world.product_rows().await, gone);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn somebody_whom_the_product_does_not_know_leaves_no_trace() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let stranger = Person { account_id: "712020:00000000-0000-4000-8000-0000000000ff".to_owned(), ..ann };

    let accepted = world.jira_sends(&acme, &updated(&stranger, world.gateway.now(), "Canary", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(accepted).await, "ignored: nobody_known");
    let subjects =
        "SELECT (SELECT count(*) FROM gateway.data_subject) + (SELECT count(*) FROM milestone_gateway.profile)";
    assert_eq!(world.number(subjects).await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_crash_after_the_correction_corrects_once() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.crash.arm("rectify.after_product", 1);

    let accepted = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", false)).await;
    for _ in 0..3 {
        world.the_lease_runs_out().await;
        world.time_passes(minutes(15));
        world.the_worker_drains().await;
    }

    assert!(!world.crash.is_armed("rectify.after_product"));
    assert_eq!(world.outcome_of(accepted).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}
