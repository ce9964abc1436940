//! Rectification: what the source of an account says of it replaces what the product has copied, behind the fence and by the
//! source's own time.
//!
//! ```text
//!  first transaction   tenant's fence ─▶ person's fence, under its lock ─▶ told_at: older is stale ─▶ own row, access
//!  then, batch by batch, each in a transaction of its own that asks again:  copies of the values in other rows
//! ```
//!
//! Source: GDPR, article 16; Atlassian, "User privacy guide for app developers" (an account that is `updated`). Whoever dies
//! between two batches is run again: a row that says the right thing already is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    error::TargetError,
    fence::{Digest, FenceVerdict, fence_verdict, tenant_verdict},
    person::{PersonKey, is_own_row},
    scope::{TargetTx, TenantScope, begin},
    statement::{self, Statement},
};
use crate::{
    datamap::map::{ProfileColumn, SubjectRoot},
    domain::{IdentityKind, Personal, profile::ProfileAttribute},
};

/// Rows with a copy of a value that one transaction corrects.
pub const RECTIFY_BATCH_ROWS_MAX: i64 = 1_000;
/// Batches of one run; what is left then is left to the next attempt.
const BATCHES_MAX: usize = 10_000;

/// What is told of a person.
#[derive(Debug, Clone, Copy)]
pub struct Rectification<'a> {
    /// Whom it is about, found by the anchor.
    pub person: &'a PersonKey,
    /// The digests of the anchor, one for each live key, current first.
    pub digests: &'a [Digest],
    /// When it was said, in source time.
    pub told_at: Timestamp,
    /// Each attribute that was spoken of; `None` is no value.
    pub attributes: &'a BTreeMap<ProfileAttribute, Option<Personal<String>>>,
    /// Whether access has to go off (`false`) or come back (`true`); `None` leaves it alone.
    pub is_active: Option<bool>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rectified {
    /// The product says what was told. Counts of what this run has changed: zero when it was repeated.
    Applied {
        /// Rows whose text was corrected, the person's own and others.
        rows: u64,
        /// Own rows whose access went off or came back.
        access: u64,
    },
    /// Something newer was told already; nothing changed.
    Stale,
    /// The person was erased and has not returned; nothing changed.
    Refused,
    /// Everything of the tenant was deleted, or is being deleted; nothing changed.
    TenantGone,
}

/// Corrects everything that the data map calls a copy of these attributes, and changes access. What changes nothing by being
/// only about access is not remembered. Fails with [`TargetError::Unfinished`] when there
/// are more rows than one run may correct. Safe to repeat.
pub async fn rectify(
    client: &mut Client,
    scope: TenantScope<'_>,
    said: &Rectification<'_>,
) -> Result<Rectified, TargetError> {
    let root = scope.subject_root(&said.person.kind)?;
    let tx = begin(client, scope).await?;
    if let Some(refusal) = refusal(&tx, root.anchor, said).await? {
        return Ok(refusal);
    }
    let restricted_at = match last_word(&tx, root.anchor, said).await? {
        Some((told_at, _)) if told_at > said.told_at => return Ok(Rectified::Stale),
        Some((_, restricted_at)) => restricted_at,
        None => None,
    };
    let mut rows = correct_own_row(&tx, root, said).await?;
    let (restricted_at, access) = change_access(&tx, root, said, restricted_at).await?;
    if said.attributes.is_empty() && access == 0 {
        return Ok(Rectified::Applied { rows: 0, access });
    }
    remember(&tx, root.anchor, said, restricted_at).await?;
    tx.commit().await?;
    for (attribute, columns) in &root.profile {
        let Some(value) = said.attributes.get(attribute) else { continue };
        for column in columns.iter().filter(|column| column.collection != root.collection) {
            match correct_copies(client, scope, said, column, value.as_ref()).await? {
                Some(corrected) => rows += corrected,
                None => return Ok(Rectified::Stale),
            }
        }
    }
    Ok(Rectified::Applied { rows, access })
}

/// The fences, asked under their locks.
async fn refusal(
    tx: &TargetTx<'_, '_>,
    anchor: IdentityKind,
    said: &Rectification<'_>,
) -> Result<Option<Rectified>, TargetError> {
    if tenant_verdict(tx, said.told_at).await? == FenceVerdict::Refused {
        return Ok(Some(Rectified::TenantGone));
    }
    let verdict = fence_verdict(tx, anchor, said.digests, said.told_at).await?;
    Ok((verdict == FenceVerdict::Refused).then_some(Rectified::Refused))
}

