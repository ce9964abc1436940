//! Markers: the product database's own record of each committed batch, to resume from and to count by.
//!
//! A batch and its marker are one transaction. In the same transaction the worker's fencing token is compared and set, so a
//! worker whose lease has run out changes nothing any more.

use futures_util::future;
use tokio_postgres::{Client, Row, types::Type};

use crate::domain::PlanId;

use super::{
    error::{DatabaseError, ProductError},
    scope::{ProductTx, TenantScope, begin_read},
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

/// Every batch of a plan that is committed here, by step and batch.
pub async fn markers(
    client: &mut Client,
    scope: TenantScope<'_>,
    plan_id: PlanId,
) -> Result<Vec<MarkerRow>, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let plan = statement.bind(plan_id.uuid(), Type::UUID);
    statement.line("SELECT step_number, batch_number, row_count, is_last");
    statement.line("FROM milestone_gateway.marker");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND job_id = {plan}"));
    statement.line("ORDER BY step_number, batch_number");
    let failed = |source| ProductError::Markers { source };
    let rows = tx.rows(&statement).await.map_err(failed)?;
    rows.iter().map(marker_of).collect::<Result<_, _>>().map_err(failed)
}

fn marker_of(row: &Row) -> Result<MarkerRow, DatabaseError> {
    Ok(MarkerRow {
        step: row.try_get::<_, i32>(0)?.unsigned_abs(),
        batch: row.try_get(1)?,
        rows: row.try_get::<_, i64>(2)?.unsigned_abs(),
        is_last: row.try_get(3)?,
    })
}

/// Which batch of which plan, and by whom. The columns are called `job_id`; what they hold is the plan's id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) plan_id: PlanId,
    pub(super) token: i64,
    pub(super) step: u32,
    pub(super) batch_number: i32,
}

/// What a marker says of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    /// Rows deleted or rewritten.
    pub(super) rows: u64,
    /// True when the step had nothing more to do.
    pub(super) is_last: bool,
}

impl Committed {
    /// From a row that begins with `row_count, is_last`.
    pub(super) fn of(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self { rows: row.try_get::<_, i64>(0)?.unsigned_abs(), is_last: row.try_get(1)? })
    }
}

/// Whether a batch may run.
pub(super) enum Claim {
    /// A larger token has worked on this plan here.
    Stale,
    DoneBefore(Committed),
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
        Some(row) => Ok(Claim::DoneBefore(Committed::of(row)?)),
        None => Ok(Claim::Open),
    }
}

fn token_statement(scope: TenantScope<'_>, ticket: Ticket) -> Statement<'_> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let plan = statement.bind(ticket.plan_id.uuid(), Type::UUID);
    let token = statement.bind(ticket.token, Type::INT8);
    statement.line("INSERT INTO milestone_gateway.job_token AS known (tenant_key, job_id, token)");
    statement.line(format!("VALUES ({tenant}, {plan}, {token})"));
    statement.line("ON CONFLICT (tenant_key, job_id) DO UPDATE");
    statement.line("SET token = EXCLUDED.token");
    statement.line("WHERE known.token <= EXCLUDED.token");
    statement
}

fn marker_statement(scope: TenantScope<'_>, ticket: Ticket) -> Statement<'_> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let plan = statement.bind(ticket.plan_id.uuid(), Type::UUID);
    let step = statement.bind(i64::from(ticket.step), Type::INT8);
    let number = statement.bind(ticket.batch_number, Type::INT4);
    statement.line("SELECT row_count, is_last");
    statement.line("FROM milestone_gateway.marker");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND job_id = {plan}"));
    statement.line(format!("AND step_number = {step}"));
    statement.line(format!("AND batch_number = {number}"));
    statement
}

/// Writes the marker of what `disposed` has done and whether the step `has_ended`; the caller adds what it returns.
pub(super) fn write_marker<'a>(statement: &mut Statement<'a>, scope: TenantScope<'a>, ticket: Ticket, has_ended: &str) {
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let plan = statement.bind(ticket.plan_id.uuid(), Type::UUID);
    let step = statement.bind(i64::from(ticket.step), Type::INT8);
    let number = statement.bind(ticket.batch_number, Type::INT4);
    let token = statement.bind(ticket.token, Type::INT8);
    statement.line("INSERT INTO milestone_gateway.marker");
    statement.line("(tenant_key, job_id, step_number, batch_number, token, row_count, is_last)");
    statement.line(format!("SELECT {tenant}, {plan}, {step}::integer, {number}, {token}, count(*), {has_ended}"));
    statement.line("FROM disposed");
}
