//! Going through all rows of a tenant in one table, a bounded number at a time, in the order of the primary key.
//!
//! ```text
//!  the first n rows ─▶ last key ─▶ the next n rows behind it ─▶ … ─▶ fewer than n: that was all
//! ```
//!
//! Without the last key each batch would walk over the remains of all rows that the batches before it have changed or
//! deleted, and a big tenant would take quadratic time. The last key lives in memory only and is never stored or told.

use tokio_postgres::{Row, types::Type};

use crate::domain::Personal;

use super::{
    error::{DatabaseError, ProductError},
    predicate::ROW,
    scope::TenantScope,
    statement::{self, Statement},
};

/// A row's primary key as text: where the next batch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Personal<Vec<String>>);

impl Key {
    /// The key in a result that [`Walk::last_chosen`] has returned; `None` when no row was chosen.
    pub(super) fn of(row: &Row, place: usize) -> Result<Option<Self>, DatabaseError> {
        let key: Option<Vec<String>> = row.try_get(place)?;
        Ok(key.map(|key| Self(Personal::new(key))))
    }
}

/// One table of one tenant, from a position on.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) scope: TenantScope<'a>,
    pub(super) table: &'a str,
    pub(super) key: &'a [String],
    pub(super) after: Option<&'a Key>,
}

impl<'a> Walk<'a> {
    /// `WITH chosen AS MATERIALIZED (…),`: the keys of the next `rows` rows that meet the condition. Returns the
    /// parameter that holds the bound.
    pub(super) fn choose(
        &self,
        statement: &mut Statement<'a>,
        condition: Option<&str>,
        rows: u32,
    ) -> Result<String, ProductError> {
        let own = self.columns(ROW).join(", ");
        let limit = statement.bind(i64::from(rows), Type::INT8);
        let tenant = self.scope.is_tenants(statement, ROW);
        statement.line("WITH chosen AS MATERIALIZED (");
        statement.line(format!("SELECT {own}"));
        statement.line(format!("FROM {} AS {ROW}", self.scope.table(self.table)));
        statement.line(format!("WHERE {tenant}"));
        if let Some(condition) = condition {
            statement.line(format!("AND ({condition})"));
        }
        if let Some(behind) = self.behind(statement)? {
            statement.line(format!("AND {behind}"));
        }
        statement.line(format!("ORDER BY {own}"));
        statement.line(format!("LIMIT {limit}"));
        statement.line("),");
        Ok(limit)
    }

    /// The row is one of those chosen.
    pub(super) fn is_chosen(&self) -> String {
        statement::same_key(self.key, ROW, "chosen")
    }

    /// A sub-select for [`Key::of`].
    pub(super) fn last_chosen(&self) -> String {
        let chosen = self.columns("chosen");
        let text: Vec<String> = chosen.iter().map(|column| format!("{column}::text")).collect();
        let last: Vec<String> = chosen.iter().map(|column| format!("{column} DESC")).collect();
        format!("(SELECT ARRAY[{}] FROM chosen ORDER BY {} LIMIT 1)", text.join(", "), last.join(", "))
    }

    fn columns(&self, alias: &str) -> Vec<String> {
        self.key.iter().map(|name| statement::column(alias, name)).collect()
    }

    /// `(a, b) > ($1, $2)` over the key without the tenant's column, which is the same in all rows.
    fn behind(&self, statement: &mut Statement<'a>) -> Result<Option<String>, ProductError> {
        let Some(Key(after)) = self.after else { return Ok(None) };
        let after = after.expose_for("a parameter of a statement in the product database");
        if after.len() != self.key.len() {
            return Err(ProductError::PlanRefused { what: "a position is of another table" });
        }
        let rest = self.key.iter().zip(after).filter(|(name, _)| **name != self.scope.map.tenant_column);
        let (columns, values): (Vec<String>, Vec<String>) =
            rest.map(|(name, value)| (statement::column(ROW, name), statement.text(value))).unzip();
        Ok((!columns.is_empty()).then(|| format!("({}) > ({})", columns.join(", "), values.join(", "))))
    }
}
