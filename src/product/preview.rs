//! What an erasure would do, counted exactly and without doing it. For tests: execution is held against it.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use crate::domain::plan::Plan;

use super::{
    error::ProductError,
    person::PersonKey,
    predicate::Question,
    scope::{ProductTx, TenantScope, begin_read},
    statement::Statement,
};

/// How many rows one step would dispose of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCount {
    /// The step's number in the plan.
    pub number: u32,
    /// Its table.
    pub table: String,
    /// [`crate::domain::plan::Disposal::word`].
    pub disposal: &'static str,
    /// Rows.
    pub rows: u64,
}

/// How many rows of one table refer to the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCount {
    /// The table.
    pub table: String,
    /// Rows.
    pub rows: u64,
}

/// Counts what each step would do, by the same conditions as [`super::run_batch`], in one read-only transaction. A row in
/// which the person stands twice (as author and as reviewer) is counted by both of its steps.
pub async fn preview(
    client: &mut Client,
    scope: TenantScope<'_>,
    plan: &Plan,
    person: &PersonKey,
) -> Result<Vec<StepCount>, ProductError> {
    let question = Question { scope, plan, person, pseudonym: None };
    question.check()?;
    let tx = begin_read(client, scope).await?;
    let mut counts = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let mut statement = Statement::default();
        statement.line("SELECT count(*)");
        question.rows_of_step(&mut statement, step)?;
        let rows = count(&tx, &statement).await?;
        counts.push(StepCount { number: step.number, table: step.table.clone(), disposal: step.disposal.word(), rows });
    }
    Ok(counts)
}

/// Counts, for each table of the plan in name order, the rows that refer to the person, each row once. Before an erasure it
/// says how much there is. After it every count is zero, but rows behind a parent that is gone cannot be found any more: that
/// nothing is left is proved by [`super::verify`] only.
pub async fn rows_about(
    client: &mut Client,
    scope: TenantScope<'_>,
    plan: &Plan,
    person: &PersonKey,
) -> Result<Vec<TableCount>, ProductError> {
    let question = Question { scope, plan, person, pseudonym: None };
    question.check()?;
    let tx = begin_read(client, scope).await?;
    let tables: BTreeSet<&String> = plan.steps.iter().map(|step| &step.table).collect();
    let mut counts = Vec::with_capacity(tables.len());
    for table in tables {
        let mut statement = Statement::default();
        statement.line("SELECT count(*)");
        question.rows_about(&mut statement, table)?;
        counts.push(TableCount { table: table.clone(), rows: count(&tx, &statement).await? });
    }
    Ok(counts)
}

async fn count(tx: &ProductTx<'_, '_>, statement: &Statement<'_>) -> Result<u64, ProductError> {
    let failed = |error: tokio_postgres::Error| ProductError::CollectIdentifiers { source: error.into() };
    let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await.map_err(failed)?;
    Ok(row.try_get::<_, i64>(0).map_err(failed)?.unsigned_abs())
}
