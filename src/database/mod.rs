//! What the rooms of both databases know of the driver: what may be kept of its errors.
//!
//! Promises: nothing of a driver's message, detail or hint gets past [`reduce`], because those hold values of rows. It knows
//! no table.

use tokio_postgres::Error;

use crate::domain::database::DatabaseFailure;

/// Keeps of a driver error what holds no values.
pub fn reduce(error: &Error) -> DatabaseFailure {
    let answer = error.as_db_error();
    DatabaseFailure {
        sqlstate: error.code().map(|state| state.code().to_owned()),
        constraint: answer.and_then(|detail| detail.constraint()).map(str::to_owned),
        table: answer.and_then(|detail| detail.table()).map(str::to_owned),
    }
}

impl From<Error> for DatabaseFailure {
    fn from(error: Error) -> Self {
        reduce(&error)
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::error::SqlState;

    use super::*;

    #[test]
    fn a_row_that_is_still_referred_to_may_be_free_later_and_another_violation_is_not() {
        let failed = |state: &SqlState| DatabaseFailure {
            sqlstate: Some(state.code().to_owned()),
            constraint: None,
            table: None,
        };
        assert!(failed(&SqlState::FOREIGN_KEY_VIOLATION).is_transient());
        assert!(failed(&SqlState::T_R_SERIALIZATION_FAILURE).is_transient());
        assert!(!failed(&SqlState::UNIQUE_VIOLATION).is_transient());
    }
}
