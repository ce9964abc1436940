//! The identifiers of everybody: read page by page, and asked about many at a time.

use std::collections::BTreeSet;

use tokio_postgres::{Client, types::Type};

use super::{
    error::ProductError,
    predicate::ROW,
    scope::{TenantScope, begin_read},
    statement::{self, Statement},
    walk::{Key, Walk},
};
use crate::domain::{IdentityKind, Personal};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentifierPosition {
    /// Which of the columns that hold the identity.
    column: usize,
    /// Behind which row of its table.
    after: Option<Key>,
}

/// Some identifiers.
#[derive(Debug, Clone)]
pub struct IdentifierPage {
    /// As the product has written them.
    pub values: Vec<Personal<String>>,
    /// Where the next page begins; `None` when this one was the last.
    pub next: Option<IdentifierPosition>,
}

/// What stands in the columns that hold this identity on people's own rows, of at most `rows` rows, from a position on. A
/// value that stands on two rows comes twice. Reads only.
pub async fn identifiers_page(
    client: &mut Client,
    scope: TenantScope<'_>,
    kind: IdentityKind,
    at: &IdentifierPosition,
    rows: u32,
) -> Result<IdentifierPage, ProductError> {
    let columns = columns_of(scope, kind);
    let Some((table, column)) = columns.get(at.column) else {
        return Ok(IdentifierPage { values: Vec::new(), next: None });
    };
    let key = &scope.collection(table)?.primary_key;
    if key.is_empty() {
        return Err(ProductError::MapGap { collection: (*table).to_owned(), what: "the primary key" });
    }
    let failed = |source| ProductError::CollectIdentifiers { source };
    let walk = Walk { scope, table, key, after: at.after.as_ref() };
    let value = statement::column(ROW, column);
    let mut statement = Statement::default();
    walk.choose(&mut statement, Some(&format!("{value} IS NOT NULL")), rows)?;
    statement.line("found AS (");
    statement.line(format!("SELECT {value}::text AS value"));
    statement.line(format!("FROM {} AS {ROW}, chosen", scope.table(table)));
    statement.line(format!("WHERE {}", walk.is_chosen()));
    statement.line(")");
    statement.line("SELECT (SELECT coalesce(array_agg(value), '{}') FROM found), (SELECT count(*) FROM chosen),");
    statement.line(walk.last_chosen());
    let tx = begin_read(client, scope).await?;
    let row = tx.raw().query_typed_one(statement.sql(), &statement.parameters()).await;
    let row = row.map_err(|error| failed(error.into()))?;
    let values: Vec<String> = row.try_get(0).map_err(|error| failed(error.into()))?;
    let chosen: i64 = row.try_get(1).map_err(|error| failed(error.into()))?;
    let next = if chosen < i64::from(rows) {
        let column = at.column + 1;
        (column < columns.len()).then_some(IdentifierPosition { column, after: None })
    } else {
        Some(IdentifierPosition { column: at.column, after: Key::of(&row, 2).map_err(failed)? })
    };
    Ok(IdentifierPage { values: values.into_iter().map(Personal::new).collect(), next })
}

/// Those of `values` that stand on somebody's own row in this tenant, by one query. Reads only.
pub async fn known_among(
    client: &mut Client,
    scope: TenantScope<'_>,
    kind: IdentityKind,
    values: &[Personal<String>],
) -> Result<BTreeSet<Personal<String>>, ProductError> {
    let columns = columns_of(scope, kind);
    if columns.is_empty() || values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let asked: Vec<&str> = values
        .iter()
        .map(|value| value.expose_for("a parameter of a statement in the product database").as_str())
        .collect();
    let mut statement = Statement::default();
    let asked = statement.bind(asked, Type::TEXT_ARRAY);
    for (place, (table, column)) in columns.iter().enumerate() {
        if place > 0 {
            statement.line("UNION ALL");
        }
        let tenant = scope.is_tenants(&mut statement, ROW);
        let value = statement::column(ROW, column);
        statement.line(format!("SELECT {value}::text"));
        statement.line(format!("FROM {} AS {ROW}", scope.table(table)));
        statement.line(format!("WHERE {tenant}"));
        statement.line(format!("AND {value}::text = ANY({asked})"));
    }
    let failed = |source| ProductError::CollectIdentifiers { source };
    let tx = begin_read(client, scope).await?;
    let rows = tx.rows(&statement).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0).map(Personal::new).map_err(|error| failed(error.into()))).collect()
}

/// The columns that hold this identity on people's own rows, each once.
fn columns_of(scope: TenantScope<'_>, kind: IdentityKind) -> Vec<(&str, &str)> {
    let roots = scope.map.subjects.values();
    let columns = roots.filter_map(|root| Some((root.collection.as_str(), root.identities.get(&kind)?.as_str())));
    columns.collect::<BTreeSet<_>>().into_iter().collect()
}
