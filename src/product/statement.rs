//! One SQL statement under construction: clauses, one a line, and the values that go beside them as parameters.

use std::error::Error;

use bytes::BytesMut;
use postgres_protocol::escape::escape_identifier;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// A statement and its parameters.
#[derive(Default)]
pub(super) struct Statement<'a> {
    sql: String,
    values: Vec<(Box<dyn ToSql + Sync + Send + 'a>, Type)>,
}

impl<'a> Statement<'a> {
    /// Adds a clause on a line of its own.
    pub(super) fn line(&mut self, clause: impl AsRef<str>) {
        self.sql.push_str(clause.as_ref());
        self.sql.push('\n');
    }

    /// A parameter that the server reads as whatever type the place asks for (uuid, text, timestamptz, …), so that one
    /// builder serves tenant columns of every type. Each use is its own parameter, since two places may ask for two types.
    pub(super) fn text(&mut self, value: &'a str) -> String {
        self.bind(AsText(value), Type::UNKNOWN)
    }

    /// A parameter of a known type.
    pub(super) fn bind(&mut self, value: impl ToSql + Sync + Send + 'a, kind: Type) -> String {
        self.values.push((Box::new(value), kind));
        format!("${}", self.values.len())
    }

    /// The finished text.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// The parameters in order, as the driver wants them.
    pub(super) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }
}

/// A quoted name.
pub(super) fn quoted(name: &str) -> String {
    escape_identifier(name)
}

/// A quoted column of an alias.
pub(super) fn column(alias: &str, name: &str) -> String {
    format!("{alias}.{}", escape_identifier(name))
}

/// `a.k = b.k AND …` over all columns of a key.
pub(super) fn same_key(key: &[String], left: &str, right: &str) -> String {
    let pairs = key.iter().map(|name| format!("{} = {}", column(left, name), column(right, name)));
    pairs.collect::<Vec<_>>().join("\nAND ")
}

/// A quoted table of a schema.
pub(super) fn table(schema: &str, name: &str) -> String {
    format!("{}.{}", escape_identifier(schema), escape_identifier(name))
}

/// Text sent in PostgreSQL's text format, which the server parses as the type it has inferred for the parameter.
#[derive(Clone, Copy)]
struct AsText<'a>(&'a str);

impl std::fmt::Debug for AsText<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[parameter]")
    }
}

impl ToSql for AsText<'_> {
    fn to_sql(&self, _: &Type, buffer: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