/// When something was told last, and what was set then. The digests' lock is held, so nobody writes it meanwhile.
async fn last_word(
    tx: &TargetTx<'_, '_>,
    anchor: IdentityKind,
    said: &Rectification<'_>,
) -> Result<Option<(Timestamp, Option<Timestamp>)>, TargetError> {
    let failed = |source| TargetError::Rectify { source };
    let mut statement = Statement::default();
    let identity = is_of(&mut statement, tx.scope(), anchor, said.digests);
    statement.line("SELECT profile.told_at, profile.restricted_at");
    statement.line("FROM milestone_gateway.profile AS profile");
    statement.line(format!("WHERE {identity}"));
    statement.line("ORDER BY profile.told_at DESC");
    statement.line("LIMIT 1");
    let rows = tx.rows(&statement).await.map_err(failed)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let read = || Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
    read().map(Some).map_err(|error| failed(error.into()))
}

/// Under the digest key in use: after a rotation the older digest goes.
async fn remember(
    tx: &TargetTx<'_, '_>,
    anchor: IdentityKind,
    said: &Rectification<'_>,
    restricted_at: Option<Timestamp>,
) -> Result<(), TargetError> {
    let failed = |source| TargetError::Rectify { source };
    let mut before = Statement::default();
    let identity = is_of(&mut before, tx.scope(), anchor, said.digests);
    before.line("DELETE FROM milestone_gateway.profile AS profile");
    before.line(format!("WHERE {identity}"));
    tx.change(&before).await.map_err(failed)?;
    let (key_id, digest) = said.digests.first().ok_or(TargetError::NoDigest)?;
    let mut statement = Statement::default();
    let tenant = statement.bind(tx.scope().tenant_key, Type::TEXT);
    let kind = statement.bind(anchor.as_str(), Type::TEXT);
    let key_id = statement.bind(*key_id, Type::INT4);
    let digest = statement.bind(digest.as_slice(), Type::BYTEA);
    let told_at = statement.bind(said.told_at, Type::TIMESTAMPTZ);
    let restricted_at = statement.bind(restricted_at, Type::TIMESTAMPTZ);
    statement.line("INSERT INTO milestone_gateway.profile");
    statement.line("(tenant_key, identity_kind, digest_key_id, digest, told_at, restricted_at)");
    statement.line(format!("VALUES ({tenant}, {kind}, {key_id}, {digest}, {told_at}, {restricted_at})"));
    tx.change(&statement).await.map_err(failed).map(|_| ())
}

fn is_of<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    anchor: IdentityKind,
    digests: &[Digest],
) -> String {
    let (keys, bytes): (Vec<i32>, Vec<Vec<u8>>) = digests.iter().map(|(key, digest)| (*key, digest.to_vec())).unzip();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let kind = statement.bind(anchor.as_str(), Type::TEXT);
    let keys = statement.bind(keys, Type::INT4_ARRAY);
    let bytes = statement.bind(bytes, Type::BYTEA_ARRAY);
    format!(
        "profile.tenant_key = {tenant}\nAND profile.identity_kind = {kind}\n\
         AND (profile.digest_key_id, profile.digest) IN (\n\
         SELECT d.key_id, d.digest\nFROM unnest({keys}, {bytes}) AS d (key_id, digest)\n)"
    )
}

async fn correct_own_row(
    tx: &TargetTx<'_, '_>,
    root: &SubjectRoot,
    said: &Rectification<'_>,
) -> Result<u64, TargetError> {
    let mut statement = Statement::default();
    let (mut set, mut differs) = (Vec::new(), Vec::new());
    for (attribute, value) in said.attributes {
        let columns = root.profile.get(attribute).map(Vec::as_slice).unwrap_or_default();
        for column in columns.iter().filter(|column| column.collection == root.collection) {
            let place = value_of(&mut statement, value.as_ref());
            set.push(format!("{} = {place}", statement::quoted(&column.column)));
            differs.push(format!("{} IS DISTINCT FROM {place}", statement::column("t", &column.column)));
        }
    }
    if set.is_empty() {
        return Ok(0);
    }
    let own_row = is_own_row(&mut statement, tx.scope(), said.person, "t")?;
    statement.line(format!("UPDATE {} AS t", tx.scope().table(&root.collection)));
    statement.line(format!("SET {}", set.join(",\n")));
    statement.line(format!("WHERE {own_row}"));
    statement.line(format!("AND ({})", differs.join(" OR ")));
    tx.change(&statement).await.map_err(|source| TargetError::Rectify { source })
}

