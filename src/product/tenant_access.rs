//! Access of everybody in a tenant: revoked at once, the flag of day 30, and restored after the tenant has come back.
//!
//! What a tenant's offboarding writes carries that offboarding's own instants, so restoring leaves alone whoever was
//! restricted or flagged for a reason of their own.

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    access::RevokedAccess,
    error::ProductError,
    fence::share_tenant,
    leaving::{begin_leaving, end_leaving},
    predicate::ROW,
    scope::{TenantScope, begin},
    statement::{self, Statement},
    walk::{Key, Walk},
};

/// Rows changed in one transaction.
const ACCESS_BATCH_ROWS: u32 = 1_000;
/// The most batches for one table. A table that needs more does not end, and is refused.
const ACCESS_BATCHES_MAX: usize = 100_000;

/// Revokes everybody's access: sets the restricted column of every kind of person to `at` where it is null, and
/// deletes all sessions. Repeating is safe and keeps the first instant.
pub async fn revoke_access_of_tenant(
    client: &mut Client,
    scope: TenantScope<'_>,
    at: Timestamp,
) -> Result<RevokedAccess, ProductError> {
    let mut done = RevokedAccess::default();
    // First, so that whoever changes a single person's access from now on knows it.
    begin_leaving(client, scope, at).await?;
    for root in scope.map.subjects.values() {
        let change = Change::SetOnce { column: &root.restricted_column, at, unless_over: true };
        done.people += everywhere(client, scope, &root.collection, &change).await?;
    }
    for link in scope.map.subjects.values().flat_map(|root| &root.sessions) {
        let change = Change::EndSessions { column: &link.column };
        done.sessions += everywhere(client, scope, &link.collection, &change).await?;
    }
    Ok(done)
}

/// Flags everybody's data for deletion: sets the marked column to `at` where it is null. Returns how many rows changed; zero when repeated.
pub async fn flag_for_deletion_of_tenant(
    client: &mut Client,
    scope: TenantScope<'_>,
    at: Timestamp,
) -> Result<u64, ProductError> {
    let mut people = 0;
    for root in scope.map.subjects.values() {
        let change = Change::SetOnce { column: &root.flagged_column, at, unless_over: false };
        people += everywhere(client, scope, &root.collection, &change).await?;
    }
    Ok(people)
}

/// Restores what the tenant's offboardings have revoked: clears the restricted column where it holds one of `restricted_at`
/// and the marked column where it holds one of `flagged_at`. Whoever was restricted or flagged otherwise stays so. Returns how
/// many rows changed; zero when repeated.
pub async fn restore_access_of_tenant(
    client: &mut Client,
    scope: TenantScope<'_>,
    restricted_at: &[Timestamp],
    flagged_at: &[Timestamp],
) -> Result<u64, ProductError> {
    let mut people = 0;
    end_leaving(client, scope, restricted_at).await?;
    for root in scope.map.subjects.values() {
        let restricted = (root.restricted_column.as_str(), restricted_at);
        let marked = (root.flagged_column.as_str(), flagged_at);
        people += everywhere(client, scope, &root.collection, &Change::Restore { restricted, marked }).await?;
    }
    Ok(people)
}

