//! The mirror of the gateway's fences: nobody who was erased comes back by a late, repeated or restored event.
//!
//! **The lock.** Whoever writes a person into a product database, and whoever writes a fence, first takes, in the same transaction,
//! `pg_advisory_xact_lock(hashtextextended('milestone_gateway.fence/' || tenant_key || '/' || encode(digest, 'hex'), 0))`
//! for each digest (one for every live key of the digest ring), in ascending order of the lock's number. So a writer
//! either commits before the fence, and then the deletion that follows finds its row, or it reads the fence. Two digests
//! that share the 64-bit number only wait for each other.
//!
//! **The whole tenant.** A fence of kind `tenant` covers everybody. It is written under a lock on the tenant's key alone,
//! which every writer shares, whoever it writes about.
//!
//! **The reading.** The fence is read by a statement of its own after the lock was granted: a statement's snapshot is
//! taken before it waits, so one statement that did both would overlook the fence it had waited for.

use futures_util::future;
use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use crate::domain::{FenceKind, IdentityKind};

use super::{
    error::{DatabaseError, ProductError},
    scope::{ProductTx, TenantScope, begin},
    statement::Statement,
};

/// The id of a digest key and the digest made with it.
pub type Digest = (i32, [u8; 32]);

/// One fence as the gateway's own database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceRow {
    /// The anchor's kind, or the whole tenant.
    pub kind: FenceKind,
    /// Which key of the digest ring was used.
    pub digest_key_id: i32,
    /// The keyed digest of the identity or of the tenant's key.
    pub digest: [u8; 32],
    /// 1 for the first erasure of this identity, one more after each return.
    pub generation: i32,
    /// Source time up to which nothing of this person counts.
    pub covers_until: Timestamp,
    /// When the fence may be forgotten; see [`forget_expired_fences`].
    pub expires_at: Timestamp,
}

/// What the fence says about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FenceVerdict {
    /// No fence stands in the way.
    Clear,
    /// The person was erased and, at this source time, had not come back.
    Refused,
}

