//! The independent reader: after an erasure it searches the whole schema for the person's identifiers.
//!
//! ```text
//!  one snapshot, read only ─▶ the tenant's root row, exactly one? ─ no ─▶ Blind
//!                          ─▶ a table that row level security hides from this role? ─ yes ─▶ Blind
//!                          ─▶ live catalog ─▶ each table, each column that can hold text ─▶ left · held by another · mentioned
//! ```
//!
//! It connects as another role than the one that erased, knows no plan, and takes its tables and columns from the live
//! catalog, so that a table which the data map forgot is searched like every other. The data map only classifies what was
//! found. It reads tables of the map's schema: no views, no other schema, and not the gateway's own tables, which hold
//! digests only. It never searches for names: identifiers only, as whole tokens.

mod excuse;
mod tenant;
mod token;

use tokio_postgres::{Client, Row, types::Type};

use crate::domain::{
    IdentityKind, Personal,
    catalog::{Catalog, Table},
    verification::{ColumnFinding, VerificationReport},
};

use super::{
    catalog,
    error::DatabaseError,
    scope::{self, Access, ProductTx, TenantScope},
    statement::{self, Statement},
};

use excuse::{Excuse, ROW};
pub use tenant::{RootRow, verify_tenant};

/// Why the reader cannot say anything. None of these may be taken for a clean report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The reader does not see what must be there (the tenant's root row), or no policy lets its role see the table.
    #[error("the reader cannot see table {table}")]
    Blind {
        /// The table.
        table: String,
    },
    /// No identifier was given, so nothing could be found.
    #[error("no identifier to search for")]
    NothingToSearch,
    /// The transaction, the root row or the catalog could not be read.
    #[error("cannot begin to read")]
    Begin {
        /// The cause.
        source: DatabaseError,
    },
    /// A table could not be read to its end.
    #[error("cannot read table {table}")]
    Search {
        /// The table.
        table: String,
        /// The cause.
        source: DatabaseError,
    },
}

impl VerifyError {
    /// True when the same reading may succeed later: the server was away or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Begin { source } | Self::Search { source, .. } => source.is_transient(),
            Self::Blind { .. } | Self::NothingToSearch => false,
        }
    }
}

/// Searches every text-like column (text, JSON, arrays, bytea, inet, …) of every table of the map's schema, mapped or not,
/// for each identifier, in one read-only snapshot. E-mail addresses are compared without regard to case, other identifiers
/// exactly; a column counts rows, not occurrences. `client` must be connected as a role that reads only (`gw_verify`).
///
/// `identifiers` are the values as stored (see [`super::collect_identifiers`]); a value that is stored in two forms must be
/// given in both. Any failure is an error and never a clean report. Repeating is safe.
pub async fn verify(
    client: &mut Client,
    scope: TenantScope<'_>,
    identifiers: &[(IdentityKind, Personal<String>)],
) -> Result<VerificationReport, VerifyError> {
    let patterns = Patterns::of(identifiers).ok_or(VerifyError::NothingToSearch)?;
    let begin = |source| VerifyError::Begin { source };
    let tx = scope::open(client, scope, Access::ReadOneSnapshot).await.map_err(begin)?;
    see_the_tenant(&tx).await?;
    let catalog = catalog::read(tx.raw(), &scope.map.schema).await.map_err(begin)?;
    let mut report = VerificationReport::default();
    for (name, table) in &catalog.tables {
        report.tables_read += 1;
        let columns: Vec<(&String, &str)> = searched(table);
        if columns.is_empty() {
            continue;
        }
        let failed = |source| VerifyError::Search { table: name.clone(), source };
        let statement = search(scope, &catalog, name, &columns, &patterns);
        let rows = tx.rows(&statement).await.map_err(failed)?;
        for (place, (column, _)) in columns.iter().enumerate() {
            report.columns_read += 1;
            for row in &rows {
                let counts = Counts::of(row, place).map_err(failed)?;
                record(&mut report, scope, name, column, counts);
            }
        }
    }
    Ok(report)
}

/// The identifiers as patterns. They are personal data as much as the identifiers are.
struct Patterns {
    rough: Personal<Vec<String>>,
    emails: Personal<Vec<String>>,
    others: Personal<Vec<String>>,
}

impl Patterns {
    fn of(identifiers: &[(IdentityKind, Personal<String>)]) -> Option<Self> {
        let (mut rough, mut emails, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, value) in identifiers {
            let value = value.expose_for("searching the product database for what is left").trim();
            if value.is_empty() {
                continue;
            }
            rough.push(token::rough_pattern(value));
            match kind {
                IdentityKind::Email => emails.push(token::pattern(*kind, value)),
                IdentityKind::AtlassianAccountId | IdentityKind::FirebaseUid => {
                    others.push(token::pattern(*kind, value));
                }
            }
        }
        let patterns =
            Self { rough: Personal::new(rough), emails: Personal::new(emails), others: Personal::new(others) };
        (!patterns.rough.expose_for("counting them").is_empty()).then_some(patterns)
    }
}

