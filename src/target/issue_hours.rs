//! Hours of issues that are gone: marked as removed, and given back when their project comes back.
//!
//! Deleting an issue or a project says nothing about its worklogs, so they are found by the issue that they carry. Only the
//! mark is set: what was worked stands beside it, because a project comes back from the bin with all its hours.

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    error::TargetError,
    scope::{TenantScope, begin},
    statement::{self, Statement},
};

/// Marks the hours of these issues as removed at this instant where no removal is marked yet. Repeating is safe. Returns how
/// many rows were marked now.
pub async fn mark_issue_hours_removed(
    client: &mut Client,
    scope: TenantScope<'_>,
    issues: &[String],
    at: Timestamp,
) -> Result<u64, TargetError> {
    change(client, scope, issues, |statement, column| {
        let at = statement.bind(at, Type::TIMESTAMPTZ);
        (at, format!("{column} IS NULL"))
    })
    .await
}

/// Takes the mark away again from the hours of these issues that were marked at exactly one of these instants; a worklog
/// that was removed by itself stays removed. Repeating is safe. Returns how many rows came back now.
pub async fn restore_issue_hours(
    client: &mut Client,
    scope: TenantScope<'_>,
    issues: &[String],
    removed_at: &[Timestamp],
) -> Result<u64, TargetError> {
    let instants = removed_at.to_vec();
    change(client, scope, issues, |statement, column| {
        let instants = statement.bind(instants, Type::TIMESTAMPTZ_ARRAY);
        (String::from("NULL"), format!("{column} = ANY({instants})"))
    })
    .await
}

/// Sets the mark of removal where a condition on it holds.
async fn change<'a>(
    client: &mut Client,
    scope: TenantScope<'a>,
    issues: &[String],
    value_and_condition: impl FnOnce(&mut Statement<'a>, &str) -> (String, String),
) -> Result<u64, TargetError> {
    let sink = scope.map.worklog_sink.as_ref().ok_or(TargetError::NoWorklogSink)?;
    let mut statement = Statement::default();
    let column = statement::column("t", &sink.removed_at);
    let (value, condition) = value_and_condition(&mut statement, &column);
    let tenant = scope.is_tenants(&mut statement, "t");
    let issues = statement.bind(issues.to_vec(), Type::TEXT_ARRAY);
    statement.line(format!("UPDATE {} AS t", scope.table(&sink.collection)));
    statement.line(format!("SET {} = {value}", statement::quoted(&sink.removed_at)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {}::text = ANY({issues})", statement::column("t", &sink.issue_id)));
    statement.line(format!("AND {condition}"));
    let tx = begin(client, scope).await?;
    let changed = tx.change(&statement).await.map_err(|source| TargetError::WriteWorklog { source })?;
    tx.commit().await?;
    Ok(changed)
}
