//! The tree that hours hang on: what goes with an issue or a project, what comes back, in whatever order it is told.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{app::intake::delivery::Accepted, domain::reply::SenderReply};
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

/// The issue is seen in another project than [`PROJECT`].
fn issue_elsewhere(id: &str, at: Timestamp) -> Value {
    let mut seen = issue("jira:issue_updated", id, at);
    seen["issue"]["fields"]["project"]["id"] = json!("10001");
    seen
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

/// Tells all of it to a tenant of its own in every order, and returns how many seconds count in the end, order by order.
async fn seconds_in_every_order(world: &World, name: &str, all: impl Fn(&Person) -> Vec<Value>) -> Vec<i64> {
    let mut ends = Vec::new();
    let any = world.a_tenant(&format!("{name}any")).await;
    let paula = world.a_portal_user(&any, "paula").await;
    let count = all(&world.a_team_member(&any, "ann", &paula).await).len();
    for (number, order) in orders(count).into_iter().enumerate() {
        let tenant = world.a_tenant(&format!("{name}{number}")).await;
        let paula = world.a_portal_user(&tenant, "paula").await;
        let all = all(&world.a_team_member(&tenant, "ann", &paula).await);
        for which in order {
            it_is_told(world, &tenant, &all[which]).await;
        }
        let sql = "SELECT coalesce(sum(seconds), 0)::bigint FROM milestone.hours_entry
            WHERE worklog_id = '30000' AND removed_at IS NULL AND tenant_id =";
        ends.push(world.number(&format!("{sql} '{}'", tenant.key)).await);
    }
    ends
}

#[tokio::test]
async fn what_happens_to_a_worklog_while_its_project_is_in_the_bin_stands_when_it_comes_back() {
    let world = World::new().await;
    world.time_passes(SignedDuration::from_hours(24));
    let tree = || {
        let restored = project("project_restored_deleted", minutes(6));
        vec![issue("jira:issue_created", ISSUES[0], minutes(0)), project("project_soft_deleted", minutes(5)), restored]
    };

    let removed = |ann: &Person| {
        [vec![worklog(ann, "30000", ISSUES[0], 1, minutes(1)), worklog_deleted("30000", minutes(4))], tree()].concat()
    };
    let changed = |ann: &Person| {
        let version = |half_hours| worklog(ann, "30000", ISSUES[0], half_hours, minutes(half_hours));
        [vec![version(1), version(2)], tree()].concat()
    };

    let removed = seconds_in_every_order(&world, "removed", removed).await;
    let changed = seconds_in_every_order(&world, "changed", changed).await;

    assert!(removed.iter().all(|seconds| *seconds == 0), "{removed:?}");
    assert!(changed.iter().all(|seconds| *seconds == 3600), "{changed:?}");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_project_takes_no_issue_with_it_that_had_moved_elsewhere_before_whatever_is_told_first() {
    let world = World::new().await;
    world.time_passes(SignedDuration::from_hours(24));

    let ends = seconds_in_every_order(&world, "moved", |ann| {
        let created = issue("jira:issue_created", ISSUES[0], minutes(0));
        let moved = issue_elsewhere(ISSUES[0], minutes(3));
        let gone = project("project_deleted", minutes(5));
        vec![created, worklog(ann, "30000", ISSUES[0], 1, minutes(1)), moved, gone]
    })
    .await;

    assert!(ends.iter().all(|seconds| *seconds == 1800), "{ends:?}");
    world.ends_cleanly().await;
}

/// Rows whose mark is not what the ledger says of their issue, and rows that are looked at.
async fn astray_and_all(world: &World) -> (i64, i64) {
    let rows = "FROM milestone.hours_entry h
        JOIN gateway.tree_issue i ON i.issue_id = h.issue_id
        LEFT JOIN gateway.tree_project p ON p.tenant_id = i.tenant_id AND p.project_id = i.project_id
        CROSS JOIN LATERAL (SELECT least(i.deleted_at, (
            SELECT min(d) FROM unnest(p.deletions) AS d WHERE p.restored_at IS NULL OR d > p.restored_at
        )) AS gone_since) AS l";
    let astray = format!("SELECT count(*) {rows} WHERE h.removed_at IS DISTINCT FROM l.gone_since");
    (world.number(&astray).await, world.number(&format!("SELECT count(*) {rows}")).await)
}

#[tokio::test]
async fn workers_that_run_into_each_other_leave_what_the_ledger_says() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.time_passes(SignedDuration::from_hours(24));

    for round in 0..25 {
        let at = |step: i64| minutes(10 * round + step);
        let mut all = Vec::new();
        for (number, id) in (0_i64..).zip(ISSUES) {
            let log = (30_000 + 10 * round + number).to_string();
            all.push(worklog(&ann, &log, id, 1, at(1)));
            all.push(issue("jira:issue_updated", id, at(2 + number)));
        }
        all.push(issue_elsewhere(ISSUES[1], at(4)));
        all.push(project("project_soft_deleted", at(5)));
        all.push(project("project_restored_deleted", at(6)));
        if round % 2 == 0 {
            all.push(project("project_soft_deleted", at(7)));
        }
        let shift = usize::try_from(round).unwrap() % all.len();
        all.rotate_left(shift);
        for body in &all {
            world.jira_sends(&acme, body).await;
        }
        tokio::join!(world.the_worker_drains(), world.the_worker_drains(), world.the_worker_drains());
        // Whatever stood in somebody's way comes again.
        world.the_lease_runs_out().await;
        world.time_passes(SignedDuration::from_mins(15));
        world.the_worker_drains().await;

        assert_eq!(astray_and_all(&world).await, (0, 2 * (round + 1)), "round {round}");
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

/// `interpret.after_ledger`: the ledger knows, and the product database does not yet.
#[tokio::test]
async fn a_crash_between_the_ledger_and_the_product_ends_as_if_nothing_had_happened() {
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
