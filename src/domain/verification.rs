//! What the independent reader found after an erasure. Counts and names of columns, never values.

use serde::{Deserialize, Serialize};

/// The report of one verification.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerificationReport {
    /// How many tables were read.
    pub tables_read: u32,
    /// How many columns that can hold text were read.
    pub columns_read: u32,
    /// Why the reader could see nothing at all, if that was so. Names tables, never values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Identifiers of the subject that are still there and should not be.
    pub left: Vec<ColumnFinding>,
    /// Rows that hold the same identifier because it also belongs to another living subject (a shared mailbox).
    pub held_by_another: Vec<ColumnFinding>,
    /// Free text of somebody else that mentions the subject.
    pub mentioned: Vec<ColumnFinding>,
}

impl VerificationReport {
    /// True when the reader could see, and nothing of the subject is left.
    pub fn is_clean(&self) -> bool {
        self.unreadable.is_none() && self.left.is_empty()
    }

    /// Rows left over all columns.
    pub fn left_rows(&self) -> u64 {
        self.left.iter().map(|finding| finding.rows).sum()
    }
}

/// A column in which identifiers were found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnFinding {
    /// `schema.table.column`.
    pub column: String,
    /// Number of rows, greater than zero.
    pub rows: u64,
}
