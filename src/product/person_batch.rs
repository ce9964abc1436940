//! One bounded batch of a person's plan, as one statement: the rows that the step's reach finds.

use tokio_postgres::types::Type;

use super::{
    batch::{Batch, StepRun},
    disposal::dispose_of_chosen,
    error::ProductError,
    marker::write_marker,
    person::PersonKey,
    predicate::{Question, ROW},
    scope::TenantScope,
    statement::{self, Statement},
};

/// Chooses and locks at most n rows, disposes of them and writes the marker, in one statement. The rows are chosen in a
/// materialized query: with a plain `IN (… LIMIT n)` the planner may run the choice again for each row and pass the bound.
/// Fails with [`ProductError::NoAnchorIdentity`] rather than finding nothing, and with [`ProductError::PlanRefused`] for a plan
/// that is not of this kind of person.
pub(super) fn dispose_and_mark<'a>(
    scope: TenantScope<'a>,
    batch: &Batch<'a>,
    (person, pseudonym): (&'a PersonKey, &'a str),
) -> Result<Statement<'a>, ProductError> {
    let StepRun { plan, step, batch_rows, .. } = batch.run;
    let question = Question { scope, plan, person, pseudonym: Some(pseudonym) };
    question.check()?;
    let key = batch.key_within_bounds(scope)?;
    let key_columns: Vec<String> = key.iter().map(|name| statement::column(ROW, name)).collect();
    let mut statement = Statement::default();
    let limit = statement.bind(i64::from(batch_rows), Type::INT8);
    statement.line("WITH chosen AS MATERIALIZED (");
    statement.line(format!("SELECT {}", key_columns.join(", ")));
    question.rows_of_step(&mut statement, step)?;
    statement.line(format!("LIMIT {limit}"));
    statement.line(format!("FOR UPDATE OF {ROW}"));
    statement.line("),");
    dispose_of_chosen(&mut statement, scope, step, key, Some(pseudonym));
    write_marker(&mut statement, scope, batch.ticket(), &format!("count(*) < {limit}"));
    statement.line("RETURNING row_count, is_last");
    Ok(statement)
}
