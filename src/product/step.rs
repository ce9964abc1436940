//! One step of a plan, batch by batch, each in one transaction of the product database with its marker.
//!
//! ```text
//!  markers ─▶ first batch that has none ─▶ front ─▶ batch ─▶ batch ─▶ … ─▶ nothing left
//!
//!  batch:  BEGIN ─▶ tenant set ─▶ fencing token compared and set ─▶ marker there already? ─ yes ─▶ what it says
//!                                  └ smaller than seen ─▶ StaleWorker    └ no ─▶ choose n rows, dispose, mark ─▶ COMMIT
//! ```

use tokio_postgres::Client;

use super::{
    batch::{BATCHES_PER_STEP_MAX, Batch, BatchResult, Position, Selection, StepRun},
    error::ProductError,
    marker::{Claim, Committed, claim, markers},
    person_batch,
    scope::{TenantScope, begin},
    statement::Statement,
    tenant_batch,
};

/// A line between two transactions, at which a caller may want to look or, in a test, to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before a batch begins.
    BeforeBatch,
    /// After it was committed.
    AfterBatch,
}

/// Runs a step to its end, from the batch behind its last marker on, and calls `reached` between batches. Returns how many rows
/// the step has disposed of, over all attempts. Repeating is safe.
///
/// An ended step is taken up again with one more batch: the product may have added rows since, and a child row that came late
/// would otherwise keep its parent from going for ever. Fails with [`ProductError::StaleWorker`] when a larger token has worked
/// on this plan here.
pub async fn run_batches(
    client: &mut Client,
    scope: TenantScope<'_>,
    run: &StepRun<'_>,
    reached: &(dyn Fn(Moment) + Sync),
) -> Result<u64, ProductError> {
    let markers = markers(client, scope, run.plan_id).await?;
    let mine = || markers.iter().filter(|marker| marker.step == run.step.number);
    let first = mine().map(|marker| marker.batch).max().unwrap_or(0) + 1;
    let mut rows: u64 = mine().map(|marker| marker.rows).sum();
    let mut at = front(client, scope, run).await?;
    for number in first..=BATCHES_PER_STEP_MAX {
        reached(Moment::BeforeBatch);
        let done = run_batch(client, scope, &Batch { run: *run, number, at: &at }).await?;
        reached(Moment::AfterBatch);
        rows += done.committed.rows;
        if done.committed.is_last {
            return Ok(rows);
        }
        at = done.next.unwrap_or(at);
    }
    Err(ProductError::StepUnended { step: run.step.number })
}

/// Where the first batch of an attempt begins.
pub(super) async fn front(
    client: &mut Client,
    scope: TenantScope<'_>,
    run: &StepRun<'_>,
) -> Result<Position, ProductError> {
    match run.selection {
        Selection::Person { .. } => Ok(Position::Front),
        Selection::Tenant => tenant_batch::front(client, scope, run.step, run.batch_rows).await,
    }
}

/// Runs one batch in one transaction. A batch whose marker is there already answers what the marker says and changes nothing,
/// so repeating is safe at every point.
pub(super) async fn run_batch(
    client: &mut Client,
    scope: TenantScope<'_>,
    batch: &Batch<'_>,
) -> Result<BatchResult, ProductError> {
    let statement = dispose_and_mark(scope, batch)?;
    let failed = |source| ProductError::RunBatch { table: batch.run.step.table.clone(), source };
    let tx = begin(client, scope).await?;
    let result = match claim(&tx, batch.ticket()).await.map_err(failed)? {
        Claim::Stale => return Err(ProductError::StaleWorker),
        Claim::DoneBefore(committed) => BatchResult { committed, next: None },
        Claim::Open => {
            let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await;
            let row = row.map_err(|error| failed(error.into()))?;
            let committed = Committed::of(&row).map_err(failed)?;
            let next = match batch.run.selection {
                Selection::Person { .. } => None,
                Selection::Tenant => tenant_batch::next(batch, committed.rows, &row).map_err(failed)?,
            };
            BatchResult { committed, next }
        }
    };
    tx.commit().await?;
    Ok(result)
}

fn dispose_and_mark<'a>(scope: TenantScope<'a>, batch: &Batch<'a>) -> Result<Statement<'a>, ProductError> {
    match batch.run.selection {
        Selection::Person { key, pseudonym } => person_batch::dispose_and_mark(scope, batch, (key, pseudonym)),
        Selection::Tenant => tenant_batch::dispose_and_mark(scope, batch),
    }
}
