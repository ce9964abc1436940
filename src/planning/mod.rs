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

mod gaps;
mod order;
mod reach;
mod tenant;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use crate::datamap::map::{Collection, DataMap, Ownership, Role};
use crate::domain::{
    SubjectKind,
    catalog::Catalog,
    plan::{ColumnRewrite, Disposal, PLAN_STEPS_MAX, Plan, Reach, Step},
};

pub use reach::REACH_LINKS_MAX;
pub use tenant::plan_tenant;

/// Why there is no plan. Every text names tables and columns and what to correct in the data map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The kind is not in the map.
    #[error("dataset {dataset} knows no subject kind {kind}")]
    UnknownKind {
        /// The dataset's key.
        dataset: String,
        /// The kind asked for.
        kind: String,
    },
    /// A name in the map leads nowhere. Maps from `compile_dataset` have none of these.
    #[error("{path} is not in the data map")]
    Unresolved {
        /// `collection.column` or another name.
        path: String,
    },
    /// Rows that own or refer to each other: none of them can go first.
    #[error("rows depend on each other in a circle: {}", .tables.join(" -> "))]
    Cycle {
        /// The collections, the first one repeated at the end.
        tables: Vec<String>,
    },
    /// Rows below a co-owned row: whether they go is known only row by row.
    #[error("{child}.{column} refers to co-owned {parent}; bond it to the person instead")]
    ChildOfCoOwned {
        /// The collection below.
        child: String,
        /// Its bond's column.
        column: String,
        /// The co-owned collection.
        parent: String,
    },
    /// A co-owned bond that does not name a person.
    #[error("the co-owned bond {child}.{column} must name a person directly")]
    CoOwnedThroughParent {
        /// The collection.
        child: String,
        /// Its bond's column.
        column: String,
    },
    /// A column that is to be rewritten does not say what it becomes.
    #[error("{path} is rewritten, but has no masking strategy")]
    NoMasking {
        /// `collection.column`.
        path: String,
    },
    /// Ownership is nested deeper than [`REACH_LINKS_MAX`].
    #[error("{table} is more than {REACH_LINKS_MAX} references away from the person")]
    TooFar {
        /// The collection.
        table: String,
    },
    /// More than [`PLAN_STEPS_MAX`] steps.
    #[error("the plan would have more than {PLAN_STEPS_MAX} steps")]
    TooManySteps,
    /// The live database has something that the plan would miss or break on.
    #[error("the data map has gaps: {}", .gaps.join("; "))]
    Gaps {
        /// Each gap in words, sorted.
        gaps: Vec<String>,
    },
}

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

/// A step before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft<'m> {
    table: &'m str,
    turn: Turn,
    reach: Reach,
    disposal: Disposal,
}

/// When a step comes among the steps of its own table. The numbers are positions of bonds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Rewrite(usize),
    CoOwnedDelete(usize),
    CoOwnedRewrite(usize),
    Delete(usize),
    OwnRow,
}

impl Turn {
    /// The place within the table. Co-owned bonds come one after the other, each deletion before its own rewrite: a row
    /// that one person co-owns twice is then deleted at the second bond, because the first one is null by that time.
    const fn place(self) -> (u8, usize, u8) {
        match self {
            Self::Rewrite(bond) => (0, bond, 0),
            Self::CoOwnedDelete(bond) => (1, bond, 0),
            Self::CoOwnedRewrite(bond) => (1, bond, 1),
            Self::Delete(bond) => (2, bond, 0),
            Self::OwnRow => (3, 0, 0),
        }
    }
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
