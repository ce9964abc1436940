//! The outbox of a leaving customer: an account of one of its people in each row, and every attempt at it.
//!
//! Statements here are about many rows at a time; whoever calls them bounds the number.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{RequestId, call_back::CallBackState};

statements! {
    COLLECTED_AT = "SELECT accounts_collected_at FROM gateway.offboarding WHERE tenant_id = $1 AND request_id = $2";
    SET_COLLECTED = "UPDATE gateway.offboarding
        SET accounts_collected_at = $3
        WHERE tenant_id = $1 AND request_id = $2";
    // Whoever names the project of a uid is more exact than the product, whose rows name none.
    INSERT = "INSERT INTO gateway.account_call
            (tenant_id, account_call_id, request_id, issuer, uid_digest, sealed, state, created_at, finished_at)
        SELECT $1, new.account_call_id, $2, new.issuer, new.uid_digest, new.sealed,
               CASE WHEN new.sealed IS NULL THEN 'unreachable' ELSE 'pending' END, $7::timestamptz,
               CASE WHEN new.sealed IS NULL THEN $7::timestamptz END
        FROM unnest($3::uuid[], $4::text[], $5::bytea[], $6::bytea[]) AS new (account_call_id, issuer, uid_digest, sealed)
        WHERE new.issuer <> '' OR NOT EXISTS (
            SELECT 1
            FROM gateway.account_call AS known
            WHERE known.tenant_id = $1 AND known.request_id = $2 AND known.uid_digest = new.uid_digest)
        ON CONFLICT (tenant_id, request_id, uid_digest, issuer) DO NOTHING";
    // Of one issuer, because one call is about one project. What was tried least comes first, so that an account that fails
    // for ever keeps no other from its turn.
    PENDING = "WITH first AS (
            SELECT issuer
            FROM gateway.account_call
            WHERE tenant_id = $1 AND request_id = $2 AND state = 'pending' AND issuer <> ALL ($3)
                AND account_call_id <> ALL ($4)
            ORDER BY attempts, account_call_id
            LIMIT 1
        )
        SELECT c.account_call_id, c.issuer, c.sealed
        FROM gateway.account_call c
        JOIN first ON first.issuer = c.issuer
        WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.state = 'pending' AND c.account_call_id <> ALL ($4)
        ORDER BY c.attempts, c.account_call_id
        LIMIT $5";
    BEGIN_ATTEMPTS = "WITH begun AS (
            UPDATE gateway.account_call
            SET attempts = attempts + 1
            WHERE tenant_id = $1 AND account_call_id = ANY ($2) AND state = 'pending'
            RETURNING tenant_id, account_call_id, attempts
        )
        INSERT INTO gateway.account_call_attempt (tenant_id, account_call_id, attempt, began_at)
        SELECT tenant_id, account_call_id, attempts, $3
        FROM begun
        RETURNING account_call_id, attempt";
    END_ATTEMPTS = "UPDATE gateway.account_call_attempt AS a
        SET ended_at = $5,
            outcome = ended.outcome
        FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS ended (account_call_id, attempt, outcome)
        WHERE a.tenant_id = $1 AND a.account_call_id = ended.account_call_id AND a.attempt = ended.attempt
            AND a.outcome IS NULL";
    FINISH = "UPDATE gateway.account_call AS c
        SET state = ended.state,
            sealed = NULL,
            finished_at = $4
        FROM unnest($2::uuid[], $3::text[]) AS ended (account_call_id, state)
        WHERE c.tenant_id = $1 AND c.account_call_id = ended.account_call_id AND c.state = 'pending'";
    GIVE_UP = "UPDATE gateway.account_call
        SET state = 'unreachable',
            sealed = NULL,
            finished_at = $3
        WHERE tenant_id = $1 AND request_id = $2 AND state = 'pending'";
    COUNTS = "SELECT state, count(*)
        FROM gateway.account_call
        WHERE tenant_id = $1 AND request_id = $2
        GROUP BY state
        ORDER BY state";
}

/// An account to be noted.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The row's id.
    pub account_call_id: Uuid,
    /// Who gives the uid out; empty where nobody has said.
    pub issuer: String,
    /// The keyed digest of the uid.
    pub uid_digest: Vec<u8>,
    /// The sealed uid; `None` for an account that nobody can be told of.
    pub sealed: Option<Vec<u8>>,
}

