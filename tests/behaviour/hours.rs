//! Hours: the version decides, not the order of arrival.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Person, Tenant, World, issue_of, worklog, worklog_deleted};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

fn minute(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() - SignedDuration::from_hours(1)
        + SignedDuration::from_mins(count)
}

async fn sends(world: &World, acme: &Tenant, body: &Value) -> String {
    let accepted = world.jira_sends(acme, body).await;
    world.the_worker_drains().await;
    world.outcome_of(accepted).await
}

async fn entry(world: &World, id: &str) -> Option<String> {
    let sql = format!(
        "SELECT concat_ws(' ', author_account_id, issue_id, seconds, work_day, removed_at IS NOT NULL, request_id IS NOT NULL)
         FROM milestone.hours_entry WHERE worklog_id = '{id}'"
    );
    world.text(&sql).await
}

#[tokio::test]
async fn an_older_version_of_a_worklog_changes_nothing_and_a_newer_one_wins() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let issue = issue_of(&ann);

    assert_eq!(sends(&world, &acme, &worklog(&ann, "7", &issue, 2, minute(2))).await, "applied: hours_recorded");
    assert_eq!(sends(&world, &acme, &worklog(&ann, "7", &issue, 1, minute(1))).await, "ignored: stale_version");
    assert_eq!(sends(&world, &acme, &worklog(&ann, "7", &issue, 9, minute(2))).await, "ignored: stale_version");
    assert_eq!(sends(&world, &acme, &worklog(&ann, "7", &issue, 3, minute(3))).await, "applied: hours_recorded");

    // 00:15 in India is the evening before in UTC; the day is the one the person worked on.
    let expected = format!("{} {issue} 5400 2026-01-08 f t", ann.account_id);
    assert_eq!(entry(&world, "7").await, Some(expected));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_removed_worklog_stays_removed_whatever_arrives_later() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let issue = issue_of(&ann);
    let legacy = json!({
        "webhookEvent": "jira:worklog_updated", "timestamp": minute(9).as_millisecond(),
        "issue_event_type_name": "issue_worklog_deleted",
        "changelog": {"items": [{"field": "WorklogId", "from": "10"}]},
    });

    sends(&world, &acme, &worklog(&ann, "8", &issue, 2, minute(2))).await;
    assert_eq!(sends(&world, &acme, &worklog_deleted("8", minute(3))).await, "applied: hours_recorded");
    assert_eq!(sends(&world, &acme, &worklog(&ann, "8", &issue, 5, minute(5))).await, "ignored: stale_version");
    // The removal overtakes the creation.
    assert_eq!(sends(&world, &acme, &worklog_deleted("9", minute(3))).await, "applied: hours_recorded_unlinked");
    assert_eq!(sends(&world, &acme, &worklog(&ann, "9", &issue, 2, minute(2))).await, "ignored: stale_version");
    sends(&world, &acme, &worklog(&ann, "10", &issue, 2, minute(2))).await;
    assert_eq!(sends(&world, &acme, &legacy).await, "applied: hours_recorded");

    for id in ["8", "9", "10"] {
        let row = entry(&world, id).await.unwrap();
        assert!(!row.contains(&ann.account_id) && row.contains(" 0 ") && row.contains(" t"), "{row}");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn hours_for_an_issue_that_the_product_does_not_know_are_kept_unlinked() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;

    let outcome = sends(&world, &acme, &worklog(&ann, "11", "424242", 1, minute(1))).await;

    assert_eq!(outcome, "applied: hours_recorded_unlinked");
    assert_eq!(entry(&world, "11").await, Some(format!("{} 424242 1800 2026-01-08 f f", ann.account_id)));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn hours_of_an_account_that_atlassian_cannot_name_are_not_stored() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let nobody = Person { account_id: "unknown".to_owned(), ..ann };

    let outcome = sends(&world, &acme, &worklog(&nobody, "12", "1", 1, minute(1))).await;

    assert_eq!(outcome, "ignored: placeholder_account");
    assert_eq!(world.number("SELECT count(*) FROM gateway.data_subject").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn interleaved_versions_end_the_same_in_every_order() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let issue = issue_of(&ann);
    let mut ends = Vec::new();

    for (number, order) in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].iter().enumerate() {
        let id = (500 + number).to_string();
        for version in order {
            world.jira_sends(&acme, &worklog(&ann, &id, &issue, version + 1, minute(*version))).await;
        }
        // All three at once: eight are interpreted at the same time.
        world.the_worker_drains().await;
        ends.push(entry(&world, &id).await);
    }

    let expected = format!("{} {issue} 5400 2026-01-08 f t", ann.account_id);
    assert!(ends.iter().all(|end| end.as_ref() == Some(&expected)), "{ends:?}");
    world.ends_cleanly().await;
}
