//! A plan: the ordered disposals that make one data subject, or a whole tenant, disappear from one product database.
//!
//! A plan holds names of tables and columns and no personal value, so it can be stored, shown, compared and digested.

use serde::{Deserialize, Serialize};

use super::{IdentityKind, SubjectKind};

/// The most steps one plan may have. A data map that needs more is refused by planning.
pub const PLAN_STEPS_MAX: usize = 500;

/// The ordered disposals for one subject kind, or for the whole tenant, of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The dataset's key.
    pub dataset: String,
    /// The product database schema.
    pub schema: String,
    /// What kind of person goes; `None` when everything of the tenant goes.
    #[serde(default, with = "subject_kind_text", skip_serializing_if = "Option::is_none")]
    pub subject_kind: Option<SubjectKind>,
    /// Children before parents, rewrites of a table before deletions from it, the subject's own row, or the tenant's, last.
    pub steps: Vec<Step>,
}

/// One disposal in one table. Repeating a step is safe: its reach no longer finds what it has disposed of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 1-based position in the plan.
    pub number: u32,
    /// The table, in the plan's schema.
    pub table: String,
    /// Which rows.
    pub reach: Reach,
    /// What happens to them.
    pub disposal: Disposal,
}

/// Which rows a step concerns, beginning at the subject's identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// `column` holds one of the subject's identities of this kind.
    Identity {
        /// A column of the step's table.
        column: String,
        /// The kind of identity that it holds.
        kind: IdentityKind,
    },
    /// `column` equals `parent_column` of a row of `parent_table` that `parent` reaches.
    Through {
        /// A column of the step's table.
        column: String,
        /// The table that the column refers to.
        parent_table: String,
        /// The column of that table which it refers to.
        parent_column: String,
        /// How the parent row is reached.
        parent: Box<Reach>,
    },
    /// Every row of the tenant.
    Tenant,
}

/// What happens to the rows of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// The row is the subject's own: it is deleted.
    DeleteRows,
    /// The row goes with its last owner: it is deleted where every one of these columns is null.
    DeleteUnlessOwned {
        /// Columns that name the other owners.
        other_owner_columns: Vec<String>,
    },
    /// The row stays: these columns are rewritten.
    RewriteColumns {
        /// Columns and what they become; never empty.
        columns: Vec<ColumnRewrite>,
    },
}

impl Disposal {
    /// The word used in previews, receipts and logs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::DeleteRows | Self::DeleteUnlessOwned { .. } => "delete",
            Self::RewriteColumns { .. } => "rewrite",
        }
    }
}

/// A column and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRewrite {
    /// The column.
    pub column: String,
    /// Its new value.
    pub rewrite: Rewrite,
}

/// The new value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// NULL.
    Null,
    /// A fixed text.
    Fixed {
        /// The text.
        text: String,
    },
    /// The pseudonym of this erasure: the same for all rows of one erasure, underivable after the subject's key is gone.
    ErasurePseudonym,
}

mod subject_kind_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::SubjectKind;

    #[expect(clippy::ref_option, reason = "serde hands out a reference to the field")]
    pub(super) fn serialize<S: Serializer>(kind: &Option<SubjectKind>, serializer: S) -> Result<S::Ok, S::Error> {
        match kind {
            Some(kind) => serializer.serialize_str(kind.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SubjectKind>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| SubjectKind::parse(&text).map_err(D::Error::custom)).transpose()
    }
}
