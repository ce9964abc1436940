//! Why the independent reader could not say anything.

use super::super::error::DatabaseError;

/// Why the reader cannot say anything. None of these may be taken for a clean report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The reader does not see what must be there (the tenant's root row), or no policy lets its role see the table.
    #[error("the reader cannot see table {table}")]
    Unreadable {
        /// The table.
        table: String,
    },
    /// No identifier was given, so nothing could be found.
    #[error("no identifier to search for")]
    NothingToSearch,
    /// The transaction, the root row or the catalog could not be read.
    #[error("cannot begin to read")]
    Begin {
        /// The cause.
        source: DatabaseError,
    },
    /// A table could not be read to its end.
    #[error("cannot read table {table}")]
    Search {
        /// The table.
        table: String,
        /// The cause.
        source: DatabaseError,
    },
}

impl VerifyError {
    /// True when the same reading may succeed later: the server was away or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Begin { source } | Self::Search { source, .. } => source.is_transient(),
            Self::Unreadable { .. } | Self::NothingToSearch => false,
        }
    }
}
