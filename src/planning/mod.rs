//! Plans: a data map and a kind of person give the ordered disposals that make one such person disappear; a data map alone
//! gives those that make a whole tenant disappear.
//!
//! ```text
//!  DataMap ─▶ reach (which rows, from the person's own row outwards) ─▶ steps per bond ─▶ order ─▶ Plan ─▶ digest
//!  Plan + Catalog ─▶ gaps ─▶ refused, or the same Plan
//! ```
//!
//! Promises: the same map gives the same plan; every bond of the kind is in it; nothing that another row needs in order to
//! be found is disposed of before that row; a map with a circle or a gap is refused with the names. It does not know any
//! person: a plan has names of tables and columns only.
//!
//! Order: (1) what refers to a row stands before the deletion of that row; (2) within one table, rewrites of bonds that only
//! accessed the row, then for each co-owned bond first the deletion of rows without another owner and then the rewrite of
//! the rest (after the rewrite the row can no longer be reached), then deletions; (3) the person's own row is last.

mod draft;
mod error;
mod gaps;
mod order;
mod reach;
mod tenant;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use self::draft::{Draft, Turn};
use crate::datamap::map::{Collection, DataMap, Ownership, Role};
use crate::domain::{
    SubjectKind,
    catalog::Catalog,
    plan::{ColumnRewrite, Disposal, PLAN_STEPS_MAX, Plan, Reach, Step},
};

pub use error::PlanError;
#[cfg(test)]
pub use error::REACH_LINKS_MAX;
pub use tenant::plan_tenant;

/// The plan for one kind of person, from the data map alone. Pure; repeating gives the same plan. Fails on circles, on
/// unresolved names and beyond the bounds.
pub fn plan(map: &DataMap, kind: &SubjectKind) -> Result<Plan, PlanError> {
    let reaches = reach::Reaches::of(map, kind)?;
    let mut drafts = Vec::new();
    for (table, collection) in &map.collections {
        for (position, bond) in collection.ownership.iter().enumerate() {
            for reach in reaches.of_bond(table, bond)? {
                drafts.extend(drafts_of(collection, (table, position, bond), &reach)?);
                if drafts.len() >= PLAN_STEPS_MAX {
                    return Err(PlanError::TooManySteps);
                }
            }
        }
    }
    let (root, own_row) = reaches.own_row();
    drafts.push(Draft { table: root, turn: Turn::OwnRow, reach: own_row, disposal: Disposal::DeleteRows });
    let ordered = order::ordered(map, drafts)?;
    let steps = (1..).zip(ordered).map(|(number, draft)| Step {
        number,
        table: draft.table.to_owned(),
        reach: draft.reach,
        disposal: draft.disposal,
    });
    Ok(Plan {
        dataset: map.dataset.clone(),
        schema: map.schema.clone(),
        subject_kind: Some(kind.clone()),
        steps: steps.collect(),
    })
}

/// The plan, checked against what the database really looks like. Refuses unmapped tables and columns, mapped ones that do
/// not exist, and foreign keys into deleted rows that no step disposes of.
pub fn plan_against(map: &DataMap, catalog: &Catalog, kind: &SubjectKind) -> Result<Plan, PlanError> {
    let plan = plan(map, kind)?;
    let gaps = gaps::gaps(map, catalog, &plan);
    if gaps.is_empty() { Ok(plan) } else { Err(PlanError::Gaps { gaps }) }
}

/// SHA-256 of the plan's JSON without white space, fields in their declared order. An approval names it, so a plan that
/// changed afterwards is a different plan.
pub fn digest(plan: &Plan) -> [u8; 32] {
    let json = serde_json::to_vec(plan).expect("a plan holds only words, numbers and lists");
    Sha256::digest(json).into()
}

/// The steps of one bond over one way of reaching its rows.
fn drafts_of<'m>(
    collection: &Collection,
    (table, position, bond): (&'m str, usize, &Ownership),
    reach: &Reach,
) -> Result<Vec<Draft<'m>>, PlanError> {
    let draft = |turn: Turn, disposal: Disposal| Draft { table, turn, reach: reach.clone(), disposal };
    let rewrite = || -> Result<Disposal, PlanError> {
        let names = [&bond.by].into_iter().chain(&bond.also_rewrites);
        let columns = names.map(|column| column_rewrite(collection, table, column)).collect::<Result<_, _>>()?;
        Ok(Disposal::RewriteColumns { columns })
    };
    Ok(match bond.role {
        Role::Owned => vec![draft(Turn::Delete(position), Disposal::DeleteRows)],
        Role::Accessed => vec![draft(Turn::Rewrite(position), rewrite()?)],
        Role::CoOwned => {
            let others = collection.ownership.iter().filter(|other| other.role == Role::CoOwned && other.by != bond.by);
            let other_owner_columns = others.map(|other| other.by.clone()).collect();
            vec![
                draft(Turn::CoOwnedDelete(position), Disposal::DeleteUnlessOwned { other_owner_columns }),
                draft(Turn::CoOwnedRewrite(position), rewrite()?),
            ]
        }
    })
}

fn column_rewrite(collection: &Collection, table: &str, column: &str) -> Result<ColumnRewrite, PlanError> {
    let path = || format!("{table}.{column}");
    let field = collection.fields.get(column).ok_or_else(|| PlanError::Unresolved { path: path() })?;
    let rewrite = field.rewrite.clone().ok_or_else(|| PlanError::NoMasking { path: path() })?;
    Ok(ColumnRewrite { column: column.to_owned(), rewrite })
}
