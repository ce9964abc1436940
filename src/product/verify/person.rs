//! The search for one person's identifiers in every column that can hold text.

use tokio_postgres::{Client, Row, types::Type};

use crate::domain::{
    IdentityKind, Personal,
    catalog::{Catalog, Table},
    verification::{ColumnFinding, VerificationReport},
};

use super::{
    super::{
        catalog,
        error::DatabaseError,
        predicate::ROW,
        scope::{self, Access, TenantScope},
        statement::{self, Statement},
    },
    error::VerifyError,
    excuse::Excuse,
    sight::see_the_tenant,
    token,
};

/// Searches every text-like column (text, JSON, arrays, bytea, inet, …) of every table of the map's schema, mapped or not,
/// for each identifier, in one read-only snapshot. E-mail addresses are compared without regard to case, other identifiers
/// exactly; a column counts rows, not occurrences. `client` must be connected as a role that reads only (`gw_verify`).
///
/// `identifiers` are the values as stored (see [`crate::product::collect_identifiers`]); a value that is stored in two forms must be
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
        for (number, (column, _)) in columns.iter().enumerate() {
            report.columns_read += 1;
            for row in &rows {
                let counts = Counts::of(row, number).map_err(failed)?;
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
    let counts = columns.iter().enumerate().map(|(number, (column, data_type))| {
        let place = statement::column(ROW, column);
        let (raw, text) = (token::raw_text(&place, data_type), token::clean_text(&place, data_type));
        // The rough question first: AND stops there for nearly every row.
        format!(
            "count(*) FILTER (WHERE {raw} ~ ANY({rough})\nAND ({text} ~ ANY({emails}) OR {text} ~ ANY({others})))\n\
             AS found_{number},\n\
             count(*) FILTER (WHERE {raw} ~ ANY({rough})\nAND {text} ~ ANY({emails})\nAND NOT {text} ~ ANY({others})\n\
             AND ({excuse})) AS excused_{number}"
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
    /// Of the column with this number.
    fn of(row: &Row, number: usize) -> Result<Self, DatabaseError> {
        let count = |name: String| row.try_get::<_, i64>(name.as_str()).map(i64::unsigned_abs);
        Ok(Self { found: count(format!("found_{number}"))?, excused: count(format!("excused_{number}"))? })
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
