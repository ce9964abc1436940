//! One bounded batch of a whole tenant's plan: every row of a table.
//!
//! A step goes through its table once, on the way that costs least: page by page where the tenant owns much of the table,
//! and along the primary key otherwise (see [`super::walk`]). An attempt
//! always begins at the front, where whatever is left is found. Where the next batch begins lives in memory only.

use tokio_postgres::{Client, types::Type};

use crate::domain::{
    JobId,
    plan::{Disposal, Plan, Reach, Rewrite, Step},
};

use super::{
    batch::{Claim, Ticket, claim, key_within_bounds, mark, result_of},
    error::{DatabaseError, ProductError},
    predicate::ROW,
    scope::{TenantScope, begin, begin_read},
    statement::{self, Statement},
    walk::{Key, Walk},
};

/// The most rows that a page of 8 KiB can hold (`MaxHeapTuplesPerPage`): no batch of pages begins with more than it may
/// dispose of.
const ROWS_OF_A_PAGE_MAX: u32 = 291;
/// How many rows lie on a page when they are of 400 bytes. Where fewer of the tenant's do, a batch stays below its rows.
const ROWS_OF_A_PAGE_USUAL: u32 = 20;

/// Where a batch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// At the first key.
    Front,
    /// Behind this key.
    Behind(Key),
    /// At this page, and so many pages of the table's.
    Pages { from: u64, count: u64, of: u64 },
}

/// The front of a step's table, on the way that costs least: page by page when, by PostgreSQL's own statistics, the tenant
/// has at least a row for every page of the table. Changes nothing.
pub async fn front(
    client: &mut Client,
    scope: TenantScope<'_>,
    step: &Step,
    batch_rows: u32,
) -> Result<Position, ProductError> {
    if step.disposal != Disposal::DeleteRows {
        // A rewritten row moves to another page, where it would be met again.
        return Ok(Position(Place::Front));
    }
    let failed = |source| ProductError::RunBatch { table: step.table.clone(), source };
    let table = scope.table(&step.table);
    let tx = begin_read(client, scope).await?;
    let mut explain = Statement::default();
    let tenant = scope.is_tenants(&mut explain, ROW);
    explain.line("EXPLAIN (FORMAT JSON)");
    explain.line("SELECT 1");
    explain.line(format!("FROM {table} AS {ROW}"));
    explain.line(format!("WHERE {tenant}"));
    let plan = tx.rows(&explain).await.map_err(failed)?;
    let plan: Option<serde_json::Value> = plan.first().and_then(|row| row.try_get(0).ok());
    let rows = plan.and_then(|plan| plan[0]["Plan"]["Plan Rows"].as_u64()).unwrap_or(0);
    let mut size = Statement::default();
    let name = size.bind(table, Type::TEXT);
    // A table without partitions is not in its own partition tree.
    size.line(format!("SELECT GREATEST(pg_relation_size({name}::regclass), max(pg_relation_size(part.relid)))"));
    size.line("/ current_setting('block_size')::bigint");
    size.line(format!("FROM pg_partition_tree({name}::regclass) AS part"));
    let pages = tx.rows(&size).await.map_err(failed)?;
    let of = pages.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs());
    if of == 0 || rows < of {
        return Ok(Position(Place::Front));
    }
    let count = u64::from(batch_rows / ROWS_OF_A_PAGE_MAX).max(1);
    Ok(Position(Place::Pages { from: 0, count, of }))
}

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
    /// So many rows, 1 to [`BATCH_ROWS_MAX`](super::batch::BATCH_ROWS_MAX): at most along the key, about so many page by page.
    pub batch_rows: u32,
    /// Where to begin.
    pub at: &'a Position,
}

impl WholeBatch<'_> {
    fn ticket(&self) -> Ticket {
        Ticket { job: self.job, token: self.token, step: self.step.number, batch_number: self.batch_number }
    }
}

/// What a batch has done, now or when it ran before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeBatchResult {
    /// Rows deleted or rewritten.
    pub rows: u64,
    /// True when the step has nothing more to do behind its position.
    pub is_last: bool,
    /// Where the next batch begins; `None` when this one ran before and must not tell.
    pub position: Option<Position>,
}

/// Runs one batch in one transaction, with its marker. A batch whose marker is there already changes nothing, so repeating is
/// safe at every point. Fails with [`ProductError::StaleWorker`] when a larger token has worked on this job here, and with
/// [`ProductError::PlanRefused`] for a plan that is not a tenant's.
pub async fn run_whole_batch(
    client: &mut Client,
    scope: TenantScope<'_>,
    batch: &WholeBatch<'_>,
) -> Result<WholeBatchResult, ProductError> {
    check(scope, batch)?;
    let statement = dispose_and_mark(scope, batch)?;
    let failed = |source| ProductError::RunBatch { table: batch.step.table.clone(), source };
    let tx = begin(client, scope).await?;
    let result = match claim(&tx, batch.ticket()).await.map_err(failed)? {
        Claim::Stale => return Err(ProductError::StaleWorker),
        Claim::DoneBefore(done) => WholeBatchResult { rows: done.rows, is_last: done.is_last, position: None },
        Claim::Open => {
            let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await;
            result(batch, &row.map_err(|error| failed(error.into()))?).map_err(failed)?
        }
    };
    tx.commit().await?;
    Ok(result)
}

