//! Gaps: what the live database has and a plan would miss, or break on half-way.

use crate::datamap::map::DataMap;
use crate::domain::{
    catalog::{Catalog, ForeignKey},
    plan::{Disposal, Plan, Reach, Rewrite, Step},
};

/// Every gap in words, sorted and without repetition.
pub(super) fn gaps(map: &DataMap, catalog: &Catalog, plan: &Plan) -> Vec<String> {
    let mut gaps = Vec::new();
    if map.schema != catalog.schema {
        gaps.push(format!("the catalog is of schema {}, the map of {}", catalog.schema, map.schema));
    }
    for (name, table) in &catalog.tables {
        let Some(collection) = map.collections.get(name) else {
            gaps.push(format!("table {name} is not mapped"));
            continue;
        };
        if plan.subject_kind.is_none() && !table.columns.contains_key(&map.tenant_column) {
            gaps.push(format!("table {name} has no tenant column {}", map.tenant_column));
        }
        let unmapped = table.columns.keys().filter(|column| !collection.fields.contains_key(*column));
        gaps.extend(unmapped.map(|column| format!("column {name}.{column} is not mapped")));
        let missing = collection.fields.keys().filter(|column| !table.columns.contains_key(*column));
        gaps.extend(missing.map(|column| format!("column {name}.{column} does not exist")));
    }
    let missing = map.collections.keys().filter(|name| !catalog.tables.contains_key(*name));
    gaps.extend(missing.map(|name| format!("table {name} does not exist")));
    gaps.extend(blocking_keys(catalog, plan));
    gaps.sort();
    gaps.dedup();
    gaps
}

/// Foreign keys that would refuse one of the plan's deletions.
fn blocking_keys(catalog: &Catalog, plan: &Plan) -> Vec<String> {
    let mut blocking = Vec::new();
    for parent in plan.steps.iter().filter(|step| !matches!(step.disposal, Disposal::RewriteColumns { .. })) {
        for (name, table) in &catalog.tables {
            for key in table.foreign_keys.iter().filter(|key| key.references_table == parent.table) {
                if !plan.steps.iter().any(|step| releases(step, name, key, parent)) {
                    let (key, columns) = (&key.name, key.columns.join(", "));
                    blocking.push(format!("foreign key {key} of {name} ({columns}) holds rows of {}", parent.table));
                }
            }
        }
    }
    blocking
}

/// True when the step removes the references of `key` to the rows that `parent` deletes, and comes before it.
fn releases(step: &Step, table: &str, key: &ForeignKey, parent: &Step) -> bool {
    if step.table != table || step.number >= parent.number {
        return false;
    }
    let is_of_parent = match &step.reach {
        // An identity is only ever a reference to the person's own row.
        Reach::Identity { column, .. } => {
            key.columns.contains(column) && matches!(parent.reach, Reach::Identity { .. })
        }
        Reach::Through { column, parent_table, parent: way, .. } => {
            key.columns.contains(column) && *parent_table == parent.table && **way == parent.reach
        }
        // Every row that could refer to one of the tenant's rows is itself the tenant's.
        Reach::Tenant => parent.reach == Reach::Tenant,
    };
    is_of_parent
        && match &step.disposal {
            Disposal::DeleteRows => true,
            Disposal::DeleteUnlessOwned { .. } => false,
            Disposal::RewriteColumns { columns } => {
                columns.iter().any(|it| key.columns.contains(&it.column) && it.rewrite == Rewrite::Null)
            }
        }
}
