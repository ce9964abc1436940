//! Which versions of worklogs the product has, so that what it knows need not be told again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::Client;

use super::{
    error::ProductError,
    scope::{TenantScope, begin_read},
    statement::{self, Statement},
    worklog::LAST_VERSION,
};

/// What the product has of a worklog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorklogVersion {
    /// Its version; the time of its removal where it was removed.
    pub updated_at: Timestamp,
    /// True when it was removed by itself, which no version outranks; the mark of an issue that is gone does not count.
    pub is_removed: bool,
}

/// The versions of those of the worklogs that the product has. Reads only. A later answer may differ: whoever writes asks
/// again, under the version guard.
pub async fn worklog_versions(
    client: &mut Client,
    scope: TenantScope<'_>,
    worklog_ids: &[u64],
) -> Result<BTreeMap<u64, WorklogVersion>, ProductError> {
    let sink = scope.map.worklog_sink.as_ref().ok_or(ProductError::NoWorklogSink)?;
    // An array in PostgreSQL's own text, so that the server reads its elements as what the column is.
    let wanted: Vec<String> = worklog_ids.iter().map(u64::to_string).collect();
    let wanted = format!("{{{}}}", wanted.join(","));
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = scope.is_tenants(&mut statement, "t");
    let wanted = statement.text(&wanted);
    let id = statement::column("t", &sink.worklog_id);
    let updated_at = statement::column("t", &sink.updated_at);
    let removed_at = statement::column("t", &sink.removed_at);
    statement.line(format!("SELECT {id}::text,"));
    // The last of all versions is no instant that could be read.
    statement.line(format!("CASE WHEN {updated_at} < {LAST_VERSION} THEN {updated_at}"));
    statement.line(format!("ELSE coalesce({removed_at}, 'epoch') END,"));
    statement.line(format!("{updated_at} = {LAST_VERSION}"));
    statement.line(format!("FROM {} AS t", scope.table(&sink.collection)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {id} = ANY({wanted})"));
    let failed = |source| ProductError::ReadWorklogs { source };
    let mut known = BTreeMap::new();
    for row in tx.rows(&statement).await.map_err(failed)? {
        let column = |error: tokio_postgres::Error| failed(error.into());
        let id: &str = row.try_get(0).map_err(column)?;
        let updated_at: Timestamp = row.try_get(1).map_err(column)?;
        let version = WorklogVersion { updated_at, is_removed: row.try_get(2).map_err(column)? };
        if let Ok(id) = id.parse() {
            known.insert(id, version);
        }
    }
    Ok(known)
}
