//! One bounded batch of a whole tenant's plan: every row of a table, in the order of its primary key.
//!
//! A step goes through its table once, see [`super::walk`]; an attempt that begins without a position begins at the front,
//! where whatever is left is found.

use tokio_postgres::Client;

use crate::domain::{
    JobId,
    plan::{Disposal, Plan, Reach, Rewrite, Step},
};

use super::{
    batch::{Claim, Ticket, claim, key_within_bounds, mark, result_of},
    error::{DatabaseError, TargetError},
    predicate::ROW,
    scope::{TenantScope, begin},
    statement::{self, Statement},
    walk::{Position, Walk},
};

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct WholeBatch<'a> {
    /// The plan that the step is part of.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Step,
    /// The run that markers belong to.
    pub job: JobId,
    /// The job's fencing token: each worker that takes the job over has a larger one.
    pub token: i64,
    /// 1-based number of the batch within the step.
    pub batch_number: i32,
    /// At most so many rows, 1 to [`super::BATCH_ROWS_MAX`].
    pub batch_rows: u32,
    /// Behind which row to begin; `None` at the front.
    pub after: Option<&'a Position>,
}

/// What a batch has done, now or when it ran before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeBatchResult {
    /// Rows deleted or rewritten.
    pub rows: u64,
    /// True when the step has nothing more to do behind its position.
    pub is_last: bool,
    /// The last row, when the batch ran now.
    pub position: Option<Position>,
}

/// Runs one batch in one transaction, with its marker. A batch whose marker is there already changes nothing, so repeating is
/// safe at every point. Fails with [`TargetError::StaleWorker`] when a larger token has worked on this job here, and with
/// [`TargetError::PlanRefused`] for a plan that is not a tenant's.
pub async fn run_whole_batch(
    client: &mut Client,
    scope: TenantScope<'_>,
    batch: &WholeBatch<'_>,
) -> Result<WholeBatchResult, TargetError> {
    check(scope, batch)?;
    let statement = dispose_and_mark(scope, batch)?;
    let failed = |source| TargetError::RunBatch { table: batch.step.table.clone(), source };
    let ticket =
        Ticket { job: batch.job, token: batch.token, step: batch.step.number, batch_number: batch.batch_number };
    let tx = begin(client, scope).await?;
    let result = match claim(&tx, ticket).await.map_err(failed)? {
        Claim::Stale => return Err(TargetError::StaleWorker),
        Claim::DoneBefore(done) => WholeBatchResult { rows: done.rows, is_last: done.is_last, position: None },
        Claim::Open => {
            let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await;
            result(&row.map_err(|error| failed(error.into()))?).map_err(failed)?
        }
    };
    tx.commit().await?;
    Ok(result)
}

fn result(row: &tokio_postgres::Row) -> Result<WholeBatchResult, DatabaseError> {
    let done = result_of(row)?;
    let position = Position::of(row, 2)?;
    Ok(WholeBatchResult { rows: done.rows, is_last: done.is_last, position })
}

fn check(scope: TenantScope<'_>, batch: &WholeBatch<'_>) -> Result<(), TargetError> {
    let WholeBatch { plan, step, .. } = batch;
    if plan.schema != scope.map.schema || plan.dataset != scope.map.dataset {
        return Err(TargetError::PlanRefused { what: "it was made for another dataset or schema" });
    }
    if plan.subject_kind.is_some() || step.reach != Reach::Tenant {
        return Err(TargetError::PlanRefused { what: "it was not made for a whole tenant" });
    }
    Ok(())
}

/// Chooses at most n rows behind the position, disposes of them and writes the marker, in one statement. The rows are not
/// locked first, as a person's are: nobody else may keep them, and a row that is changed meanwhile is deleted as it is then.
fn dispose_and_mark<'a>(scope: TenantScope<'a>, batch: &WholeBatch<'a>) -> Result<Statement<'a>, TargetError> {
    let WholeBatch { step, batch_rows, batch_number, .. } = *batch;
    let key = key_within_bounds(scope, step, batch_rows, batch_number)?;
    let walk = Walk { scope, table: &step.table, key, after: batch.after };
    let guard = not_yet_emptied(step)?;
    let mut statement = Statement::default();
    let limit = walk.choose(&mut statement, guard.as_deref(), batch_rows)?;
    statement.line("disposed AS (");
    match &step.disposal {
        Disposal::RewriteColumns { columns } => {
            let set: Vec<String> =
                columns.iter().map(|each| format!("{} = NULL", statement::quoted(&each.column))).collect();
            statement.line(format!("UPDATE {} AS {ROW}", scope.table(&step.table)));
            statement.line(format!("SET {}", set.join(", ")));
            statement.line("FROM chosen");
        }
        Disposal::DeleteRows | Disposal::DeleteUnlessOwned { .. } => {
            statement.line(format!("DELETE FROM {} AS {ROW}", scope.table(&step.table)));
            statement.line("USING chosen");
        }
    }
    statement.line(format!("WHERE {}", walk.is_chosen()));
    statement.line("RETURNING 1");
    statement.line(")");
    // The step has ended when fewer were chosen, not when fewer were disposed of: the product may delete beside us.
    let ticket = Ticket { job: batch.job, token: batch.token, step: step.number, batch_number };
    mark(&mut statement, scope, ticket, &format!("(SELECT count(*) FROM chosen) < {limit}"));
    statement.line(format!("RETURNING row_count, is_last, {}", walk.last_chosen()));
    Ok(statement)
}

/// Which rows a rewrite still concerns; a deletion concerns all. A whole tenant's plan only ever empties columns.
fn not_yet_emptied(step: &Step) -> Result<Option<String>, TargetError> {
    match &step.disposal {
        Disposal::DeleteRows => Ok(None),
        Disposal::DeleteUnlessOwned { .. } => {
            Err(TargetError::PlanRefused { what: "a whole tenant's rows have no other owner" })
        }
        Disposal::RewriteColumns { columns } => {
            if columns.is_empty() || columns.iter().any(|each| each.rewrite != Rewrite::Null) {
                return Err(TargetError::PlanRefused { what: "a whole tenant's columns can only be emptied" });
            }
            let guards: Vec<String> =
                columns.iter().map(|each| format!("{} IS NOT NULL", statement::column(ROW, &each.column))).collect();
            Ok(Some(guards.join(" OR ")))
        }
    }
}
