//! Rectification: what the source of an account says of it replaces what the product has copied, behind the fence and by the
//! source's own time.
//!
//! ```text
//!  first transaction   tenant's fence ─▶ person's fence, under its lock ─▶ what is older is left out ─▶ own row, access
//!  then, batch by batch, each in a transaction of its own that asks again:  copies of the values in other rows
//! ```
//!
//! Source: GDPR, article 16; Atlassian, "User privacy guide for app developers" (an account that is `updated`). Whoever dies
//! between two batches is run again: a row that says the right thing already is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use super::{
    access,
    error::ProductError,
    fence::{Digest, FenceVerdict, fence_verdict, tenant_verdict},
    leaving::read_leaving,
    person::{PersonKey, is_own_row},
    profile::{self, Remembered},
    scope::{ProductTx, TenantScope, begin},
    statement::{self, Statement},
};
use crate::{
    datamap::map::{ProfileColumn, SubjectRoot},
    domain::{IdentityKind, Personal, profile::ProfileAttribute},
};

/// Rows with a copy of a value that one transaction corrects.
const BATCH_ROWS_MAX: i64 = 1_000;
/// Batches of one run; what is left then is left to the next attempt.
const BATCHES_MAX: usize = 10_000;

/// What is told of a person.
#[derive(Debug, Clone, Copy)]
pub struct Rectification<'a> {
    /// Whom it is about, found by the anchor.
    pub person: &'a PersonKey,
    /// The digests of the anchor, one for each live key, current first.
    pub digests: &'a [Digest],
    /// When it was said, in source time and whole microseconds, which is what a database can remember.
    pub told_at: Timestamp,
    /// Each attribute that was spoken of; `None` is no value.
    pub attributes: &'a BTreeMap<ProfileAttribute, Option<Personal<String>>>,
    /// Whether access has to go off (`false`) or come back (`true`); `None` leaves it alone.
    pub is_active: Option<bool>,
    /// False when the attributes are emptied because nobody knows what is right: then a value of an earlier time, which
    /// arrives late, is more than nothing.
    pub is_said: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rectified {
    /// The product says what was told, of everything that nothing newer was told of. Counts of what this run has changed: zero
    /// when it was repeated.
    Applied {
        /// Rows whose text was corrected, the person's own and others.
        rows: u64,
        /// Own rows whose access went off or came back.
        access: u64,
    },
    /// Of something a newer word was told already; the rest was applied.
    Stale,
    /// The person was erased and has not returned; nothing changed.
    Refused,
    /// Everything of the tenant was deleted, or is being deleted; nothing changed.
    TenantGone,
}

/// Corrects everything that the data map calls a copy of these attributes, and changes access. Fails with
/// [`ProductError::Unfinished`] when there are more rows than one run may correct. Safe to repeat.
pub async fn rectify(
    client: &mut Client,
    scope: TenantScope<'_>,
    said: &Rectification<'_>,
) -> Result<Rectified, ProductError> {
    let root = scope.subject_root(&said.person.kind)?;
    let tx = begin(client, scope).await?;
    if let Some(rejection) = rejection(&tx, root.anchor, said).await? {
        return Ok(rejection);
    }
    let before = profile::read(&tx, root.anchor, said.digests).await?;
    let newer = |at: Option<&Timestamp>| at.is_some_and(|at| *at > said.told_at);
    let is_older = |attribute: &ProfileAttribute| newer(before.attributes.get(attribute));
    let fresh: BTreeMap<_, _> = said.attributes.iter().filter(|(attribute, _)| !is_older(attribute)).collect();
    let mut is_stale = fresh.len() < said.attributes.len();
    let mut rows = correct_own_row(&tx, root, said.person, &fresh).await?;
    let mut after = before.clone();
    if said.is_said {
        after.attributes.extend(fresh.keys().map(|attribute| (**attribute, said.told_at)));
    }
    let mut access = 0;
    if let Some(is_active) = said.is_active {
        if newer(before.active_at.as_ref()) {
            is_stale = true;
        } else {
            access = change_access(&tx, root, said, is_active, &mut after).await?;
        }
    }
    if after != before {
        profile::write(&tx, root.anchor, said.digests, &after).await?;
    }
    tx.commit().await?;
    for (attribute, value) in fresh {
        let columns = root.profile.get(attribute).map(Vec::as_slice).unwrap_or_default();
        for column in columns.iter().filter(|column| column.collection != root.collection) {
            match correct_copies(client, scope, said, *attribute, (column, value.as_ref())).await? {
                Some(corrected) => rows += corrected,
                None => is_stale = true,
            }
        }
    }
    Ok(if is_stale { Rectified::Stale } else { Rectified::Applied { rows, access } })
}

/// The fences, asked under their locks.
async fn rejection(
    tx: &ProductTx<'_, '_>,
    anchor: IdentityKind,
    said: &Rectification<'_>,
) -> Result<Option<Rectified>, ProductError> {
    if tenant_verdict(tx, said.told_at).await? == FenceVerdict::Refused {
        return Ok(Some(Rectified::TenantGone));
    }
    let verdict = fence_verdict(tx, anchor, said.digests, said.told_at).await?;
    Ok((verdict == FenceVerdict::Refused).then_some(Rectified::Refused))
}

