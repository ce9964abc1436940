//! One bounded batch of one step: disposal and marker in one transaction of the product database.
//!
//! ```text
//!  BEGIN ─▶ tenant set ─▶ fencing token compared and set ─▶ marker there already? ─ yes ─▶ its stored result
//!                               └ smaller than seen ─▶ StaleWorker      └ no ─▶ choose and lock n rows, dispose, mark ─▶ COMMIT
//! ```

use futures_util::future;
use tokio_postgres::{Client, types::Type};

use crate::domain::{
    JobId,
    plan::{Disposal, Plan, Step},
};

use super::{
    error::{DatabaseError, ProductError},
    person::PersonKey,
    predicate::{NewValue, Question, ROW, new_value},
    scope::{ProductTx, TenantScope, begin},
    statement::{self, Statement},
};

/// The most rows one batch may dispose of: more would hold locks so long that the product's own users notice.
pub const BATCH_ROWS_MAX: u32 = 10_000;
/// The most batches of one step. A step that needs more does not end, and is refused.
pub const BATCHES_PER_STEP_MAX: i32 = 1_000_000;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The plan that the step is part of.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Step,
    /// Whose rows.
    pub person: &'a PersonKey,
    /// The job that runs.
    pub job: JobId,
    /// The job's fencing token: each worker that takes the job over has a larger one.
    pub token: i64,
    /// 1-based number of the batch within the step.
    pub batch_number: i32,
    /// At most so many rows, 1 to [`BATCH_ROWS_MAX`].
    pub batch_rows: u32,
    /// What [`crate::domain::plan::Rewrite::ErasurePseudonym`] becomes.
    pub pseudonym: &'a str,
}

/// What a batch has done, now or when it ran before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchResult {
    /// Rows deleted or rewritten.
    pub rows: u64,
    /// True when the step has nothing more to do.
    pub is_last: bool,
}

/// Runs one batch in one transaction. A batch whose marker is there already answers what the marker says and changes
/// nothing, so repeating is safe at every point. Fails with [`ProductError::StaleWorker`] when a larger token has worked on
/// this job here, and with [`ProductError::NoAnchorIdentity`] rather than finding nothing.
pub async fn run_batch(
    client: &mut Client,
    scope: TenantScope<'_>,
    batch: &Batch<'_>,
) -> Result<BatchResult, ProductError> {
    let &Batch { plan, person, pseudonym, .. } = batch;
    let question = Question { scope, plan, person, pseudonym: Some(pseudonym) };
    question.check()?;
    let disposal = dispose_and_mark(question, batch)?;
    let failed = |source| ProductError::RunBatch { table: batch.step.table.clone(), source };
    let tx = begin(client, scope).await?;
    let result = match claim(&tx, batch.ticket()).await.map_err(failed)? {
        Claim::Stale => return Err(ProductError::StaleWorker),
        Claim::DoneBefore(result) => result,
        Claim::Open => one_result(&tx, &disposal).await.map_err(failed)?,
    };
    tx.commit().await?;
    Ok(result)
}

/// Which batch of which run, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) job: JobId,
    pub(super) token: i64,
    pub(super) step: u32,
    pub(super) batch_number: i32,
}

impl Batch<'_> {
    fn ticket(&self) -> Ticket {
        Ticket { job: self.job, token: self.token, step: self.step.number, batch_number: self.batch_number }
    }
}

pub(super) enum Claim {
    Stale,
    DoneBefore(BatchResult),
    Open,
}

/// Compares and sets the token, whose row then stays locked, and reads the marker on a snapshot taken after that: a worker
/// who waited here sees the marker of the one it waited for. Both statements travel in one round trip, in this order.
pub(super) async fn claim(tx: &ProductTx<'_, '_>, ticket: Ticket) -> Result<Claim, DatabaseError> {
    let compare_and_set = token_statement(tx.scope(), ticket);
    let look_up = marker_statement(tx.scope(), ticket);
    let (claimed, done) = future::join(tx.change(&compare_and_set), tx.rows(&look_up)).await;
    if claimed? == 0 {
        return Ok(Claim::Stale);
    }
    match done?.first() {
        Some(row) => Ok(Claim::DoneBefore(result_of(row)?)),
        None => Ok(Claim::Open),
    }
}

fn token_statement(scope: TenantScope<'_>, ticket: Ticket) -> Statement<'_> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let job = statement.bind(ticket.job.uuid(), Type::UUID);
    let token = statement.bind(ticket.token, Type::INT8);
    statement.line("INSERT INTO milestone_gateway.job_token AS known (tenant_key, job_id, token)");
    statement.line(format!("VALUES ({tenant}, {job}, {token})"));
    statement.line("ON CONFLICT (tenant_key, job_id) DO UPDATE");
    statement.line("SET token = EXCLUDED.token");
    statement.line("WHERE known.token <= EXCLUDED.token");
    statement
}