/// Writes a fence, or prolongs it: `covers_until` and `expires_at` only ever grow, and a return that the longer fence
/// covers is taken back. Waits for writers that hold the digest's lock. Repeating is safe.
pub async fn mirror_fence(client: &mut Client, scope: TenantScope<'_>, fence: &FenceRow) -> Result<(), ProductError> {
    let failed = |source| ProductError::WriteFence { source };
    let tx = begin(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let kind = statement.bind(fence.kind.as_str(), Type::TEXT);
    let key = statement.bind(fence.digest_key_id, Type::INT4);
    let digest = statement.bind(fence.digest.as_slice(), Type::BYTEA);
    let generation = statement.bind(fence.generation, Type::INT4);
    let covers = statement.bind(fence.covers_until, Type::TIMESTAMPTZ);
    let expires = statement.bind(fence.expires_at, Type::TIMESTAMPTZ);
    statement.line("INSERT INTO milestone_gateway.fence AS fence");
    statement.line("(tenant_key, identity_kind, digest_key_id, digest, generation, covers_until, expires_at)");
    statement.line(format!("VALUES ({tenant}, {kind}, {key}, {digest}, {generation}, {covers}, {expires})"));
    statement.line("ON CONFLICT (tenant_key, identity_kind, digest_key_id, digest, generation) DO UPDATE");
    statement.line("SET covers_until = GREATEST(fence.covers_until, EXCLUDED.covers_until),");
    statement.line("expires_at = GREATEST(fence.expires_at, EXCLUDED.expires_at),");
    statement.line("returned_at = CASE WHEN fence.returned_at > EXCLUDED.covers_until THEN fence.returned_at END");
    let lock = lock_statement(scope, fence.kind, std::slice::from_ref(&fence.digest));
    in_order(&tx, &lock, &statement).await.map_err(failed)?;
    tx.change(&fenced(scope, fence, "profile", LATEST_WORD)).await.map_err(failed)?;
    if fence.kind == FenceKind::Tenant {
        tx.change(&fenced(scope, fence, "leaving", "restricted_at")).await.map_err(failed)?;
    }
    tx.commit().await
}

/// When anything was said of an account last.
const LATEST_WORD: &str = "GREATEST(display_name_at, email_at, active_at)";

/// What we remember of somebody goes with them, and stays when it is of a time after a return that every fence lets pass.
fn fenced<'a>(scope: TenantScope<'a>, fence: &'a FenceRow, table: &str, at: &str) -> Statement<'a> {
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let kind = statement.bind(fence.kind.as_str(), Type::TEXT);
    let key = statement.bind(fence.digest_key_id, Type::INT4);
    let digest = statement.bind(fence.digest.as_slice(), Type::BYTEA);
    statement.line(format!("DELETE FROM milestone_gateway.{table} AS remembered"));
    statement.line(format!("WHERE remembered.tenant_key = {tenant}"));
    if fence.kind != FenceKind::Tenant {
        statement.line(format!("AND remembered.identity_kind = {kind}"));
        statement.line(format!("AND (remembered.digest_key_id, remembered.digest) = ({key}, {digest})"));
    }
    statement.line("AND EXISTS (");
    statement.line("SELECT 1");
    statement.line("FROM milestone_gateway.fence AS fence");
    statement.line(format!("WHERE fence.tenant_key = {tenant}"));
    statement.line(format!("AND fence.identity_kind = {kind}"));
    statement.line(format!("AND (fence.digest_key_id, fence.digest) = ({key}, {digest})"));
    statement.line(format!("AND (fence.returned_at IS NULL OR fence.returned_at > {at})"));
    statement.line(")");
    statement
}

/// Records an explicit create or install: every fence of the identity that ends before `returned_at` (source time) lets
/// writes with a source time at or after it pass; everything older stays refused. An earlier return wins over a later
/// one. Returns how many fences know of a return at or before that instant; zero when the signal is older than the fence.
/// Repeating is safe.
pub async fn open_generation(
    client: &mut Client,
    scope: TenantScope<'_>,
    kind: FenceKind,
    digests: &[Digest],
    returned_at: Timestamp,
) -> Result<u64, ProductError> {
    let tx = begin(client, scope).await?;
    let mut statement = Statement::default();
    let at = statement.bind(returned_at, Type::TIMESTAMPTZ);
    let identity = is_identity(&mut statement, scope, "fence", (kind, digests));
    statement.line("UPDATE milestone_gateway.fence AS fence");
    statement.line(format!("SET returned_at = LEAST(fence.returned_at, {at})"));
    statement.line(format!("WHERE {identity}"));
    statement.line(format!("AND fence.covers_until < {at}"));
    let lock = lock_statement(scope, kind, &bytes_of(digests)?);
    let opened = in_order(&tx, &lock, &statement).await.map_err(|source| ProductError::WriteFence { source })?;
    tx.commit().await?;
    Ok(opened)
}

/// Gives a fence its term, which may be sooner than the one it was written with: an erasure that is not finished is
/// fenced for long, a finished one for as long as its policy says. Repeating is safe.
pub async fn set_fence_term(client: &mut Client, scope: TenantScope<'_>, fence: &FenceRow) -> Result<(), ProductError> {
    let tx = begin(client, scope).await?;
    let mut statement = Statement::default();
    let at = statement.bind(fence.expires_at, Type::TIMESTAMPTZ);
    let digests = [(fence.digest_key_id, fence.digest)];
    let identity = is_identity(&mut statement, scope, "fence", (fence.kind, &digests));
    let generation = statement.bind(fence.generation, Type::INT4);
    statement.line("UPDATE milestone_gateway.fence AS fence");
    statement.line(format!("SET expires_at = {at}"));
    statement.line(format!("WHERE {identity}"));
    statement.line(format!("AND fence.generation = {generation}"));
    tx.change(&statement).await.map_err(|source| ProductError::WriteFence { source })?;
    tx.commit().await
}

/// Takes the lock of each digest until the end of the transaction and asks the fence whether a write about this identity
/// with this source time may happen. Every fence of every generation must agree. Fails when no digest is given.
pub(super) async fn fence_verdict(
    tx: &ProductTx<'_, '_>,
    identity_kind: IdentityKind,
    digests: &[Digest],
    source_at: Timestamp,
) -> Result<FenceVerdict, ProductError> {
    let scope = tx.scope();
    let mut statement = Statement::default();
    let at = statement.bind(source_at, Type::TIMESTAMPTZ);
    let identity = is_identity(&mut statement, scope, "fence", (identity_kind.into(), digests));
    statement.line("SELECT 1");
    statement.line("FROM milestone_gateway.fence AS fence");
    statement.line(format!("WHERE {identity}"));
    statement.line(format!("AND (fence.returned_at IS NULL OR fence.returned_at > {at})"));
    statement.line("LIMIT 1");
    let lock = lock_statement(scope, identity_kind.into(), &bytes_of(digests)?);
    let rejections = in_order(tx, &lock, &statement).await.map_err(|source| ProductError::ReadFence { source })?;
    Ok(if rejections == 0 { FenceVerdict::Clear } else { FenceVerdict::Refused })
}

/// Keeps the tenant's fence away until the end of the transaction and asks it whether a write with this source time may
/// happen, whoever it is about. Writers do not wait for one another.
pub(super) async fn tenant_verdict(tx: &ProductTx<'_, '_>, source_at: Timestamp) -> Result<FenceVerdict, ProductError> {
    let lock = shared_lock(tx.scope());
    let mut statement = Statement::default();
    let tenant = statement.bind(tx.scope().tenant_key, Type::TEXT);
    let kind = statement.bind(FenceKind::Tenant.as_str(), Type::TEXT);
    let at = statement.bind(source_at, Type::TIMESTAMPTZ);
    statement.line("SELECT 1");
    statement.line("FROM milestone_gateway.fence");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND identity_kind = {kind}"));
    statement.line(format!("AND (returned_at IS NULL OR returned_at > {at})"));
    statement.line("LIMIT 1");
    let rejections = in_order(tx, &lock, &statement).await.map_err(|source| ProductError::ReadFence { source })?;
    Ok(if rejections == 0 { FenceVerdict::Clear } else { FenceVerdict::Refused })
}

/// Takes the lock of each digest until the end of the transaction. Fails when no digest is given.
pub(super) async fn lock_person(
    tx: &ProductTx<'_, '_>,
    kind: IdentityKind,
    digests: &[Digest],
) -> Result<(), ProductError> {
    let lock = lock_statement(tx.scope(), kind.into(), &bytes_of(digests)?);
    tx.rows(&lock).await.map(|_| ()).map_err(|source| ProductError::ReadFence { source })
}

/// Keeps the tenant's fence, and what changes everybody's access, away until the end of the transaction. To be taken before any
/// lock of a person. Writers do not wait for one another.
pub(super) async fn share_tenant(tx: &ProductTx<'_, '_>) -> Result<(), DatabaseError> {
    tx.rows(&shared_lock(tx.scope())).await.map(|_| ())
}

fn shared_lock(scope: TenantScope<'_>) -> Statement<'_> {
    let mut lock = Statement::default();
    let number = tenant_lock(&mut lock, scope);
    lock.line(format!("SELECT pg_advisory_xact_lock_shared({number})"));
    lock
}

/// Keeps every writer about anybody of the tenant away until the end of the transaction.
pub(super) async fn lock_tenant(tx: &ProductTx<'_, '_>) -> Result<(), DatabaseError> {
    tx.rows(&lock_statement(tx.scope(), FenceKind::Tenant, &[])).await.map(|_| ())
}

/// Which fences may be forgotten when their time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// All.
    Any,
    /// Those of people only: the tenant's own stands until it is back.
    OfPeople,
}

/// Removes the tenant's fences whose `expires_at` is not after `now` (calendar time). A fence stands until it is removed
/// here, never merely because a clock has moved. Returns how many were removed.
pub async fn forget_expired_fences(
    client: &mut Client,
    scope: TenantScope<'_>,
    which: Expired,
    now: Timestamp,
) -> Result<u64, ProductError> {
    let tx = begin(client, scope).await?;
    let mut statement = Statement::default();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let now = statement.bind(now, Type::TIMESTAMPTZ);
    statement.line("DELETE FROM milestone_gateway.fence");
    statement.line(format!("WHERE tenant_key = {tenant}"));
    statement.line(format!("AND expires_at <= {now}"));
    if which == Expired::OfPeople {
        let kind = statement.bind(FenceKind::Tenant.as_str(), Type::TEXT);
        statement.line(format!("AND identity_kind <> {kind}"));
    }
    let forgotten = tx.change(&statement).await.map_err(|source| ProductError::WriteFence { source })?;
    tx.commit().await?;
    Ok(forgotten)
}

fn bytes_of(digests: &[Digest]) -> Result<Vec<[u8; 32]>, ProductError> {
    if digests.is_empty() {
        return Err(ProductError::NoDigest);
    }
    Ok(digests.iter().map(|(_, digest)| *digest).collect())
}

/// The number of the lock that the tenant's fence is written under, and that writers share.
fn tenant_lock<'a>(statement: &mut Statement<'a>, scope: TenantScope<'a>) -> String {
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    format!("hashtextextended('milestone_gateway.fence/' || {tenant}, 0)")
}

