//! The tree that hours hang on: what goes with an issue or a project, what comes back, in whatever order it is told.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::{app::accept_event::Accepted, domain::reply::SenderReply};
use serde_json::{Value, json};

use crate::harness::{Person, Tenant, World, worklog, worklog_deleted};

const PROJECT: &str = "10000";
const ISSUES: [&str; 2] = ["20001", "20002"];

/// So many minutes after the world's beginning.
fn minutes(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(count)
}

fn issue(what: &str, id: &str, at: Timestamp) -> Value {
    json!({"timestamp": at.as_millisecond(), "webhookEvent": what,
           "issue": {"id": id, "key": "HELP-1", "fields": {"summary": "A printer", "project": {"id": PROJECT}}}})
}

fn project(what: &str, at: Timestamp) -> Value {
    json!({"timestamp": at.as_millisecond(), "webhookEvent": what, "project": {"id": PROJECT, "key": "HELP"}})
}

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

async fn it_is_told(world: &World, tenant: &Tenant, body: &Value) -> String {
    let accepted = world.jira_sends(tenant, body).await;
    world.the_worker_drains().await;
    world.outcome_of(accepted).await
}

/// Two issues of one project, with two worklogs each, of which one was deleted by itself.
async fn two_issues_with_hours(world: &World, acme: &Tenant, ann: &Person) {
    for (number, id) in ISSUES.iter().enumerate() {
        it_is_told(world, acme, &issue("jira:issue_created", id, minutes(0))).await;
        for half in 0..2 {
            let log = (30_000 + 10 * number + half).to_string();
            it_is_told(world, acme, &worklog(ann, &log, id, 1, minutes(1))).await;
        }
    }
    it_is_told(world, acme, &worklog_deleted("30001", minutes(2))).await;
}