async fn correct_own_row(
    tx: &ProductTx<'_, '_>,
    root: &SubjectRoot,
    person: &PersonKey,
    attributes: &BTreeMap<&ProfileAttribute, &Option<Personal<String>>>,
) -> Result<u64, ProductError> {
    let mut statement = Statement::default();
    let (mut set, mut differs) = (Vec::new(), Vec::new());
    for (attribute, value) in attributes {
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
    let own_row = is_own_row(&mut statement, tx.scope(), person, "t")?;
    statement.line(format!("UPDATE {} AS t", tx.scope().table(&root.collection)));
    statement.line(format!("SET {}", set.join(",\n")));
    statement.line(format!("WHERE {own_row}"));
    statement.line(format!("AND ({})", differs.join(" OR ")));
    tx.change(&statement).await.map_err(|source| ProductError::Rectify { source })
}

fn value_of<'a>(statement: &mut Statement<'a>, value: Option<&'a Personal<String>>) -> String {
    let text = value.map(|value| value.expose_for("a parameter of a statement in the product database").as_str());
    statement.bind(text, Type::TEXT)
}

/// Revokes the access of an account that was deactivated, or restores what was revoked for that and nothing else; while the
/// tenant is leaving, access stays revoked by that instant. Returns how many rows have changed.
async fn change_access(
    tx: &ProductTx<'_, '_>,
    root: &SubjectRoot,
    said: &Rectification<'_>,
    is_active: bool,
    remembered: &mut Remembered,
) -> Result<u64, ProductError> {
    remembered.active_at = Some(said.told_at);
    let leaving = read_leaving(tx).await?;
    if !is_active {
        // The first instant stays. It is set again: the product may have made the person's row anew.
        let at = *remembered.deactivated_at.get_or_insert(said.told_at);
        // What the leaving of the whole tenant has set is replaced, so that its return leaves this person out.
        return Ok(access::restrict(tx, said.person, root, at, &leaving.all).await?.people);
    }
    match remembered.deactivated_at.take() {
        Some(ours) => access::replace(tx, said.person, root, ours, leaving.now).await,
        None => Ok(0),
    }
}

/// Corrects one column of rows that are bonded to the person. `None` when something newer was told meanwhile.
async fn correct_copies(
    client: &mut Client,
    scope: TenantScope<'_>,
    said: &Rectification<'_>,
    attribute: ProfileAttribute,
    (column, value): (&ProfileColumn, Option<&Personal<String>>),
) -> Result<Option<u64>, ProductError> {
    let failed = |source| ProductError::Rectify { source };
    let root = scope.subject_root(&said.person.kind)?;
    let mut corrected = 0;
    for _ in 0..BATCHES_MAX {
        let tx = begin(client, scope).await?;
        let is_refused = rejection(&tx, root.anchor, said).await?.is_some();
        let said_at = profile::read(&tx, root.anchor, said.digests).await?.attributes.get(&attribute).copied();
        if is_refused || said_at.is_some_and(|at| at > said.told_at) {
            return Ok(None);
        }
        let statement = copies(scope, root, said.person, column, value)?;
        let rows = tx.rows(&statement).await.map_err(failed)?;
        let row = rows.first().ok_or(ProductError::Unfinished { table: column.collection.clone() })?;
        let count = |place: usize| row.try_get::<_, i64>(place).map_err(|error| failed(error.into()));
        let (chosen, changed) = (count(0)?, count(1)?);
        tx.commit().await?;
        corrected += changed.unsigned_abs();
        // Not when nothing was changed: a row that the product writes at this moment is chosen, and changed by the next batch.
        if chosen == 0 {
            return Ok(Some(corrected));
        }
    }
    Err(ProductError::Unfinished { table: column.collection.clone() })
}

fn copies<'a>(
    scope: TenantScope<'a>,
    root: &'a SubjectRoot,
    person: &'a PersonKey,
    column: &'a ProfileColumn,
    value: Option<&'a Personal<String>>,
) -> Result<Statement<'a>, ProductError> {
    let gap = || ProductError::MapGap { collection: column.collection.clone(), what: "the bond to the person's row" };
    let collection = scope.collection(&column.collection)?;
    let bond = collection.ownership.iter().find(|bond| bond.also_rewrites.contains(&column.column)).ok_or_else(gap)?;
    let by = collection.fields.get(&bond.by).and_then(|field| field.references.as_ref()).ok_or_else(gap)?;
    if by.collection != root.collection {
        return Err(gap());
    }
    let mut statement = Statement::default();
    let value = value_of(&mut statement, value);
    let (tenant, table) = (scope.is_tenants(&mut statement, "o"), scope.table(&column.collection));
    let other_tenant = scope.is_tenants(&mut statement, "t");
    let own_row = is_own_row(&mut statement, scope, person, "p")?;
    let most = statement.bind(BATCH_ROWS_MAX, Type::INT8);
    statement.line("WITH chosen AS (");
    statement.line("SELECT o.ctid AS place");
    statement.line(format!("FROM {table} AS o"));
    statement.line(format!("WHERE {tenant}"));
    statement.line(format!("AND {} IN (", statement::column("o", &bond.by)));
    statement.line(format!("SELECT {}", statement::column("p", &by.column)));
    statement.line(format!("FROM {} AS p", scope.table(&root.collection)));
    statement.line(format!("WHERE {own_row}"));
    statement.line(")");
    statement.line(format!("AND {} IS DISTINCT FROM {value}", statement::column("o", &column.column)));
    statement.line(format!("LIMIT {most}"));
    statement.line("FOR UPDATE OF o");
    statement.line("), changed AS (");
    statement.line(format!("UPDATE {table} AS t"));
    statement.line(format!("SET {} = {value}", statement::quoted(&column.column)));
    statement.line(format!("WHERE {other_tenant}"));
    statement.line("AND t.ctid = ANY(ARRAY(SELECT place FROM chosen))");
    statement.line("RETURNING 1");
    statement.line(")");
    statement.line("SELECT (SELECT count(*) FROM chosen), (SELECT count(*) FROM changed)");
    Ok(statement)
}
