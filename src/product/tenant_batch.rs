//! One bounded batch of a whole tenant's plan, as one statement: every row of a table.
//!
//! A step goes through its table once, on the way that costs least: page by page where the tenant owns much of the table,
//! and along the primary key otherwise (see [`super::walk`]).

use std::ops::Range;

use tokio_postgres::{Client, Row, types::Type};

use crate::domain::plan::{Disposal, Reach, Rewrite, Step};

use super::{
    batch::{Batch, Position, StepRun},
    disposal::dispose_of_chosen,
    error::{DatabaseError, ProductError},
    marker::write_marker,
    predicate::ROW,
    scope::{TenantScope, begin_read},
    statement::{self, Statement},
    walk::{Key, Walk},
};

/// The most rows that a page of 8 KiB can hold (`MaxHeapTuplesPerPage`): no batch of pages begins with more than it may
/// dispose of.
const ROWS_OF_A_PAGE_MAX: u32 = 291;
/// How many rows lie on a page when they are of 400 bytes. Where fewer of the tenant's do, a batch stays below its rows.
const ROWS_OF_A_PAGE_USUAL: u32 = 20;

/// The front of a step's table, on the way that costs least: page by page when, by PostgreSQL's own statistics, the tenant
/// has at least a row for every page of the table. Changes nothing.
pub(super) async fn front(
    client: &mut Client,
    scope: TenantScope<'_>,
    step: &Step,
    batch_rows: u32,
) -> Result<Position, ProductError> {
    if step.disposal != Disposal::DeleteRows {
        // A rewritten row moves to another page, where it would be met again.
        return Ok(Position::Front);
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
        return Ok(Position::Front);
    }
    let count = u64::from(batch_rows / ROWS_OF_A_PAGE_MAX).max(1);
    Ok(Position::Pages { from: 0, count, of })
}

/// Where the batch after this one begins.
pub(super) fn next(batch: &Batch<'_>, rows: u64, row: &Row) -> Result<Option<Position>, DatabaseError> {
    match batch.at {
        Position::Front | Position::Behind(_) => Ok(Key::of(row, 2)?.map(Position::Behind)),
        Position::Pages { from, count, of } => {
            let next = pages_for(*count, rows, batch.run.batch_rows);
            Ok(Some(Position::Pages { from: from + count, count: next, of: *of }))
        }
    }
}

/// How many pages the next batch takes, so that it disposes of about `wanted` rows if they lie as densely as in this one.
/// What comes may be denser: never more than twice as many as this one, and never so many that they could hold very much more.
fn pages_for(pages: u64, rows: u64, wanted: u32) -> u64 {
    let most = (pages * 2).min(u64::from(wanted / ROWS_OF_A_PAGE_USUAL));
    (pages * u64::from(wanted) / rows.max(1)).min(most).max(1)
}

fn check(scope: TenantScope<'_>, run: &StepRun<'_>) -> Result<(), ProductError> {
    let StepRun { plan, step, .. } = run;
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
/// Fails with [`ProductError::PlanRefused`] for a plan that is not a tenant's.
pub(super) fn dispose_and_mark<'a>(scope: TenantScope<'a>, batch: &Batch<'a>) -> Result<Statement<'a>, ProductError> {
    check(scope, &batch.run)?;
    let StepRun { step, batch_rows, .. } = batch.run;
    let key = batch.key_within_bounds(scope)?;
    let guard = not_yet_emptied(step)?;
    let mut statement = Statement::default();
    let after = match batch.at {
        Position::Front => None,
        Position::Behind(key) => Some(key),
        Position::Pages { from, count, of } => {
            delete_pages(&mut statement, scope, batch, (*from..from + count, *of));
            return Ok(statement);
        }
    };
    let walk = Walk { scope, table: &step.table, key, after };
    let limit = walk.choose(&mut statement, guard.as_deref(), batch_rows)?;
    dispose_of_chosen(&mut statement, scope, step, key, None);
    // The step has ended when fewer were chosen, not when fewer were disposed of: the product may delete beside us.
    let has_ended = format!("(SELECT count(*) FROM chosen) < {limit}");
    write_marker(&mut statement, scope, batch.ticket(), &has_ended);
    statement.line(format!("RETURNING row_count, is_last, {}", walk.last_chosen()));
    Ok(statement)
}

/// Deletes the tenant's rows on some pages. Behind the last page that the table had in the beginning nothing bounds the
/// batch, so that rows on newer pages go too; then the step has ended. In a partitioned table the same pages of every
/// partition are meant, which are the tenant's rows like all others.
fn delete_pages<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    batch: &Batch<'a>,
    (pages, of): (Range<u64>, u64),
) {
    let Range { start, end } = pages;
    let has_ended = end >= of;
    let tenant = scope.is_tenants(statement, ROW);
    statement.line("WITH disposed AS (");
    statement.line(format!("DELETE FROM {} AS {ROW}", scope.table(&batch.run.step.table)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {ROW}.ctid >= '({start},0)'::tid"));
    if !has_ended {
        statement.line(format!("AND {ROW}.ctid < '({end},0)'::tid"));
    }
    statement.line("RETURNING 1");
    statement.line(")");
    write_marker(statement, scope, batch.ticket(), if has_ended { "TRUE" } else { "FALSE" });
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
