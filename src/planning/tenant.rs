//! The plan for a whole tenant: every table, children before parents, the tenant's own row last.
//!
//! A table that refers to itself (a tree) loses those references first: a batch may meet a parent before its children.

use super::{Draft, PlanError, Turn, gaps, order};
use crate::{
    datamap::map::DataMap,
    domain::{
        catalog::{Catalog, ForeignKey, Table},
        plan::{ColumnRewrite, Disposal, PLAN_STEPS_MAX, Plan, Reach, Rewrite, Step},
    },
};

/// The plan that deletes everything of a tenant, checked against what the database really looks like. Pure; repeating gives
/// the same plan. Refuses circles, tables without the tenant's column, unmapped tables and columns, and foreign keys that
/// no step releases.
pub fn plan_tenant(map: &DataMap, catalog: &Catalog) -> Result<Plan, PlanError> {
    let mut drafts = Vec::new();
    let mut stubborn = Vec::new();
    for table in map.collections.keys() {
        if let Some(live) = catalog.tables.get(table) {
            let (columns, kept) = own_references(map, table, live);
            stubborn.extend(kept);
            if !columns.is_empty() {
                let disposal = Disposal::RewriteColumns { columns };
                drafts.push(Draft { table, turn: Turn::Rewrite(0), reach: Reach::Tenant, disposal });
            }
        }
        let turn = if *table == map.tenant_root.collection { Turn::OwnRow } else { Turn::Delete(0) };
        drafts.push(Draft { table, turn, reach: Reach::Tenant, disposal: Disposal::DeleteRows });
    }
    if drafts.len() > PLAN_STEPS_MAX {
        return Err(PlanError::TooManySteps);
    }
    if !stubborn.is_empty() {
        return Err(PlanError::Gaps { gaps: stubborn });
    }
    let ordered = order::ordered(map, drafts)?;
    let steps = (1..).zip(ordered).map(|(number, draft)| Step {
        number,
        table: draft.table.to_owned(),
        reach: draft.reach,
        disposal: draft.disposal,
    });
    let plan =
        Plan { dataset: map.dataset.clone(), schema: map.schema.clone(), subject_kind: None, steps: steps.collect() };
    let gaps = gaps::gaps(map, catalog, &plan);
    if gaps.is_empty() { Ok(plan) } else { Err(PlanError::Gaps { gaps }) }
}

/// The columns by which rows of a table refer to rows of the same table, to be emptied, and the references that cannot be.
fn own_references(map: &DataMap, name: &str, table: &Table) -> (Vec<ColumnRewrite>, Vec<String>) {
    let (mut columns, mut kept) = (Vec::new(), Vec::new());
    for key in table.foreign_keys.iter().filter(|key| key.references_table == name) {
        match emptied_column(map, table, key) {
            Some(column) => columns.push(ColumnRewrite { column: column.clone(), rewrite: Rewrite::Null }),
            None => kept.push(format!("foreign key {} of {name} refers to {name} and cannot be emptied", key.name)),
        }
    }
    columns.sort_by(|left, right| left.column.cmp(&right.column));
    columns.dedup();
    (columns, kept)
}

/// One empty column releases a reference of several (MATCH SIMPLE, PostgreSQL's default).
fn emptied_column<'k>(map: &DataMap, table: &Table, key: &'k ForeignKey) -> Option<&'k String> {
    let may_be_empty =
        |column: &String| table.columns.get(column).is_some_and(|live| live.is_nullable && !live.is_generated);
    key.columns.iter().find(|column| **column != map.tenant_column && may_be_empty(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        datamap::tests::reference_product::{catalog, dataset},
        domain::catalog::Column,
        planning::digest,
    };

    fn position(plan: &Plan, table: &str) -> usize {
        plan.steps.iter().position(|step| step.table == table).expect("a step of the table")
    }

    #[test]
    fn every_table_of_the_reference_product_goes_before_what_it_refers_to_and_the_tenants_row_last() {
        let (map, catalog) = (dataset().map, catalog());

        let plan = plan_tenant(&map, &catalog).expect("a plan");

        assert_eq!(plan.steps.len(), map.collections.len());
        assert_eq!(plan.steps.last().expect("a step").table, map.tenant_root.collection);
        for (name, table) in &catalog.tables {
            for key in &table.foreign_keys {
                assert!(position(&plan, name) < position(&plan, &key.references_table), "{name} {}", key.name);
            }
        }
        assert!(plan.steps.iter().all(|step| step.reach == Reach::Tenant && step.disposal == Disposal::DeleteRows));
        let stored: Plan = serde_json::from_value(serde_json::to_value(&plan).expect("JSON")).expect("a plan");
        assert_eq!(digest(&stored), digest(&plan));
    }

    #[test]
    fn a_tree_loses_its_own_references_first_and_one_that_cannot_is_refused() {
        let (map, mut catalog) = (dataset().map, catalog());
        let tree = ForeignKey {
            name: "request_parent".to_owned(),
            columns: vec!["tenant_id".to_owned(), "requester_id".to_owned()],
            references_table: "service_request".to_owned(),
            references_columns: vec!["tenant_id".to_owned(), "request_id".to_owned()],
        };
        catalog.tables.get_mut("service_request").expect("a table").foreign_keys.push(tree);

        let plan = plan_tenant(&map, &catalog).expect("a plan");

        let of_table: Vec<_> = plan.steps.iter().filter(|step| step.table == "service_request").collect();
        assert_eq!((of_table[0].disposal.word(), of_table[1].disposal.word()), ("rewrite", "delete"));
        let live = catalog.tables.get_mut("service_request").expect("a table");
        live.columns.get_mut("requester_id").expect("a column").is_nullable = false;
        let refused = plan_tenant(&map, &catalog).expect_err("a gap");
        assert!(refused.to_string().contains("request_parent"), "{refused}");
    }

    #[test]
    fn a_table_without_the_tenants_column_and_one_that_is_not_mapped_are_refused_by_name() {
        let (map, mut catalog) = (dataset().map, catalog());
        catalog.tables.get_mut("message").expect("a table").columns.remove("tenant_id");
        let column = Column { data_type: "uuid".to_owned(), is_nullable: false, is_generated: false };
        let key = ForeignKey {
            name: "badge_member".to_owned(),
            columns: vec!["holder".to_owned()],
            references_table: "team_member".to_owned(),
            references_columns: vec!["member_id".to_owned()],
        };
        let badge =
            Table { columns: [("holder".to_owned(), column)].into(), foreign_keys: vec![key], ..Table::default() };
        catalog.tables.insert("badge".to_owned(), badge);

        let refused = plan_tenant(&map, &catalog).expect_err("gaps").to_string();

        for expected in ["table message has no tenant column", "table badge is not mapped", "foreign key badge_member"]
        {
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