/// An account that somebody is still to be told of.
#[derive(Debug, Clone)]
pub struct PendingAccount {
    /// The row's id.
    pub account_call_id: Uuid,
    /// Who gives the uid out; empty where nobody has said.
    pub issuer: String,
    /// The sealed uid.
    pub sealed: Vec<u8>,
}

/// When the accounts of a customer's request were all noted.
pub async fn collected_at(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("accounts_collected_at", COLLECTED_AT, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Says that all accounts are noted, or that they have to be noted again. Repeating is safe.
pub async fn set_collected(tx: &TenantTx<'_>, request: RequestId, at: Option<Timestamp>) -> Result<(), StoreError> {
    tx.execute_one("set_accounts_collected", SET_COLLECTED, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Notes accounts; those that are noted already stay as they are. Repeating is safe.
pub async fn insert(
    tx: &TenantTx<'_>,
    request: RequestId,
    accounts: &[NewAccount],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.account_call_id).collect();
    let issuers: Vec<&str> = accounts.iter().map(|account| account.issuer.as_str()).collect();
    let digests: Vec<&[u8]> = accounts.iter().map(|account| account.uid_digest.as_slice()).collect();
    let sealed: Vec<Option<&[u8]>> = accounts.iter().map(|account| account.sealed.as_deref()).collect();
    let tenant = tx.tenant().uuid();
    tx.execute("insert_accounts", INSERT, &[&tenant, &request.uuid(), &ids, &issuers, &digests, &sealed, &at]).await
}

/// At most `limit` accounts of one issuer that somebody is still to be told of, without those named.
pub async fn pending(
    tx: &TenantTx<'_>,
    request: RequestId,
    without_issuers: &[String],
    without: &[Uuid],
    limit: i64,
) -> Result<Vec<PendingAccount>, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tx.tenant().uuid(), &request.uuid(), &without_issuers, &without, &limit];
    let rows = tx.query("pending_accounts", PENDING, params).await?;
    let account = |row: &tokio_postgres::Row| PendingAccount {
        account_call_id: row.get(0),
        issuer: row.get(1),
        sealed: row.get(2),
    };
    Ok(rows.iter().map(account).collect())
}

/// Records that an attempt at each of these accounts begins; their numbers. Whatever has ended meanwhile has none.
pub async fn begin_attempts(
    tx: &TenantTx<'_>,
    accounts: &[Uuid],
    at: Timestamp,
) -> Result<Vec<(Uuid, i32)>, StoreError> {
    let rows = tx.query("begin_account_attempts", BEGIN_ATTEMPTS, &[&tx.tenant().uuid(), &accounts, &at]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Records how attempts ended: account, number, word.
pub async fn end_attempts(tx: &TenantTx<'_>, ended: &[(Uuid, i32, &str)], at: Timestamp) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ended.iter().map(|(id, ..)| *id).collect();
    let numbers: Vec<i32> = ended.iter().map(|(_, number, _)| *number).collect();
    let words: Vec<&str> = ended.iter().map(|(.., word)| *word).collect();
    let tenant = tx.tenant().uuid();
    tx.execute("end_account_attempts", END_ATTEMPTS, &[&tenant, &ids, &numbers, &words, &at]).await.map(|_| ())
}

/// Ends accounts and takes their sealed uids away. Repeating is safe.
pub async fn finish(tx: &TenantTx<'_>, ended: &[(Uuid, CallBackState)], at: Timestamp) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ended.iter().map(|(id, _)| *id).collect();
    let states: Vec<&str> = ended.iter().map(|(_, state)| state.as_str()).collect();
    tx.execute("finish_accounts", FINISH, &[&tx.tenant().uuid(), &ids, &states, &at]).await.map(|_| ())
}

/// Ends every account of a request that somebody is still to be told of, and takes the sealed uids away. Returns how many.
pub async fn give_up(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("give_up_accounts", GIVE_UP, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// How many accounts of a request are in each state; states without one are left out.
pub async fn counts(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<(CallBackState, u64)>, StoreError> {
    let rows = tx.query("count_accounts", COUNTS, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter()
        .map(|row| {
            let unknown = StoreError::UnknownValue { column: "account_call.state" };
            let state = CallBackState::parse(row.get(0)).ok_or(unknown)?;
            Ok((state, row.get::<_, i64>(1).unsigned_abs()))
        })
        .collect()
}
