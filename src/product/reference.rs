//! The reference product in demos: a believable tenant, and the comparison "what changed, and whose was it?".

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, types::Type};

use crate::domain::{
    Personal,
    plan::{Disposal, Plan},
};

use super::{
    error::ProductError,
    person::PersonKey,
    predicate::{Question, ROW},
    scope::{TenantScope, begin, begin_read},
    statement::{self, Statement},
};

/// Fills an empty tenant of the reference product: some 3,700 rows, the same for the same tenant key. Role `gw_tenant`.
pub async fn seed_reference_tenant(client: &mut Client, scope: TenantScope<'_>) -> Result<(), ProductError> {
    let tx = begin(client, scope).await?;
    tx.raw()
        .batch_execute(include_str!("reference_seed.sql"))
        .await
        .map_err(|error| ProductError::Migrate { source: error.into() })?;
    tx.commit().await
}

/// A team member of a seeded tenant.
pub struct ReferenceMember {
    /// The Atlassian account id.
    pub account_id: Personal<String>,
    /// The e-mail address.
    pub email: Personal<String>,
}

/// The `number`-th team member (1 to 8) of a seeded tenant.
pub async fn reference_member(
    client: &mut Client,
    scope: TenantScope<'_>,
    number: i32,
) -> Result<ReferenceMember, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.text(scope.tenant_key);
    let number = statement.bind(number, Type::INT4);
    statement.line("SELECT account_id, email");
    statement.line("FROM milestone.team_member");
    statement.line(format!("WHERE member_id = md5({tenant}::text || '/member/' || {number})::uuid"));
    let failed = |source| ProductError::CollectIdentifiers { source };
    let rows = tx.rows(&statement).await.map_err(failed)?;
    let row = rows.first().ok_or(ProductError::PlanRefused { what: "the tenant is not seeded" })?;
    Ok(ReferenceMember { account_id: Personal::new(row.get(0)), email: Personal::new(row.get(1)) })
}

/// True while the product's own view, which its sign-in reads, shows the member.
pub async fn reference_member_may_sign_in(
    client: &mut Client,
    scope: TenantScope<'_>,
    account_id: &Personal<String>,
) -> Result<bool, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let account_id = statement.text(account_id.expose_for("a parameter of a statement in the product database"));
    statement.line("SELECT 1");
    statement.line("FROM milestone.member_with_access");
    statement.line(format!("WHERE account_id = {account_id}"));
    let rows = tx.rows(&statement).await.map_err(|source| ProductError::ChangeAccess { source })?;
    Ok(!rows.is_empty())
}

/// A portal user of a seeded tenant.
pub struct ReferencePortalUser {
    /// The Firebase uid.
    pub firebase_uid: Personal<String>,
    /// The e-mail address.
    pub email: Personal<String>,
}

/// The `number`-th portal user (1 to 12) of a seeded tenant.
pub async fn reference_portal_user(
    client: &mut Client,
    scope: TenantScope<'_>,
    number: i32,
) -> Result<ReferencePortalUser, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.text(scope.tenant_key);
    let number = statement.bind(number, Type::INT4);
    statement.line("SELECT firebase_uid, email");
    statement.line("FROM milestone.portal_user");
    statement.line(format!("WHERE portal_user_id = md5({tenant}::text || '/portal/' || {number})::uuid"));
    let failed = |source| ProductError::CollectIdentifiers { source };
    let rows = tx.rows(&statement).await.map_err(failed)?;
    let row = rows.first().ok_or(ProductError::PlanRefused { what: "the tenant is not seeded" })?;
    Ok(ReferencePortalUser { firebase_uid: Personal::new(row.get(0)), email: Personal::new(row.get(1)) })
}

/// True while the product's own view, which its portal's sign-in reads, shows the user.
pub async fn reference_portal_user_may_sign_in(
    client: &mut Client,
    scope: TenantScope<'_>,
    firebase_uid: &Personal<String>,
) -> Result<bool, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut statement = Statement::default();
    let firebase_uid = statement.text(firebase_uid.expose_for("a parameter of a statement in the product database"));
    statement.line("SELECT 1");
    statement.line("FROM milestone.portal_user_with_access");
    statement.line(format!("WHERE firebase_uid = {firebase_uid}"));
    let rows = tx.rows(&statement).await.map_err(|source| ProductError::ChangeAccess { source })?;
    Ok(!rows.is_empty())
}

/// How many people of any kind the product's own views let in.
pub async fn reference_people_with_access(client: &mut Client, scope: TenantScope<'_>) -> Result<u64, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut people = 0;
    for view in ["member_with_access", "portal_user_with_access", "delivery_user_with_access"] {
        let mut statement = Statement::default();
        statement.line("SELECT count(*)");
        statement.line(format!("FROM milestone.{view}"));
        let rows = tx.rows(&statement).await.map_err(|source| ProductError::ChangeAccess { source })?;
        people += rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs());
    }
    Ok(people)
}

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

/// Every row of a tenant, by table and primary key. For demos and tests: it reads the whole tenant.
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
        let failed = |source| ProductError::Preview { table: table.clone(), source };
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
        .flat_map(|root| [root.restricted_column.clone(), root.marked_column.clone()]);
    rewritten.chain(marks).collect()
}
