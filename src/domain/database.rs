//! A database error without its message, detail and hint, because those hold values of rows.

use std::fmt;

use tokio_postgres::error::SqlState;

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
    /// Keeps of a driver error what holds no values.
    pub fn reduce(error: &tokio_postgres::Error) -> Self {
        let answer = error.as_db_error();
        Self {
            sqlstate: error.code().map(|state| state.code().to_owned()),
            constraint: answer.and_then(|detail| detail.constraint()).map(str::to_owned),
            table: answer.and_then(|detail| detail.table()).map(str::to_owned),
        }
    }

    /// True when the same statement may succeed later: connection, resources, locks, serialization, shutdown, and a
    /// foreign key that a row written meanwhile still holds.
    pub fn is_transient(&self) -> bool {
        self.sqlstate.as_deref().is_none_or(|state| {
            matches!(state.get(..2), Some("08" | "40" | "53" | "55" | "57"))
                || state == SqlState::FOREIGN_KEY_VIOLATION.code()
        })
    }
}

impl From<tokio_postgres::Error> for DatabaseFailure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::reduce(&error)
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