/// Emptiness must not look like success: row level security that hides everything answers like a table without rows.
async fn see_the_tenant(tx: &ProductTx<'_, '_>) -> Result<(), VerifyError> {
    let begin = |source| VerifyError::Begin { source };
    let scope = tx.scope();
    let root = &scope.map.tenant_root;
    let mut statement = Statement::default();
    let key = statement.text(scope.tenant_key);
    statement.line("SELECT 1");
    statement.line(format!("FROM {} AS t", scope.table(&root.collection)));
    statement.line(format!("WHERE {} = {key}", statement::column("t", &root.column)));
    statement.line("LIMIT 2");
    if tx.rows(&statement).await.map_err(begin)?.len() != 1 {
        return Err(VerifyError::Blind { table: root.collection.clone() });
    }
    see_every_table(tx).await
}

async fn see_every_table(tx: &ProductTx<'_, '_>) -> Result<(), VerifyError> {
    let begin = |source| VerifyError::Begin { source };
    let scope = tx.scope();
    let mut statement = Statement::default();
    let schema = statement.bind(scope.map.schema.as_str(), Type::TEXT);
    statement.line(HIDDEN_TABLE.replace("$schema", &schema));
    match tx.rows(&statement).await.map_err(begin)?.first() {
        Some(row) => Err(VerifyError::Blind { table: row.try_get(0).map_err(|error| begin(error.into()))? }),
        None => Ok(()),
    }
}

/// A table whose row level security applies to this role while no permissive policy lets it read: always empty for us.
const HIDDEN_TABLE: &str = "\
SELECT c.relname::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $schema
AND c.relkind IN ('r', 'p')
AND NOT c.relispartition
AND row_security_active(c.oid)
AND NOT EXISTS (
SELECT 1
FROM pg_catalog.pg_policy AS p
WHERE p.polrelid = c.oid
AND p.polpermissive
AND p.polcmd IN ('*', 'r')
AND EXISTS (
SELECT 1
FROM unnest(p.polroles) AS r (role)
WHERE r.role = 0 OR pg_has_role(r.role, 'USAGE')
)
)
ORDER BY c.relname
LIMIT 1";

fn searched(table: &Table) -> Vec<(&String, &str)> {
    let columns = table.columns.iter().filter(|(_, column)| column.holds_text());
    columns.map(|(name, column)| (name, column.data_type.as_str())).collect()
}

/// Two counts for each column: rows that hold any identifier, and those of them that are excused.
fn search<'a>(
    scope: TenantScope<'a>,
    catalog: &Catalog,
    table: &str,
    columns: &[(&String, &str)],
    patterns: &'a Patterns,
) -> Statement<'a> {
    let mut statement = Statement::default();
    let rough = statement.bind(patterns.rough.expose_for("a pattern parameter"), Type::TEXT_ARRAY);
    let emails = statement.bind(patterns.emails.expose_for("a pattern parameter"), Type::TEXT_ARRAY);
    let others = statement.bind(patterns.others.expose_for("a pattern parameter"), Type::TEXT_ARRAY);
    // Without the person's own account id or uid, their own row could not be told from another person's.
    let excuse = if patterns.others.expose_for("counting them").is_empty() {
        None
    } else {
        Excuse { scope, catalog, emails: &emails, others: &others }.of_row(&mut statement, table)
    };
    let excuse = excuse.unwrap_or_else(|| String::from("FALSE"));
    let counts = columns.iter().map(|(column, data_type)| {
        let place = statement::column(ROW, column);
        let (raw, text) = (token::raw_text(&place, data_type), token::clean_text(&place, data_type));
        // The rough question first: AND stops there for nearly every row.
        format!(
            "count(*) FILTER (WHERE {raw} ~ ANY({rough})\nAND ({text} ~ ANY({emails}) OR {text} ~ ANY({others}))),\n\
             count(*) FILTER (WHERE {raw} ~ ANY({rough})\nAND {text} ~ ANY({emails})\nAND NOT {text} ~ ANY({others})\n\
             AND ({excuse}))"
        )
    });
    let counts: Vec<String> = counts.collect();
    statement.line(format!("SELECT\n{}", counts.join(",\n")));
    statement.line(format!("FROM {} AS {ROW}", scope.table(table)));
    // A table without the tenant's column belongs to everybody, and is searched as a whole.
    if catalog.tables.get(table).is_some_and(|live| live.columns.contains_key(&scope.map.tenant_column)) {
        let tenant = scope.is_tenants(&mut statement, ROW);
        statement.line(format!("WHERE {tenant}"));
    }
    statement
}

#[derive(Clone, Copy)]
struct Counts {
    found: u64,
    excused: u64,
}

impl Counts {
    fn of(row: &Row, place: usize) -> Result<Self, DatabaseError> {
        let found = row.try_get::<_, i64>(place * 2)?.unsigned_abs();
        let excused = row.try_get::<_, i64>(place * 2 + 1)?.unsigned_abs();
        Ok(Self { found, excused })
    }
}

fn record(report: &mut VerificationReport, scope: TenantScope<'_>, table: &str, column: &str, counts: Counts) {
    let field = scope.map.collections.get(table).and_then(|collection| collection.fields.get(column));
    let column = format!("{}.{table}.{column}", scope.map.schema);
    let mut add = |list: fn(&mut VerificationReport) -> &mut Vec<ColumnFinding>, rows: u64| {
        if rows > 0 {
            list(report).push(ColumnFinding { column: column.clone(), rows });
        }
    };
    if field.is_some_and(|field| field.is_free_text) {
        add(|report| &mut report.mentioned, counts.found);
    } else {
        add(|report| &mut report.held_by_another, counts.excused);
        add(|report| &mut report.left, counts.found.saturating_sub(counts.excused));
    }
}
