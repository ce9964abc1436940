//! The same reader after a whole tenant was deleted: no row is left in any table that has the tenant's column.

use tokio_postgres::Client;

use crate::domain::verification::{ColumnFinding, VerificationReport};

use super::{
    super::{
        catalog,
        predicate::ROW,
        scope::{self, Access, TenantScope},
        statement::{self, Statement},
    },
    error::VerifyError,
    sight::{see_every_table, see_the_tenant},
};

/// Whether the tenant's own row is still to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootRow {
    /// It must be seen, which proves that the reader sees the tenant at all.
    MustBeThere,
    /// It must be gone like everything else. Ask only of a reader that has seen it before.
    MustBeGone,
}

/// Counts the tenant's rows in every table of the map's schema that has the tenant's column, mapped or not, in one read-only
/// snapshot. Every row that is left is reported by its table; the tenant's own row only when it must be gone. `client` must be
/// connected as a role that reads only (`gw_verify`). Any failure is an error and never a clean report. Repeating is safe.
pub async fn verify_tenant(
    client: &mut Client,
    scope: TenantScope<'_>,
    root: RootRow,
) -> Result<VerificationReport, VerifyError> {
    let begin = |source| VerifyError::Begin { source };
    let tx = scope::open(client, scope, Access::ReadOneSnapshot).await.map_err(begin)?;
    match root {
        RootRow::MustBeThere => see_the_tenant(&tx).await?,
        RootRow::MustBeGone => see_every_table(&tx).await?,
    }
    let catalog = catalog::read(tx.raw(), &scope.map.schema).await.map_err(begin)?;
    let column = &scope.map.tenant_column;
    let mut report = VerificationReport::default();
    for name in catalog.tables.iter().filter(|(_, table)| table.columns.contains_key(column)).map(|(name, _)| name) {
        if *name == scope.map.tenant_root.collection && root == RootRow::MustBeThere {
            continue;
        }
        let failed = |source| VerifyError::Search { table: name.clone(), source };
        let mut statement = Statement::default();
        let tenant = scope.is_tenants(&mut statement, ROW);
        statement.line("SELECT count(*)");
        statement.line(format!("FROM {} AS {ROW}", statement::table(&scope.map.schema, name)));
        statement.line(format!("WHERE {tenant}"));
        let rows = tx.rows(&statement).await.map_err(failed)?;
        report.tables_read += 1;
        report.columns_read += 1;
        for row in rows {
            let left = row.try_get::<_, i64>(0).map_err(|error| failed(error.into()))?.unsigned_abs();
            if left > 0 {
                let column = format!("{}.{name}.{column}", scope.map.schema);
                report.left.push(ColumnFinding { column, rows: left });
            }
        }
    }
    Ok(report)
}