/// What happens to each row.
enum Change<'a> {
    SetOnce { column: &'a str, at: Timestamp, unless_over: bool },
    EndSessions { column: &'a str },
    Restore { restricted: (&'a str, &'a [Timestamp]), marked: (&'a str, &'a [Timestamp]) },
}

impl Change<'_> {
    /// Which rows it still concerns.
    fn concerns<'s>(&self, statement: &mut Statement<'s>, scope: TenantScope<'s>) -> String {
        match self {
            Self::SetOnce { column, unless_over: false, .. } => format!("{} IS NULL", statement::column(ROW, column)),
            // Asked in each batch: the tenant may have come back meanwhile, while this worker was held up.
            Self::SetOnce { column, at, unless_over: true } => {
                let tenant = statement.bind(scope.tenant_key, Type::TEXT);
                let at = statement.bind(*at, Type::TIMESTAMPTZ);
                format!(
                    "{} IS NULL AND NOT EXISTS (SELECT 1 FROM milestone_gateway.leaving AS l \
                     WHERE l.tenant_key = {tenant} AND l.restricted_at = {at} AND l.is_over)",
                    statement::column(ROW, column)
                )
            }
            Self::EndSessions { column } => format!("{} IS NOT NULL", statement::column(ROW, column)),
            Self::Restore { restricted, marked } => {
                let holds = [restricted, marked].map(|(column, ours)| {
                    let ours = statement.bind(ours.to_vec(), Type::TIMESTAMPTZ_ARRAY);
                    format!("{} = ANY({ours})", statement::column(ROW, column))
                });
                holds.join(" OR ")
            }
        }
    }

    /// The beginning of the statement that changes the chosen rows.
    fn begins(&self, statement: &mut Statement<'_>, table: &str) {
        match self {
            Self::SetOnce { column, at, .. } => {
                let at = statement.bind(*at, Type::TIMESTAMPTZ);
                statement.line(format!("UPDATE {table} AS {ROW}"));
                statement.line(format!("SET {} = {at}", statement::quoted(column)));
                statement.line("FROM chosen");
            }
            Self::EndSessions { .. } => {
                statement.line(format!("DELETE FROM {table} AS {ROW}"));
                statement.line("USING chosen");
            }
            Self::Restore { restricted, marked } => {
                let cleared = [restricted, marked].map(|(column, ours)| {
                    let ours = statement.bind(ours.to_vec(), Type::TIMESTAMPTZ_ARRAY);
                    let value = statement::column(ROW, column);
                    format!(
                        "{} = CASE WHEN {value} = ANY({ours}) THEN NULL ELSE {value} END",
                        statement::quoted(column)
                    )
                });
                statement.line(format!("UPDATE {table} AS {ROW}"));
                statement.line(format!("SET {}", cleared.join(", ")));
                statement.line("FROM chosen");
            }
        }
    }
}

/// Changes every row that is concerned, a bounded number in each transaction. Returns how many rows changed.
async fn everywhere(
    client: &mut Client,
    scope: TenantScope<'_>,
    table: &str,
    change: &Change<'_>,
) -> Result<u64, ProductError> {
    let key = &scope.collection(table)?.primary_key;
    if key.is_empty() {
        return Err(ProductError::MapGap { collection: table.to_owned(), what: "the primary key" });
    }
    let mut position: Option<Key> = None;
    let mut changed = 0;
    for _ in 0..ACCESS_BATCHES_MAX {
        let walk = Walk { scope, table, key, after: position.as_ref() };
        let done = one_batch(client, walk, change).await?;
        changed += done.changed;
        if done.chosen < u64::from(ACCESS_BATCH_ROWS) {
            return Ok(changed);
        }
        position = done.last;
    }
    Err(ProductError::PlanRefused { what: "a table has more rows than all batches together may change" })
}

/// What one transaction has done.
struct Done {
    changed: u64,
    chosen: u64,
    /// The last of the rows that were chosen.
    last: Option<Key>,
}

async fn one_batch(client: &mut Client, walk: Walk<'_>, change: &Change<'_>) -> Result<Done, ProductError> {
    let failed = |source| ProductError::ChangeAccess { source };
    let mut statement = Statement::default();
    let condition = change.concerns(&mut statement, walk.scope);
    walk.choose(&mut statement, Some(&condition), ACCESS_BATCH_ROWS)?;
    statement.line("changed AS (");
    change.begins(&mut statement, &walk.scope.table(walk.table));
    statement.line(format!("WHERE {}", walk.is_chosen()));
    // Asked again of the row as it is by then: somebody may have restricted the same person meanwhile.
    statement.line(format!("AND ({condition})"));
    statement.line("RETURNING 1");
    statement.line(")");
    statement.line("SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM chosen),");
    statement.line(walk.last_chosen());
    let tx = begin(client, walk.scope).await?;
    share_tenant(&tx).await.map_err(failed)?;
    let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await;
    let row = row.map_err(|error| failed(error.into()))?;
    let count =
        |place: usize| row.try_get::<_, i64>(place).map(i64::unsigned_abs).map_err(|error| failed(error.into()));
    let done = Done { changed: count(0)?, chosen: count(1)?, last: Key::of(&row, 2).map_err(failed)? };
    tx.commit().await?;
    Ok(done)
}
