//! Everybody else is untouched: before and after, and in a twin world in which the person never was.

use std::collections::BTreeMap;

use milestone_gateway::testing::domain::request::RequestState;
use serde_json::Value;

use crate::harness::{Person, Tenant, World, issue_of, user_deleted, user_updated, worklog};

/// The columns that an erasure of a team member may change in rows that stay, as the data map declares them.
const DECLARED: &[(&str, &[&str])] = &[
    ("service_request", &["assignee_id", "assignee_name"]),
    ("message", &["member_id", "member_name"]),
    ("hours_entry", &["author_account_id"]),
    ("sla_metric", &["owner_member_id"]),
    ("activity_log", &["actor_account_id"]),
];

/// Rows by table and primary key.
type Rows = BTreeMap<(String, String), Value>;

async fn rows_by_key(world: &World) -> Rows {
    let keys = "SELECT c.relname::text, string_agg('t.' || a.attname, ', ' ORDER BY a.attnum)
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
        WHERE i.indisprimary AND c.relnamespace = 'milestone'::regnamespace
        GROUP BY 1";
    let mut rows = Rows::new();
    for table in world.admin.query(keys, &[]).await.unwrap() {
        let (table, key): (String, String) = (table.get(0), table.get(1));
        let sql = format!("SELECT concat_ws('/', {key}), to_jsonb(t) FROM milestone.{table} AS t");
        for row in world.admin.query(&sql, &[]).await.unwrap() {
            rows.insert((table.clone(), row.get(0)), row.get(1));
        }
    }
    rows
}

struct Others {
    acme: Tenant,
    paula: Person,
    bob: Person,
}

/// Two tenants, two clients; everybody but Ann.
async fn everybody_else(world: &World) -> Others {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let bob = world.a_team_member(&acme, "bob", &paula).await;
    let globex = world.a_tenant("globex").await;
    let peter = world.a_portal_user(&globex, "peter").await;
    // The same name, and a row that looks like Ann's, in another tenant.
    world.a_team_member(&globex, "ann", &peter).await;
    Others { acme, paula, bob }
}

async fn others_go_on_working(world: &World, others: &Others) {
    let now = world.gateway.now();
    world.jira_sends(&others.acme, &user_updated(&others.bob, now)).await;
    world.jira_sends(&others.acme, &worklog(&others.bob, "31", &issue_of(&others.bob), 3, now)).await;
    world.the_worker_drains().await;
}

#[tokio::test]
async fn what_stays_differs_only_in_declared_columns_and_nothing_appears() {
    let world = World::new().await;
    let others = everybody_else(&world).await;
    let ann = world.a_team_member(&others.acme, "ann", &others.paula).await;
    others_go_on_working(&world, &others).await;
    let before = rows_by_key(&world).await;

    world.jira_sends(&others.acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;
    assert_eq!(world.state_of_request(&others.acme).await, RequestState::Completed);

    let after = rows_by_key(&world).await;
    let mut changed = 0;
    for (key, row) in &after {
        let was = before.get(key).unwrap_or_else(|| panic!("{key:?} has appeared"));
        let declared = DECLARED.iter().find(|(table, _)| *table == key.0).map_or(&[][..], |(_, columns)| columns);
        for (column, value) in row.as_object().unwrap() {
            let is_same = was[column] == *value;
            let is_anns = ann.identifiers().iter().any(|identifier| was[column] == **identifier);
            assert!(is_same || (is_anns && declared.contains(&column.as_str())), "{key:?} {column}");
            changed += usize::from(!is_same);
        }
    }
    // Request, message: two columns each; three hours; one metric, one activity.
    assert_eq!(changed, 2 + 2 + 3 + 1 + 1);
    for (key, row) in before.iter().filter(|(key, _)| !after.contains_key(key)) {
        let is_anns = |row: &Value| ann.identifiers().iter().any(|identifier| row.to_string().contains(identifier));
        assert!(is_anns(row), "{key:?} of somebody else has gone");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_world_with_an_erased_person_equals_its_twin_in_which_that_person_never_was() {
    let twin = World::new().await;
    let others = everybody_else(&twin).await;
    others_go_on_working(&twin, &others).await;
    twin.days_pass(83).await;
    let without = rows_by_key(&twin).await;
    twin.ends_cleanly().await;

    let world = World::new().await;
    let others = everybody_else(&world).await;
    let ann = world.a_team_member(&others.acme, "ann", &others.paula).await;
    others_go_on_working(&world, &others).await;
    world.jira_sends(&others.acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(83).await;
    let with = rows_by_key(&world).await;

    for (key, row) in &without {
        assert_eq!(with.get(key), Some(row), "{key:?}");
    }
    for (key, row) in with.iter().filter(|(key, _)| !without.contains_key(key)) {
        assert!(DECLARED.iter().any(|(table, _)| *table == key.0), "{key:?} has stayed");
        let text = row.to_string();
        assert!(!ann.identifiers().iter().any(|identifier| text.contains(identifier)), "{key:?}");
    }
    let of_tables: BTreeMap<&str, usize> =
        with.keys().filter(|key| !without.contains_key(key)).fold(BTreeMap::new(), |mut counts, (table, _)| {
            *counts.entry(table.as_str()).or_default() += 1;
            counts
        });
    let expected = [("activity_log", 1), ("hours_entry", 3), ("message", 1), ("service_request", 1), ("sla_metric", 1)];
    assert_eq!(of_tables, expected.into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn two_people_who_leave_at_once_are_erased_under_two_pseudonyms() {
    let world = World::new().await;
    let others = everybody_else(&world).await;
    let ann = world.a_team_member(&others.acme, "ann", &others.paula).await;

    for person in [&ann, &others.bob] {
        world.jira_sends(&others.acme, &user_deleted(person, world.gateway.now())).await;
    }
    world.days_pass(83).await;

    for request in world.requests(&others.acme).await {
        assert_eq!(request.state, RequestState::Completed);
    }
    let pseudonyms = format!(
        "SELECT count(DISTINCT author_account_id) FROM milestone.hours_entry
         WHERE tenant_id = '{}' AND author_account_id LIKE 'erased-%'",
        others.acme.key
    );
    assert_eq!(world.number(&pseudonyms).await, 2);
    for person in [&ann, &others.bob] {
        assert_eq!(world.rows_about(person).await, [].into());
    }
    world.ends_cleanly().await;
}
