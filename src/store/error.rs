//! Errors of storage, reduced to what may be logged.

use crate::database;
pub use crate::domain::database::DatabaseFailure;

/// What can go wrong in storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had from the pool in time.
    #[error("no database connection")]
    NoConnection,
    /// A statement failed.
    #[error("statement {statement} failed")]
    Statement {
        /// What was attempted.
        statement: &'static str,
        /// The reduced cause.
        #[source]
        source: DatabaseFailure,
    },
    /// A write concerned another number of rows than it must.
    #[error("{statement} concerned {actual} rows instead of {expected}")]
    RowCount {
        /// What was attempted.
        statement: &'static str,
        /// How many rows it must concern.
        expected: u64,
        /// How many it did.
        actual: u64,
    },
    /// A stored value is not one that this version knows.
    #[error("column {column} holds a value that this version does not know")]
    UnknownValue {
        /// The column.
        column: &'static str,
    },
    /// Migrating failed.
    #[error("migration failed: {reason}")]
    Migrate {
        /// The name of the migration or the reduced cause.
        reason: String,
    },
}

impl StoreError {
    /// Wraps a driver error of a named statement.
    pub(super) fn of(statement: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |error| Self::Statement { statement, source: database::reduce(&error) }
    }

    /// True when the same call may succeed later: the server was away, restarting, or a transaction lost a race.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoConnection => true,
            Self::Statement { source, .. } => source.is_transient(),
            Self::RowCount { .. } | Self::UnknownValue { .. } | Self::Migrate { .. } => false,
        }
    }
}