fn marker_statement(scope: TenantScope<'_>, ticket: Ticket) -> Statement<'_> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let job = statement.bind(ticket.job.uuid(), Type::UUID);
    let step = statement.bind(i64::from(ticket.step), Type::INT8);
    let number = statement.bind(ticket.batch_number, Type::INT4);
    statement.line("SELECT row_count, is_last");
    statement.line("FROM milestone_gateway.marker");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND job_id = {job}"));
    statement.line(format!("AND step_number = {step}"));
    statement.line(format!("AND batch_number = {number}"));
    statement
}

/// Chooses and locks at most n rows, disposes of them and writes the marker, in one statement. The rows are chosen in a
/// materialized query: with a plain `IN (… LIMIT n)` the planner may run the choice again for each row and pass the bound.
fn dispose_and_mark<'a>(question: Question<'a>, batch: &Batch<'a>) -> Result<Statement<'a>, ProductError> {
    let Batch { step, batch_rows, batch_number, .. } = *batch;
    let key = key_within_bounds(question.scope, step, batch_rows, batch_number)?;
    let key_columns: Vec<String> = key.iter().map(|name| statement::column(ROW, name)).collect();
    let mut statement = Statement::default();
    let limit = statement.bind(i64::from(batch_rows), Type::INT8);
    statement.line("WITH chosen AS MATERIALIZED (");
    statement.line(format!("SELECT {}", key_columns.join(", ")));
    question.rows_of_step(&mut statement, step)?;
    statement.line(format!("LIMIT {limit}"));
    statement.line(format!("FOR UPDATE OF {ROW}"));
    statement.line("),");
    statement.line("disposed AS (");
    disposal(&mut statement, question, step);
    let same: Vec<String> = key
        .iter()
        .map(|name| format!("{} = {}", statement::column(ROW, name), statement::column("chosen", name)))
        .collect();
    statement.line(format!("WHERE {}", same.join("\nAND ")));
    statement.line("RETURNING 1");
    statement.line(")");
    mark(&mut statement, question.scope, batch.ticket(), &format!("count(*) < {limit}"));
    statement.line("RETURNING row_count, is_last");
    Ok(statement)
}

/// The key of the step's table, for a batch that keeps to the bounds.
pub(super) fn key_within_bounds<'a>(
    scope: TenantScope<'a>,
    step: &Step,
    batch_rows: u32,
    batch_number: i32,
) -> Result<&'a [String], ProductError> {
    if batch_rows == 0 || batch_rows > BATCH_ROWS_MAX || !(1..=BATCHES_PER_STEP_MAX).contains(&batch_number) {
        return Err(ProductError::PlanRefused { what: "a batch is outside its bounds" });
    }
    let key = &scope.collection(&step.table)?.primary_key;
    if key.is_empty() {
        return Err(ProductError::MapGap { collection: step.table.clone(), what: "the primary key" });
    }
    Ok(key)
}

fn disposal<'a>(statement: &mut Statement<'a>, question: Question<'a>, step: &'a Step) {
    let table = question.scope.table(&step.table);
    match &step.disposal {
        Disposal::DeleteRows | Disposal::DeleteUnlessOwned { .. } => {
            statement.line(format!("DELETE FROM {table} AS {ROW}"));
            statement.line("USING chosen");
        }
        Disposal::RewriteColumns { columns } => {
            let set = columns.iter().map(|rewritten| {
                let value = match new_value(&rewritten.rewrite, question.pseudonym) {
                    NewValue::Text(text) => statement.text(text),
                    NewValue::Null | NewValue::NotYetKnown => String::from("NULL"),
                };
                format!("{} = {value}", statement::quoted(&rewritten.column))
            });
            let set: Vec<String> = set.collect();
            statement.line(format!("UPDATE {table} AS {ROW}"));
            statement.line(format!("SET {}", set.join(",\n")));
            statement.line("FROM chosen");
        }
    }
}

/// The marker of what `disposed` has done and whether the step `has_ended`; the caller adds what it returns.
pub(super) fn mark<'a>(statement: &mut Statement<'a>, scope: TenantScope<'a>, ticket: Ticket, has_ended: &str) {
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let job = statement.bind(ticket.job.uuid(), Type::UUID);
    let step = statement.bind(i64::from(ticket.step), Type::INT8);
    let number = statement.bind(ticket.batch_number, Type::INT4);
    let token = statement.bind(ticket.token, Type::INT8);
    statement.line("INSERT INTO milestone_gateway.marker");
    statement.line("(tenant_key, job_id, step_number, batch_number, token, row_count, is_last)");
    statement.line(format!("SELECT {tenant}, {job}, {step}::integer, {number}, {token}, count(*), {has_ended}"));
    statement.line("FROM disposed");
}

async fn one_result(tx: &ProductTx<'_, '_>, statement: &Statement<'_>) -> Result<BatchResult, DatabaseError> {
    let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await?;
    result_of(&row)
}

pub(super) fn result_of(row: &tokio_postgres::Row) -> Result<BatchResult, DatabaseError> {
    Ok(BatchResult { rows: row.try_get::<_, i64>(0)?.unsigned_abs(), is_last: row.try_get(1)? })
}
