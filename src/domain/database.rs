//! A database error without its message, detail and hint, because those hold values of rows.

use std::fmt;

/// SQLSTATE of a row that refers to one that is not there, or is referred to by one that is.
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// What may be known outside about a statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFailure {
    /// The five characters of SQLSTATE; `None` when the server did not answer (connection lost, value not sendable).
    pub sqlstate: Option<String>,
    /// The constraint that was violated.
    pub constraint: Option<String>,
    /// The table that the server named.
    pub table: Option<String>,
}

impl DatabaseFailure {
    /// True when the same statement may succeed later: connection, resources, locks, serialization, shutdown, and a
    /// foreign key that a row written meanwhile still holds.
    pub fn is_transient(&self) -> bool {
        self.sqlstate.as_deref().is_none_or(|state| {
            matches!(state.get(..2), Some("08" | "40" | "53" | "55" | "57")) || state == FOREIGN_KEY_VIOLATION
        })
    }
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sqlstate {
            Some(state) => write!(formatter, "SQLSTATE {state}")?,
            None => formatter.write_str("no answer from the server")?,
        }
        if let Some(constraint) = &self.constraint {
            write!(formatter, ", constraint {constraint}")?;
        }
        if let Some(table) = &self.table {
            write!(formatter, ", table {table}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DatabaseFailure {}