fn lock_statement<'a>(scope: TenantScope<'a>, kind: FenceKind, digests: &[[u8; 32]]) -> Statement<'a> {
    let mut statement = Statement::default();
    if kind == FenceKind::Tenant {
        let number = tenant_lock(&mut statement, scope);
        statement.line(format!("SELECT pg_advisory_xact_lock({number})"));
        return statement;
    }
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.to_vec()).collect();
    let digests = statement.bind(digests, Type::BYTEA_ARRAY);
    // Ascending order, so that two transactions with several digests in common cannot wait for each other in a circle.
    statement.line("SELECT pg_advisory_xact_lock(locks.number)");
    statement.line("FROM (");
    statement.line("SELECT DISTINCT");
    statement.line(format!(
        "hashtextextended('milestone_gateway.fence/' || {tenant} || '/' || encode(d.digest, 'hex'), 0) AS number"
    ));
    statement.line(format!("FROM unnest({digests}) AS d (digest)"));
    statement.line("ORDER BY number");
    statement.line(") AS locks");
    statement
}

/// The rows of a table of ours that are about one of these digests.
pub(super) fn is_identity<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    alias: &str,
    (kind, digests): (FenceKind, &[Digest]),
) -> String {
    let (keys, bytes): (Vec<i32>, Vec<Vec<u8>>) = digests.iter().map(|(key, digest)| (*key, digest.to_vec())).unzip();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let kind = statement.bind(kind.as_str(), Type::TEXT);
    let keys = statement.bind(keys, Type::INT4_ARRAY);
    let bytes = statement.bind(bytes, Type::BYTEA_ARRAY);
    format!(
        "{alias}.tenant_key = {tenant}\nAND {alias}.identity_kind = {kind}\n\
         AND ({alias}.digest_key_id, {alias}.digest) IN (\n\
         SELECT d.key_id, d.digest\nFROM unnest({keys}, {bytes}) AS d (key_id, digest)\n)"
    )
}

/// Sends both statements in one round trip; the server runs the second, on a snapshot of its own, after the first. Returns
/// how many rows the second one has returned or changed.
async fn in_order(
    tx: &ProductTx<'_, '_>,
    lock: &Statement<'_>,
    statement: &Statement<'_>,
) -> Result<u64, DatabaseError> {
    // `join` polls its first future first, and a statement is sent when it is first polled, so the order is certain.
    let (locked, changed) = future::join(tx.rows(lock), tx.change(statement)).await;
    locked?;
    changed
}