/// The worklogs of these issues that count, in order.
async fn counting(world: &World) -> Vec<String> {
    let sql = "SELECT string_agg(worklog_id, ' ' ORDER BY worklog_id) FROM milestone.hours_entry
        WHERE removed_at IS NULL AND issue_id LIKE '2000_'";
    world.text(sql).await.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn hours_of_a_deleted_issue_are_removed_and_those_of_its_neighbour_are_not() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    two_issues_with_hours(&world, &acme, &ann).await;
    assert_eq!(counting(&world).await, ["30000", "30010", "30011"]);

    let outcome = it_is_told(&world, &acme, &issue("jira:issue_deleted", ISSUES[1], minutes(5))).await;

    assert_eq!(outcome, "applied: hours_removed");
    assert_eq!(counting(&world).await, ["30000"]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_project_takes_all_its_hours_into_the_bin_and_brings_back_exactly_those() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let globex = world.a_tenant("globex").await;
    it_is_told(&world, &globex, &issue("jira:issue_created", ISSUES[0], minutes(0))).await;
    two_issues_with_hours(&world, &acme, &ann).await;
    let before = world.product_rows().await;

    let gone = it_is_told(&world, &acme, &project("project_soft_deleted", minutes(5))).await;
    assert_eq!((gone.as_str(), counting(&world).await.len()), ("applied: hours_removed", 0));
    let back = it_is_told(&world, &acme, &project("project_restored_deleted", minutes(6))).await;

    assert_eq!(back, "applied: hours_restored");
    assert_eq!(world.product_rows().await, before, "the worklog that was deleted by itself stays so");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_issue_that_was_deleted_by_itself_stays_gone_when_its_project_comes_back() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    two_issues_with_hours(&world, &acme, &ann).await;

    it_is_told(&world, &acme, &project("project_soft_deleted", minutes(5))).await;
    it_is_told(&world, &acme, &issue("jira:issue_deleted", ISSUES[1], minutes(6))).await;
    it_is_told(&world, &acme, &project("project_restored_deleted", minutes(7))).await;

    assert_eq!(counting(&world).await, ["30000"]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn hours_that_arrive_late_for_an_issue_that_is_gone_do_not_count() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    it_is_told(&world, &acme, &issue("jira:issue_created", ISSUES[0], minutes(0))).await;
    it_is_told(&world, &acme, &project("project_deleted", minutes(5))).await;
    it_is_told(&world, &acme, &issue("jira:issue_deleted", ISSUES[1], minutes(5))).await;

    for (log, id) in [("30000", ISSUES[0]), ("30010", ISSUES[1])] {
        it_is_told(&world, &acme, &worklog(&ann, log, id, 1, minutes(1))).await;
        it_is_told(&world, &acme, &worklog(&ann, log, id, 2, minutes(2))).await;
    }

    assert_eq!(counting(&world).await, [""; 0]);
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

/// All that is known in the end, of hours and of the tree.
async fn what_stands(world: &World, tenant: &Tenant) -> [Option<String>; 3] {
    let hours = format!(
        "SELECT string_agg(concat_ws(' ', worklog_id, seconds, removed_at), ', ' ORDER BY worklog_id)
         FROM milestone.hours_entry WHERE tenant_id = '{}' AND issue_id LIKE '2000_'",
        tenant.key
    );
    let of_tree = |table: &str, columns: &str| {
        let id = tenant.id.uuid();
        format!("SELECT string_agg(concat_ws(' ', {columns}), ', ') FROM gateway.{table} WHERE tenant_id = '{id}'")
    };
    [
        world.text(&hours).await,
        world.text(&of_tree("tree_project", "project_id, deletions, restored_at")).await,
        world.text(&of_tree("tree_issue", "issue_id, project_id, deleted_at")).await,
    ]
}

#[tokio::test]
async fn worklog_issue_deletion_and_return_in_any_order_end_the_same() {
    let world = World::new().await;
    world.time_passes(SignedDuration::from_hours(24));
    // Deleted and restored; deleted only; and restored before it was deleted again.
    let ends_of_project = [
        vec![project("project_soft_deleted", minutes(5)), project("project_restored_deleted", minutes(6))],
        vec![project("project_soft_deleted", minutes(5))],
        vec![project("project_restored_deleted", minutes(5)), project("project_soft_deleted", minutes(6))],
    ];
    for (round, of_project) in ends_of_project.iter().enumerate() {
        let mut ends = Vec::new();
        for (number, order) in orders(2 + of_project.len()).into_iter().enumerate() {
            let tenant = world.a_tenant(&format!("t{round}x{number}")).await;
            let paula = world.a_portal_user(&tenant, "paula").await;
            let ann = world.a_team_member(&tenant, "ann", &paula).await;
            let hours = worklog(&ann, "30000", ISSUES[0], 1, minutes(1));
            let seen = issue("jira:issue_updated", ISSUES[0], minutes(2));
            let all: Vec<&Value> = [&hours, &seen].into_iter().chain(of_project).collect();
            for which in order {
                it_is_told(&world, &tenant, all[which]).await;
            }
            ends.push(what_stands(&world, &tenant).await);
        }
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
        let is_there = !ends[0][0].as_ref().unwrap().contains("2026-01-05");
        assert_eq!(is_there, round == 0, "{:?}", ends[0]);
    }
    world.ends_cleanly().await;
}

/// Jira repeats after 503.
async fn repeats_until_accepted(world: &World, tenant: &Tenant, body: &Value) -> Accepted {
    let accepted = world.jira_sends(tenant, body).await;
    assert_eq!(accepted.reply, SenderReply::Accepted);
    for _ in 0..2 {
        world.the_worker_drains().await;
        world.the_lease_runs_out().await;
        world.time_passes(SignedDuration::from_mins(15));
    }
    world.the_worker_drains().await;
    accepted
}

/// `interpret.after_ledger`: the ledger knows, and the target does not yet.
#[tokio::test]
async fn a_crash_between_the_ledger_and_the_target_ends_as_if_nothing_had_happened() {
    let mut ends = Vec::new();
    for crash in [false, true] {
        let world = World::new().await;
        let (acme, ann) = acme_with_ann(&world).await;
        two_issues_with_hours(&world, &acme, &ann).await;
        if crash {
            world.crash.arm("interpret.after_ledger", 1);
        }

        let accepted = repeats_until_accepted(&world, &acme, &project("project_deleted", minutes(5))).await;

        assert!(!world.crash.is_armed("interpret.after_ledger"));
        ends.push((world.outcome_of(accepted).await, what_stands(&world, &acme).await));
        world.ends_cleanly().await;
    }
    assert_eq!(ends[0], ends[1]);
}
