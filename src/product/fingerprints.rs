//! The comparison "what changed, and whose was it?": every row of a tenant as digests, before and after. For demos and tests.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, types::Type};

use crate::domain::plan::{Disposal, Plan};

use super::{
    error::ProductError,
    person::PersonKey,
    predicate::{Question, ROW},
    scope::{TenantScope, begin_read},
    statement::{self, Statement},
};

/// One row as it is now: digests only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digest of the whole row.
    pub whole: String,
    /// Digest of the columns that an erasure of this person must not touch.
    pub undeclared: String,
    /// True when the row refers to the person.
    pub is_about_person: bool,
}

/// Every row of a tenant, by table and primary key. It reads the whole tenant.
pub type Fingerprints = BTreeMap<(String, String), Fingerprint>;

/// Takes the fingerprints of a tenant with regard to one person.
pub async fn fingerprints(
    client: &mut Client,
    scope: TenantScope<'_>,
    plan: &Plan,
    person: &PersonKey,
) -> Result<Fingerprints, ProductError> {
    let question = Question { scope, plan, person, pseudonym: None };
    question.check()?;
    let tx = begin_read(client, scope).await?;
    let mut found = Fingerprints::new();
    for (table, collection) in &scope.map.collections {
        let failed = |source| ProductError::CollectIdentifiers { source };
        let key = key_of(&collection.primary_key);
        let about = if plan.steps.iter().any(|step| step.table == *table) {
            let mut statement = Statement::default();
            statement.line(format!("SELECT {key}"));
            question.rows_about(&mut statement, table)?;
            tx.rows(&statement).await.map_err(failed)?.iter().map(|row| row.get(0)).collect()
        } else {
            BTreeSet::<String>::new()
        };
        let mut statement = Statement::default();
        let declared = statement.bind(declared_columns(scope, plan, table), Type::TEXT_ARRAY);
        let tenant = scope.is_tenants(&mut statement, ROW);
        statement.line(format!("SELECT {key}, md5({ROW}::text), md5((to_jsonb({ROW}) - {declared})::text)"));
        statement.line(format!("FROM {} AS {ROW}", scope.table(table)));
        statement.line(format!("WHERE {tenant}"));
        for row in tx.rows(&statement).await.map_err(failed)? {
            let key: String = row.get(0);
            let is_about_person = about.contains(&key);
            let fingerprint = Fingerprint { whole: row.get(1), undeclared: row.get(2), is_about_person };
            found.insert((table.clone(), key), fingerprint);
        }
    }
    Ok(found)
}

/// Rows that changed although they must not: those of other people that changed at all or are gone, and those about the
/// person that changed outside the declared columns. Names tables, never keys.
pub fn changed_beyond_declared(before: &Fingerprints, after: &Fingerprints) -> BTreeMap<String, u64> {
    let mut changed = BTreeMap::new();
    for ((table, key), row) in before {
        let is_wrong = match after.get(&(table.clone(), key.clone())) {
            None => !row.is_about_person,
            Some(now) if row.is_about_person => now.undeclared != row.undeclared,
            Some(now) => now.whole != row.whole,
        };
        if is_wrong {
            *changed.entry(table.clone()).or_insert(0) += 1;
        }
    }
    for (table, key) in after.keys() {
        if !before.contains_key(&(table.clone(), key.clone())) {
            *changed.entry(table.clone()).or_insert(0) += 1;
        }
    }
    changed
}

fn key_of(primary_key: &[String]) -> String {
    let columns: Vec<String> =
        primary_key.iter().map(|name| format!("{}::text", statement::column(ROW, name))).collect();
    format!("concat_ws('/', {})", columns.join(", "))
}

fn declared_columns(scope: TenantScope<'_>, plan: &Plan, table: &str) -> Vec<String> {
    let rewritten = plan.steps.iter().filter(|step| step.table == table).flat_map(|step| match &step.disposal {
        Disposal::RewriteColumns { columns } => columns.iter().map(|column| column.column.clone()).collect(),
        Disposal::DeleteRows | Disposal::DeleteUnlessOwned { .. } => Vec::new(),
    });
    let marks = scope
        .map
        .subjects
        .values()
        .filter(|root| root.collection == table)
        .flat_map(|root| [root.restricted_column.clone(), root.flagged_column.clone()]);
    rewritten.chain(marks).collect()
}
