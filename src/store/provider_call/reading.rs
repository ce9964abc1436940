//! What the outbox of provider calls holds: what is still to be told, and how accounts have ended.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{
        CallId, Issuer, RequestId, SourceId,
        provider_call::{CallKind, CallState},
    },
    store::{StoreError, TenantTx, statements},
};

statements! {
    COLLECTED_AT = "SELECT accounts_collected_at FROM gateway.offboarding WHERE tenant_id = $1 AND request_id = $2";
    PENDING_OF_PERSON = "SELECT call_id, kind, source_id
        FROM gateway.provider_call
        WHERE tenant_id = $1 AND request_id = $2 AND state = 'pending' AND source_id IS NOT NULL
        ORDER BY created_at, kind";
    // What was tried least comes first, so that a call that fails for ever keeps no other from its turn.
    REQUESTS_WITH_PENDING = "SELECT request_id
        FROM gateway.provider_call
        WHERE tenant_id = $1 AND state = 'pending' AND source_id IS NOT NULL
        GROUP BY request_id
        ORDER BY min(attempts), min(created_at), request_id
        LIMIT $2";
    // Of one issuer, because one call is about one project. What was tried least comes first, so that an account that fails
    // for ever keeps no other from its turn.
    PENDING_ACCOUNTS = "WITH first AS (
            SELECT c.issuer
            FROM gateway.provider_call c
            WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.state = 'pending' AND c.sealed IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1 FROM unnest($3::text[]) AS without (issuer) WHERE without.issuer IS NOT DISTINCT FROM c.issuer)
                AND c.call_id <> ALL ($4)
            ORDER BY c.attempts, c.call_id
            LIMIT 1
        )
        SELECT c.call_id, c.issuer, c.sealed
        FROM gateway.provider_call c
        JOIN first ON first.issuer IS NOT DISTINCT FROM c.issuer
        WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.state = 'pending' AND c.sealed IS NOT NULL
            AND c.call_id <> ALL ($4)
        ORDER BY c.attempts, c.call_id
        LIMIT $5";
    ACCOUNT_COUNTS = "SELECT state, count(*)
        FROM gateway.provider_call
        WHERE tenant_id = $1 AND request_id = $2 AND uid_digest IS NOT NULL
        GROUP BY state
        ORDER BY state";
}

/// A call about the person of a request that is still to be made.
#[derive(Debug, Clone)]
pub struct PersonCall {
    /// Its id.
    pub call_id: CallId,
    /// What is told.
    pub kind: CallKind,
    /// The source whose credentials are used.
    pub source_id: SourceId,
}

/// An account that somebody is still to be told of.
#[derive(Debug, Clone)]
pub struct PendingAccount {
    /// The call about it.
    pub call_id: CallId,
    /// Who gives the uid out.
    pub issuer: Issuer,
    /// The sealed uid.
    pub sealed: Vec<u8>,
}

/// When the accounts of a tenant's request were all noted.
pub async fn collected_at(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("accounts_collected_at", COLLECTED_AT, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// The calls about the person of a request that are still to be made, in the order in which they were decided.
pub async fn pending_of_person(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<PersonCall>, StoreError> {
    let rows = tx.query("pending_of_person", PENDING_OF_PERSON, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter()
        .map(|row| {
            Ok(PersonCall {
                call_id: CallId::from_uuid(row.get(0)),
                kind: CallKind::parse(row.get(1)).ok_or(StoreError::UnknownValue { column: "provider_call.kind" })?,
                source_id: SourceId::from_uuid(row.get(2)),
            })
        })
        .collect()
}

/// At most `limit` people's requests of the tenant with calls that are still to be made, those first that were tried least.
pub async fn requests_with_pending(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<RequestId>, StoreError> {
    let rows = tx.query("requests_with_pending_calls", REQUESTS_WITH_PENDING, &[&tx.tenant().uuid(), &limit]).await?;
    Ok(rows.iter().map(|row| RequestId::from_uuid(row.get(0))).collect())
}

/// At most `limit` accounts of one issuer that somebody is still to be told of, without those named.
pub async fn pending_accounts(
    tx: &TenantTx<'_>,
    request: RequestId,
    without_issuers: &[Issuer],
    without: &[CallId],
    limit: i64,
) -> Result<Vec<PendingAccount>, StoreError> {
    let issuers: Vec<Option<String>> = without_issuers.iter().map(Issuer::text).collect();
    let without: Vec<Uuid> = without.iter().map(CallId::uuid).collect();
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tx.tenant().uuid(), &request.uuid(), &issuers, &without, &limit];
    let rows = tx.query("pending_accounts", PENDING_ACCOUNTS, params).await?;
    let account = |row: &tokio_postgres::Row| PendingAccount {
        call_id: CallId::from_uuid(row.get(0)),
        issuer: Issuer::of_column(row.get(1)),
        sealed: row.get(2),
    };
    Ok(rows.iter().map(account).collect())
}

/// How many accounts of a tenant's request are in each state; states without one are left out.
pub async fn account_counts(tx: &TenantTx<'_>, request: RequestId) -> Result<Vec<(CallState, u64)>, StoreError> {
    let rows = tx.query("count_accounts", ACCOUNT_COUNTS, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    rows.iter()
        .map(|row| {
            let unknown = StoreError::UnknownValue { column: "provider_call.state" };
            let state = CallState::parse(row.get(0)).ok_or(unknown)?;
            Ok((state, row.get::<_, i64>(1).unsigned_abs()))
        })
        .collect()
}
