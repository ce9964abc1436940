//! Plans of the reference product, and the maps and catalogs that are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod properties;

use super::{PlanError, digest, plan, plan_against};
use crate::datamap::tests::reference_product::{catalog, dataset};
use crate::domain::{
    SubjectKind,
    catalog::{Column, ForeignKey, Table},
    plan::{Disposal, Plan, Reach, Step},
};

fn kind(word: &str) -> SubjectKind {
    SubjectKind::parse(word).unwrap()
}

/// `table: disposal(columns) <- reach`, one line per step.
fn shown(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(show).collect()
}

fn show(step: &Step) -> String {
    let disposal = match &step.disposal {
        Disposal::DeleteRows => "delete".to_owned(),
        Disposal::DeleteUnlessOwned { other_owner_columns } => {
            format!("delete unless {}", other_owner_columns.join(", "))
        }
        Disposal::RewriteColumns { columns } => {
            let columns: Vec<String> = columns.iter().map(|it| format!("{}={:?}", it.column, it.rewrite)).collect();
            format!("rewrite {}", columns.join(", "))
        }
    };
    format!("{}: {disposal} <- {}", step.table, way(&step.reach))
}

fn way(reach: &Reach) -> String {
    match reach {
        Reach::Identity { column, kind } => format!("{column} is {kind}"),
        Reach::Through { column, parent_table, parent_column, parent } => {
            format!("{column} = {parent_table}.{parent_column} where {}", way(parent))
        }
        Reach::Tenant => "everything".to_owned(),
    }
}

#[test]
fn a_team_member_leaves_the_reference_product_in_a_known_order() {
    let plan = plan_against(&dataset().map, &catalog(), &kind("msp_team_member")).unwrap();

    let member = "member_id = team_member.member_id where account_id is atlassian_account_id";
    let expected = [
        "activity_log: rewrite actor_account_id=ErasurePseudonym <- actor_account_id is atlassian_account_id"
            .to_owned(),
        "hours_entry: rewrite author_account_id=ErasurePseudonym <- author_account_id is atlassian_account_id"
            .to_owned(),
        format!("message: delete unless portal_user_id <- {member}"),
        format!("message: rewrite member_id=Null, member_name=Null <- {member}"),
        format!("notification_delivery: delete <- notification_id = notification.notification_id where {member}"),
        format!("notification: delete <- {member}"),
        format!("role_assignment: delete <- {member}"),
        format!("service_request: rewrite assignee_id=Null, assignee_name=Null <- assignee_id{}", &member[9..]),
        format!("session: delete <- {member}"),
        format!("sla_metric: rewrite owner_member_id=Null <- owner_member_id{}", &member[9..]),
        "team_member: delete <- account_id is atlassian_account_id".to_owned(),
    ];
    assert_eq!(shown(&plan), expected);
    assert!(plan.steps.iter().map(|step| step.number).eq(1..=11));
}

#[test]
fn every_kind_of_the_reference_product_has_a_plan_without_gaps() {
    let (map, catalog) = (dataset().map, catalog());
    for (subject, steps) in [("msp_team_member", 11), ("portal_user", 8), ("delivery_app_user", 2)] {
        let plan = plan_against(&map, &catalog, &kind(subject)).unwrap();
        assert_eq!(plan.steps.len(), steps, "{:#?}", shown(&plan));
        assert_eq!(plan.steps.last().unwrap().table, map.subjects[&kind(subject)].collection);
    }
}

#[test]
fn a_message_goes_with_its_last_owner() {
    let map = dataset().map;
    for (subject, other) in [("msp_team_member", "portal_user_id"), ("portal_user", "member_id")] {
        let plan = plan(&map, &kind(subject)).unwrap();
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.table == "message").collect();
        let other_owner_columns = vec![other.to_owned()];
        assert_eq!(steps[0].disposal, Disposal::DeleteUnlessOwned { other_owner_columns });
        assert!(matches!(steps[1].disposal, Disposal::RewriteColumns { .. }));
        assert_eq!(steps[0].reach, steps[1].reach);
    }
}

#[test]
fn the_digest_changes_with_the_plan_and_only_with_it() {
    let map = dataset().map;
    let first = plan(&map, &kind("portal_user")).unwrap();
    let mut other = first.clone();
    other.steps.swap(0, 1);

    assert_eq!(digest(&first), digest(&plan(&map, &kind("portal_user")).unwrap()));
    assert_ne!(digest(&first), digest(&other));
    let stored: Plan = serde_json::from_slice(&serde_json::to_vec(&first).unwrap()).unwrap();
    assert_eq!(digest(&stored), digest(&first));
}

#[test]
fn a_gap_between_map_and_database_is_refused_by_name() {
    let map = dataset().map;
    let mut live = catalog();
    let column = Column { data_type: "text".to_owned(), is_nullable: true, is_generated: false };
    live.tables.get_mut("client").unwrap().columns.insert("contact".to_owned(), column);
    live.tables.get_mut("message").unwrap().columns.remove("body");
    live.tables.remove("sla_metric");
    let badge_key = ForeignKey {
        name: "badge_member".to_owned(),
        columns: vec!["tenant_id".to_owned(), "holder".to_owned()],
        references_table: "team_member".to_owned(),
        references_columns: vec!["tenant_id".to_owned(), "member_id".to_owned()],
    };
    live.tables.insert("badge".to_owned(), Table { foreign_keys: vec![badge_key], ..Table::default() });

    let refused = plan_against(&map, &live, &kind("msp_team_member")).unwrap_err();

    let expected = [
        "column client.contact is not mapped",
        "column message.body does not exist",
        "foreign key badge_member of badge (tenant_id, holder) holds rows of team_member",
        "table badge is not mapped",
        "table sla_metric does not exist",
    ];
    assert_eq!(refused, PlanError::Gaps { gaps: expected.map(str::to_owned).to_vec() });
}

#[test]
fn a_foreign_key_into_a_co_owned_row_is_refused_because_the_row_may_go() {
    let mut live = catalog();
    let key = ForeignKey {
        name: "reply".to_owned(),
        columns: vec!["tenant_id".to_owned(), "notification_id".to_owned()],
        references_table: "message".to_owned(),
        references_columns: vec!["tenant_id".to_owned(), "message_id".to_owned()],
    };
    live.tables.get_mut("notification_delivery").unwrap().foreign_keys.push(key);

    let refused = plan_against(&dataset().map, &live, &kind("portal_user")).unwrap_err();

    assert!(refused.to_string().contains("foreign key reply"), "{refused}");
}

#[test]
fn an_unknown_kind_is_refused() {
    let refused = plan(&dataset().map, &kind("robot")).unwrap_err();
    assert_eq!(refused.to_string(), "dataset milestone knows no subject kind robot");
}
