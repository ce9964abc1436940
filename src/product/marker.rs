//! Markers: the product database's own record of each committed batch, to resume from and to count by.

use tokio_postgres::{Client, types::Type};

use crate::domain::JobId;

use super::{
    error::{DatabaseError, ProductError},
    scope::{TenantScope, begin_read},
    statement::Statement,
};

/// One committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkerRow {
    /// The step's number in the plan.
    pub step: u32,
    /// The batch's number within the step.
    pub batch: i32,
    /// Rows disposed of.
    pub rows: u64,
    /// True when the step had nothing more to do.
    pub is_last: bool,
}

/// Every batch of a job that is committed here, by step and batch.
pub async fn markers(client: &mut Client, scope: TenantScope<'_>, job: JobId) -> Result<Vec<MarkerRow>, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let job = statement.bind(job.uuid(), Type::UUID);
    statement.line("SELECT step_number, batch_number, row_count, is_last");
    statement.line("FROM milestone_gateway.marker");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND job_id = {job}"));
    statement.line("ORDER BY step_number, batch_number");
    let failed = |source| ProductError::Markers { source };
    let rows = tx.rows(&statement).await.map_err(failed)?;
    rows.iter().map(marker_of).collect::<Result<_, _>>().map_err(failed)
}

fn marker_of(row: &tokio_postgres::Row) -> Result<MarkerRow, DatabaseError> {
    Ok(MarkerRow {
        step: row.try_get::<_, i32>(0)?.unsigned_abs(),
        batch: row.try_get(1)?,
        rows: row.try_get::<_, i64>(2)?.unsigned_abs(),
        is_last: row.try_get(3)?,
    })
}
