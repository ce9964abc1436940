//! Why there is no plan.

use crate::domain::plan::PLAN_STEPS_MAX;

/// The longest chain of references from a row to the person. A reach is nested this deep, and so is its JSON.
pub const REACH_LINKS_MAX: usize = 16;

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
