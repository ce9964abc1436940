//! The outbox of calls to identity providers, and every attempt at them. `reading` reads it.
//!
//! A call is about the person of a request, or about an account of a leaving tenant's people. Attempts and ends are the same
//! for both. Statements here are about many rows at a time; whoever calls them bounds the number.

pub(super) mod reading;

use jiff::Timestamp;
use uuid::Uuid;

pub use reading::{
    PendingAccount, PersonCall, account_counts, collected_at, pending_accounts, pending_of_person,
    requests_with_pending,
};

use super::{StoreError, TenantTx, statements};
use crate::domain::{
    CallId, Issuer, RequestId, SourceId,
    provider_call::{CallKind, CallState},
};

statements! {
    INSERT_OF_PERSON = "INSERT INTO gateway.provider_call
            (tenant_id, call_id, request_id, kind, source_id, state, created_at)
        VALUES ($1, $2, $3, $4, $5, 'pending', $6)
        ON CONFLICT (tenant_id, request_id, uid_digest, issuer, kind) DO NOTHING";
    // Whoever names the project of a uid is more exact than the product, whose rows name none.
    INSERT_ACCOUNTS = "INSERT INTO gateway.provider_call
            (tenant_id, call_id, request_id, kind, issuer, uid_digest, sealed, state, created_at, finished_at)
        SELECT $1, new.call_id, $2, 'firebase_delete', new.issuer, new.uid_digest, new.sealed,
               CASE WHEN new.sealed IS NULL THEN 'unreachable' ELSE 'pending' END, $7::timestamptz,
               CASE WHEN new.sealed IS NULL THEN $7::timestamptz END
        FROM unnest($3::uuid[], $4::text[], $5::bytea[], $6::bytea[]) AS new (call_id, issuer, uid_digest, sealed)
        WHERE new.issuer IS NOT NULL OR NOT EXISTS (
            SELECT 1
            FROM gateway.provider_call AS known
            WHERE known.tenant_id = $1 AND known.request_id = $2 AND known.uid_digest = new.uid_digest)
        ON CONFLICT (tenant_id, request_id, uid_digest, issuer, kind) DO NOTHING";
    SET_COLLECTED = "UPDATE gateway.offboarding
        SET accounts_collected_at = $3
        WHERE tenant_id = $1 AND request_id = $2";
    BEGIN_ATTEMPTS = "WITH begun AS (
            UPDATE gateway.provider_call
            SET attempts = attempts + 1
            WHERE tenant_id = $1 AND call_id = ANY ($2) AND state = 'pending'
            RETURNING tenant_id, call_id, attempts
        )
        INSERT INTO gateway.provider_call_attempt (tenant_id, call_id, attempt, began_at)
        SELECT tenant_id, call_id, attempts, $3
        FROM begun
        RETURNING call_id, attempt";
    END_ATTEMPTS = "UPDATE gateway.provider_call_attempt AS a
        SET ended_at = $5,
            outcome = ended.outcome
        FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS ended (call_id, attempt, outcome)
        WHERE a.tenant_id = $1 AND a.call_id = ended.call_id AND a.attempt = ended.attempt AND a.outcome IS NULL";
    FINISH = "UPDATE gateway.provider_call AS c
        SET state = ended.state,
            sealed = NULL,
            finished_at = $4
        FROM unnest($2::uuid[], $3::text[]) AS ended (call_id, state)
        WHERE c.tenant_id = $1 AND c.call_id = ended.call_id AND c.state = 'pending'";
    // Nobody is back whose request the erasure of the whole tenant has overtaken: the call stands.
    WITHDRAW = "UPDATE gateway.provider_call AS c
        SET state = 'withdrawn',
            sealed = NULL,
            finished_at = $3
        FROM gateway.privacy_request AS r
        WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.state = 'pending'
            AND r.tenant_id = c.tenant_id AND r.request_id = c.request_id AND r.superseded_by IS NULL";
    GIVE_UP = "UPDATE gateway.provider_call
        SET state = 'unreachable',
            sealed = NULL,
            finished_at = $4
        WHERE tenant_id = $1 AND state = 'pending' AND (request_id = $2 OR $3 AND uid_digest IS NULL)";
}

/// An account to be noted.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The call about it.
    pub call_id: CallId,
    /// Who gives the uid out.
    pub issuer: Issuer,
    /// The keyed digest of the uid.
    pub uid_digest: Vec<u8>,
    /// The sealed uid; `None` for an account that nobody can be told of.
    pub sealed: Option<Vec<u8>>,
}