fn result(batch: &WholeBatch<'_>, row: &tokio_postgres::Row) -> Result<WholeBatchResult, DatabaseError> {
    let done = result_of(row)?;
    let place = match &batch.at.0 {
        Place::Front | Place::Behind(_) => Key::of(row, 2)?.map(Place::Behind),
        Place::Pages { from, count, of } => {
            let next = pages_for(*count, done.rows, batch.batch_rows);
            Some(Place::Pages { from: from + count, count: next, of: *of })
        }
    };
    Ok(WholeBatchResult { rows: done.rows, is_last: done.is_last, position: place.map(Position) })
}

/// How many pages the next batch takes, so that it disposes of about `wanted` rows if they lie as densely as in this one.
/// What comes may be denser: never more than twice as many as this one, and never so many that they could hold very much more.
fn pages_for(pages: u64, rows: u64, wanted: u32) -> u64 {
    let most = (pages * 2).min(u64::from(wanted / ROWS_OF_A_PAGE_USUAL));
    (pages * u64::from(wanted) / rows.max(1)).min(most).max(1)
}

fn check(scope: TenantScope<'_>, batch: &WholeBatch<'_>) -> Result<(), ProductError> {
    let WholeBatch { plan, step, .. } = batch;
    if plan.schema != scope.map.schema || plan.dataset != scope.map.dataset {
        return Err(ProductError::PlanRefused { what: "it was made for another dataset or schema" });
    }
    if plan.subject_kind.is_some() || step.reach != Reach::Tenant {
        return Err(ProductError::PlanRefused { what: "it was not made for a whole tenant" });
    }
    Ok(())
}

/// Chooses at most n rows behind the position, disposes of them and writes the marker, in one statement. The rows are not
/// locked first, as a person's are: nobody else may keep them, and a row that is changed meanwhile is deleted as it is then.
fn dispose_and_mark<'a>(scope: TenantScope<'a>, batch: &WholeBatch<'a>) -> Result<Statement<'a>, ProductError> {
    let WholeBatch { step, batch_rows, batch_number, .. } = *batch;
    let key = key_within_bounds(scope, step, batch_rows, batch_number)?;
    let guard = not_yet_emptied(step)?;
    let mut statement = Statement::default();
    let after = match &batch.at.0 {
        Place::Front => None,
        Place::Behind(key) => Some(key),
        Place::Pages { from, count, of } => {
            delete_pages(&mut statement, scope, batch, (*from, from + count, *of));
            return Ok(statement);
        }
    };
    let walk = Walk { scope, table: &step.table, key, after };
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
    mark(&mut statement, scope, batch.ticket(), &format!("(SELECT count(*) FROM chosen) < {limit}"));
    statement.line(format!("RETURNING row_count, is_last, {}", walk.last_chosen()));
    Ok(statement)
}

/// Deletes the tenant's rows on some pages. Behind the last page that the table had in the beginning nothing bounds the
/// batch, so that rows on newer pages go too; then the step has ended. In a partitioned table the same pages of every
/// partition are meant, which are the tenant's rows like all others.
fn delete_pages<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    batch: &WholeBatch<'a>,
    (from, to, of): (u64, u64, u64),
) {
    let has_ended = to >= of;
    let tenant = scope.is_tenants(statement, ROW);
    statement.line("WITH disposed AS (");
    statement.line(format!("DELETE FROM {} AS {ROW}", scope.table(&batch.step.table)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {ROW}.ctid >= '({from},0)'::tid"));
    if !has_ended {
        statement.line(format!("AND {ROW}.ctid < '({to},0)'::tid"));
    }
    statement.line("RETURNING 1");
    statement.line(")");
    mark(statement, scope, batch.ticket(), if has_ended { "TRUE" } else { "FALSE" });
    statement.line("RETURNING row_count, is_last");
}

/// Which rows a rewrite still concerns; a deletion concerns all. A whole tenant's plan only ever empties columns.
fn not_yet_emptied(step: &Step) -> Result<Option<String>, ProductError> {
    match &step.disposal {
        Disposal::DeleteRows => Ok(None),
        Disposal::DeleteUnlessOwned { .. } => {
            Err(ProductError::PlanRefused { what: "a whole tenant's rows have no other owner" })
        }
        Disposal::RewriteColumns { columns } => {
            if columns.is_empty() || columns.iter().any(|each| each.rewrite != Rewrite::Null) {
                return Err(ProductError::PlanRefused { what: "a whole tenant's columns can only be emptied" });
            }
            let guards: Vec<String> =
                columns.iter().map(|each| format!("{} IS NOT NULL", statement::column(ROW, &each.column))).collect();
            Ok(Some(guards.join(" OR ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_pages_grows_towards_the_wanted_rows_and_never_more_than_twofold() {
        assert_eq!(pages_for(17, 850, 5_000), 34);
        assert_eq!(pages_for(100, 5_000, 5_000), 100);
        assert_eq!(pages_for(100, 20_000, 5_000), 25);
        assert_eq!(pages_for(100, 0, 5_000), 200, "nothing of the tenant lies here");
        assert_eq!(pages_for(200, 0, 5_000), 250);
        assert_eq!(pages_for(1, 100_000, 1), 1);
    }
}
