//! Hours of issues that are gone: marked as removed, and given back when their issue is there again.
//!
//! Deleting an issue or a project says nothing about its worklogs, so they are found by the issue that they carry. Only the
//! mark is set: what was worked stands beside it, because a project comes back from the bin with all its hours. A worklog
//! that was removed by itself is told apart by its version, [`super::worklog::LAST_VERSION`], and never touched.

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    error::ProductError,
    scope::{TenantScope, begin},
    statement::{self, Statement},
    worklog::LAST_VERSION,
};

/// Makes the hours of these issues bear the mark of this instant, or none. Worklogs that were removed by themselves stay as
/// they are. Repeating is safe. Returns how many rows were changed now.
pub async fn settle_issue_hours(
    client: &mut Client,
    scope: TenantScope<'_>,
    issues: &[String],
    gone_since: Option<Timestamp>,
) -> Result<u64, ProductError> {
    let sink = scope.map.worklog_sink.as_ref().ok_or(ProductError::NoWorklogSink)?;
    let mut statement = Statement::default();
    let mark = statement.bind(gone_since, Type::TIMESTAMPTZ);
    let tenant = scope.is_tenants(&mut statement, "t");
    let issues = statement.bind(issues.to_vec(), Type::TEXT_ARRAY);
    statement.line(format!("UPDATE {} AS t", scope.table(&sink.collection)));
    statement.line(format!("SET {} = {mark}", statement::quoted(&sink.removed_at)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {}::text = ANY({issues})", statement::column("t", &sink.issue_id)));
    statement.line(format!("AND {} < {LAST_VERSION}", statement::column("t", &sink.updated_at)));
    statement.line(format!("AND {} IS DISTINCT FROM {mark}", statement::column("t", &sink.removed_at)));
    let tx = begin(client, scope).await?;
    let changed = tx.change(&statement).await.map_err(|source| ProductError::WriteWorklog { source })?;
    tx.commit().await?;
    Ok(changed)
}
