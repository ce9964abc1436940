//! A person's access: revoked at once, restored after a return, and the flag of day 30 that says their data is about to go.

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use crate::datamap::map::SubjectRoot;

use super::{
    error::ProductError,
    fence::{Digest, lock_person, share_tenant},
    leaving::read_leaving,
    person::{PersonKey, is_own_row},
    profile,
    scope::{ProductTx, TenantScope, begin},
    statement::{self, Statement},
};

/// What revoking access has changed. Both are zero when it was repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RevokedAccess {
    /// Rows of the person that became restricted now.
    pub people: u64,
    /// Sessions that were deleted.
    pub sessions: u64,
}

/// Revokes access in one transaction: sets the restricted column to `at` where it is null, or holds one of `replaced`
/// (what the offboarding of the whole tenant has set) or what was set when the account was deactivated, and deletes the sessions.
/// `digests` are those of the person's anchor. Repeating is safe and keeps the first instant.
pub async fn revoke_access(
    client: &mut Client,
    scope: TenantScope<'_>,
    (person, digests): (&PersonKey, &[Digest]),
    at: Timestamp,
    replaced: &[Timestamp],
) -> Result<RevokedAccess, ProductError> {
    let root = scope.subject_root(&person.kind)?;
    let tx = begin(client, scope).await?;
    // Under the lock: an activation that came in between would find its own instant and let the person in.
    lock_person(&tx, root.anchor, digests).await?;
    let deactivated_at = profile::read(&tx, root.anchor, digests).await?.deactivated_at;
    let replaced: Vec<Timestamp> = replaced.iter().copied().chain(deactivated_at).collect();
    let changed = restrict(&tx, person, root, at, &replaced).await?;
    tx.commit().await?;
    Ok(changed)
}

/// As [`revoke_access`], within a transaction of the caller's.
pub(super) async fn restrict(
    tx: &ProductTx<'_, '_>,
    person: &PersonKey,
    root: &SubjectRoot,
    at: Timestamp,
    replaced: &[Timestamp],
) -> Result<RevokedAccess, ProductError> {
    let people = set_once(tx, person, &root.restricted_column, at, replaced).await?;
    let mut sessions = 0;
    for link in &root.sessions {
        sessions += delete_sessions(tx, person, &link.collection, &link.column).await?;
    }
    Ok(RevokedAccess { people, sessions })
}

/// Sets the restricted column to another instant, or to none, where it holds this one. Returns how many rows of the person
/// changed.
pub(super) async fn replace(
    tx: &ProductTx<'_, '_>,
    person: &PersonKey,
    root: &SubjectRoot,
    restricted_at: Timestamp,
    by: Option<Timestamp>,
) -> Result<u64, ProductError> {
    let scope = tx.scope();
    let column = statement::quoted(&root.restricted_column);
    let mut statement = Statement::default();
    let ours = statement.bind(restricted_at, Type::TIMESTAMPTZ);
    let by = statement.bind(by, Type::TIMESTAMPTZ);
    let own_row = is_own_row(&mut statement, scope, person, "t")?;
    statement.line(format!("UPDATE {} AS t", scope.table(&root.collection)));
    statement.line(format!("SET {column} = {by}"));
    statement.line(format!("WHERE {own_row}"));
    statement.line(format!("AND t.{column} = {ours}"));
    tx.change(&statement).await.map_err(|source| ProductError::ChangeAccess { source })
}