/// A call and the number of an attempt at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptNumber {
    /// The call.
    pub call_id: CallId,
    /// 1, and one more for each attempt.
    pub number: i32,
}

/// Puts a call about the person of a request into the outbox. Repeating is safe.
pub async fn insert_of_person(
    tx: &TenantTx<'_>,
    call: CallId,
    request: RequestId,
    kind: CallKind,
    source: SourceId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tenant, &call.uuid(), &request.uuid(), &kind.as_str(), &source.uuid(), &at];
    tx.execute("insert_provider_call", INSERT_OF_PERSON, params).await.map(|_| ())
}

/// Notes accounts; those that are noted already stay as they are. Repeating is safe.
pub async fn insert_accounts(
    tx: &TenantTx<'_>,
    request: RequestId,
    accounts: &[NewAccount],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|new| new.call_id.uuid()).collect();
    let issuers: Vec<Option<String>> = accounts.iter().map(|new| new.issuer.text()).collect();
    let digests: Vec<&[u8]> = accounts.iter().map(|new| new.uid_digest.as_slice()).collect();
    let sealed: Vec<Option<&[u8]>> = accounts.iter().map(|new| new.sealed.as_deref()).collect();
    let tenant = tx.tenant().uuid();
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tenant, &request.uuid(), &ids, &issuers, &digests, &sealed, &at];
    tx.execute("insert_accounts", INSERT_ACCOUNTS, params).await
}

/// Says that all accounts are noted, or that they have to be noted again. Repeating is safe.
pub async fn set_collected(tx: &TenantTx<'_>, request: RequestId, at: Option<Timestamp>) -> Result<(), StoreError> {
    tx.execute_one("set_accounts_collected", SET_COLLECTED, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Records that an attempt at each of these calls begins; their numbers. Whatever has ended meanwhile has none.
pub async fn begin_attempts(
    tx: &TenantTx<'_>,
    calls: &[CallId],
    at: Timestamp,
) -> Result<Vec<AttemptNumber>, StoreError> {
    let ids: Vec<Uuid> = calls.iter().map(CallId::uuid).collect();
    let rows = tx.query("begin_provider_call_attempts", BEGIN_ATTEMPTS, &[&tx.tenant().uuid(), &ids, &at]).await?;
    let attempt =
        |row: &tokio_postgres::Row| AttemptNumber { call_id: CallId::from_uuid(row.get(0)), number: row.get(1) };
    Ok(rows.iter().map(attempt).collect())
}

/// Records how attempts ended, each as a word.
pub async fn end_attempts(tx: &TenantTx<'_>, ended: &[(AttemptNumber, &str)], at: Timestamp) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ended.iter().map(|(attempt, _)| attempt.call_id.uuid()).collect();
    let numbers: Vec<i32> = ended.iter().map(|(attempt, _)| attempt.number).collect();
    let words: Vec<&str> = ended.iter().map(|(_, word)| *word).collect();
    let tenant = tx.tenant().uuid();
    tx.execute("end_provider_call_attempts", END_ATTEMPTS, &[&tenant, &ids, &numbers, &words, &at]).await.map(|_| ())
}

/// Ends calls and takes sealed uids away. Repeating is safe.
pub async fn finish(tx: &TenantTx<'_>, ended: &[(CallId, CallState)], at: Timestamp) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ended.iter().map(|(id, _)| id.uuid()).collect();
    let states: Vec<&str> = ended.iter().map(|(_, state)| state.as_str()).collect();
    tx.execute("finish_provider_calls", FINISH, &[&tx.tenant().uuid(), &ids, &states, &at]).await.map(|_| ())
}

/// Ends the pending calls of a request that was cancelled by a return. Those of a request that the tenant's own has
/// superseded stay pending.
pub async fn withdraw(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("withdraw_provider_calls", WITHDRAW, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Ends the pending calls of a request that nobody can make any more, with `is_of_tenant` those about every person of the
/// tenant too. Takes the sealed uids away. Returns how many were ended.
pub async fn give_up(
    tx: &TenantTx<'_>,
    request: RequestId,
    is_of_tenant: bool,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant().uuid();
    tx.execute("give_up_provider_calls", GIVE_UP, &[&tenant, &request.uuid(), &is_of_tenant, &at]).await
}