fn value_of<'a>(statement: &mut Statement<'a>, value: Option<&'a Personal<String>>) -> String {
    let text = value.map(|value| value.expose_for("a parameter of a statement in the target").as_str());
    statement.bind(text, Type::TEXT)
}

/// Takes access away from an account that was deactivated, or gives back what was taken for that and nothing else. Returns
/// what the gateway has set now, and how many rows have changed.
async fn change_access(
    tx: &TargetTx<'_, '_>,
    root: &SubjectRoot,
    said: &Rectification<'_>,
    restricted_at: Option<Timestamp>,
) -> Result<(Option<Timestamp>, u64), TargetError> {
    match (said.is_active, restricted_at) {
        (Some(false), None) => {
            let changed = super::access::restrict(tx, said.person, root, said.told_at, &[]).await?;
            Ok(((changed.people > 0).then_some(said.told_at), changed.people))
        }
        (Some(true), Some(ours)) => Ok((None, super::access::lift(tx, said.person, root, ours).await?)),
        (Some(true) | None, None) | (Some(false) | None, Some(_)) => Ok((restricted_at, 0)),
    }
}

/// Corrects one column of rows that are bonded to the person. `None` when something newer was told meanwhile.
async fn correct_copies(
    client: &mut Client,
    scope: TenantScope<'_>,
    said: &Rectification<'_>,
    column: &ProfileColumn,
    value: Option<&Personal<String>>,
) -> Result<Option<u64>, TargetError> {
    let root = scope.subject_root(&said.person.kind)?;
    let mut corrected = 0;
    for _ in 0..BATCHES_MAX {
        let tx = begin(client, scope).await?;
        if refusal(&tx, root.anchor, said).await?.is_some()
            || last_word(&tx, root.anchor, said).await?.is_none_or(|(told_at, _)| told_at != said.told_at)
        {
            return Ok(None);
        }
        let statement = copies(scope, root, said.person, column, value)?;
        let changed = tx.change(&statement).await.map_err(|source| TargetError::Rectify { source })?;
        tx.commit().await?;
        corrected += changed;
        // Not "fewer than a whole batch": a row that the product writes at this moment is missed by one batch only.
        if changed == 0 {
            return Ok(Some(corrected));
        }
    }
    Err(TargetError::Unfinished { table: column.collection.clone() })
}

fn copies<'a>(
    scope: TenantScope<'a>,
    root: &'a SubjectRoot,
    person: &'a PersonKey,
    column: &'a ProfileColumn,
    value: Option<&'a Personal<String>>,
) -> Result<Statement<'a>, TargetError> {
    let gap = || TargetError::MapGap { collection: column.collection.clone(), what: "the bond to the person's row" };
    let collection = scope.collection(&column.collection)?;
    let bond = collection.ownership.iter().find(|bond| bond.also_rewrites.contains(&column.column)).ok_or_else(gap)?;
    let by = collection.fields.get(&bond.by).and_then(|field| field.references.as_ref()).ok_or_else(gap)?;
    if by.collection != root.collection {
        return Err(gap());
    }
    let mut statement = Statement::default();
    let value = value_of(&mut statement, value);
    let (tenant, table) = (scope.is_tenants(&mut statement, "t"), scope.table(&column.collection));
    let other_tenant = scope.is_tenants(&mut statement, "o");
    let own_row = is_own_row(&mut statement, scope, person, "p")?;
    let most = statement.bind(RECTIFY_BATCH_ROWS_MAX, Type::INT8);
    statement.line(format!("UPDATE {table} AS t"));
    statement.line(format!("SET {} = {value}", statement::quoted(&column.column)));
    statement.line(format!("WHERE {tenant}"));
    statement.line("AND t.ctid = ANY(ARRAY(");
    statement.line("SELECT o.ctid");
    statement.line(format!("FROM {table} AS o"));
    statement.line(format!("WHERE {other_tenant}"));
    statement.line(format!("AND {} IN (", statement::column("o", &bond.by)));
    statement.line(format!("SELECT {}", statement::column("p", &by.column)));
    statement.line(format!("FROM {} AS p", scope.table(&root.collection)));
    statement.line(format!("WHERE {own_row}"));
    statement.line(")");
    statement.line(format!("AND {} IS DISTINCT FROM {value}", statement::column("o", &column.column)));
    statement.line(format!("LIMIT {most}"));
    statement.line("FOR UPDATE OF o");
    statement.line("))");
    Ok(statement)
}