/// Restores access: clears the marked column, and the restricted column where it holds one of `restricted_at`, the
/// instants that the gateway itself has set; a suspension that the product has set stays. Where the account is deactivated or
/// the whole tenant is leaving, the instant of that takes its place. Returns how many rows of the person changed; zero when
/// it was repeated. Sessions do not come back: the person signs in again.
pub async fn restore_access(
    client: &mut Client,
    scope: TenantScope<'_>,
    (person, digests): (&PersonKey, &[Digest]),
    restricted_at: &[Timestamp],
) -> Result<u64, ProductError> {
    let root = scope.subject_root(&person.kind)?;
    let (restricted, marked) = (statement::quoted(&root.restricted_column), statement::quoted(&root.flagged_column));
    let tx = begin(client, scope).await?;
    share_tenant(&tx).await.map_err(|source| ProductError::ChangeAccess { source })?;
    lock_person(&tx, root.anchor, digests).await?;
    let deactivated_at = profile::read(&tx, root.anchor, digests).await?.deactivated_at;
    let by = deactivated_at.or(read_leaving(&tx).await?.now);
    let mut statement = Statement::default();
    let own_row = is_own_row(&mut statement, scope, person, "t")?;
    statement.line(format!("UPDATE {} AS t", scope.table(&root.collection)));
    let ours = statement.bind(restricted_at.to_vec(), Type::TIMESTAMPTZ_ARRAY);
    let by = statement.bind(by, Type::TIMESTAMPTZ);
    statement.line(format!(
        "SET {restricted} = CASE WHEN t.{restricted} = ANY({ours}) THEN {by} ELSE t.{restricted} END, {marked} = NULL"
    ));
    statement.line(format!("WHERE {own_row}"));
    statement.line(format!("AND (t.{restricted} = ANY({ours}) OR t.{marked} IS NOT NULL)"));
    let people = tx.change(&statement).await.map_err(|source| ProductError::ChangeAccess { source })?;
    tx.commit().await?;
    Ok(people)
}

/// Day 30: sets the marked column to `at` where it is null. Returns how many rows of the person changed; zero when it was
/// repeated.
pub async fn flag_for_deletion(
    client: &mut Client,
    scope: TenantScope<'_>,
    person: &PersonKey,
    at: Timestamp,
) -> Result<u64, ProductError> {
    let column = &scope.subject_root(&person.kind)?.flagged_column;
    let tx = begin(client, scope).await?;
    let people = set_once(&tx, person, column, at, &[]).await?;
    tx.commit().await?;
    Ok(people)
}

async fn set_once(
    tx: &ProductTx<'_, '_>,
    person: &PersonKey,
    column: &str,
    at: Timestamp,
    replaced: &[Timestamp],
) -> Result<u64, ProductError> {
    let scope = tx.scope();
    let root = scope.subject_root(&person.kind)?;
    let column = statement::quoted(column);
    let mut statement = Statement::default();
    let at = statement.bind(at, Type::TIMESTAMPTZ);
    let own_row = is_own_row(&mut statement, scope, person, "t")?;
    statement.line(format!("UPDATE {} AS t", scope.table(&root.collection)));
    statement.line(format!("SET {column} = {at}"));
    statement.line(format!("WHERE {own_row}"));
    let replaced = statement.bind(replaced.to_vec(), Type::TIMESTAMPTZ_ARRAY);
    statement.line(format!("AND (t.{column} IS NULL OR t.{column} = ANY({replaced}))"));
    tx.change(&statement).await.map_err(|source| ProductError::ChangeAccess { source })
}

async fn delete_sessions(
    tx: &ProductTx<'_, '_>,
    person: &PersonKey,
    collection: &str,
    column: &str,
) -> Result<u64, ProductError> {
    let scope = tx.scope();
    let root = scope.subject_root(&person.kind)?;
    let gap = || ProductError::MapGap { collection: collection.to_owned(), what: "the reference to the person's row" };
    let field = scope.collection(collection)?.fields.get(column);
    let reference = field.and_then(|field| field.references.as_ref()).ok_or_else(gap)?;
    if reference.collection != root.collection {
        return Err(gap());
    }
    let mut statement = Statement::default();
    let tenant = scope.is_tenants(&mut statement, "t");
    let own_row = is_own_row(&mut statement, scope, person, "p")?;
    statement.line(format!("DELETE FROM {} AS t", scope.table(collection)));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {} IN (", statement::column("t", column)));
    statement.line(format!("SELECT {}", statement::column("p", &reference.column)));
    statement.line(format!("FROM {} AS p", scope.table(&root.collection)));
    statement.line(format!("WHERE {own_row}"));
    statement.line(")");
    tx.change(&statement).await.map_err(|source| ProductError::ChangeAccess { source })
}
