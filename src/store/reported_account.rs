//! Accounts as they are reported to Atlassian: which may be due, who reports them, and when they are due again.
//!
//! An identity's own due time only says when to look; a platform-wide row for each account, under a keyed digest, decides.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{IdentityId, SubjectId, TenantId};

statements! {
    DUE = "SELECT tenant_id, identity_id FROM gateway.accounts_to_report($1, $2)";
    // Behind a fence of its own a subject is being erased: nobody is asked about it any more.
    REPORTABLE = "SELECT i.identity_id, i.subject_id, coalesce(s.refreshed_at, s.created_at)
        FROM gateway.identity i
        JOIN gateway.data_subject s ON s.tenant_id = i.tenant_id AND s.subject_id = i.subject_id
        WHERE i.tenant_id = $1 AND i.identity_id = ANY($2) AND s.erased_at IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM gateway.fence f WHERE f.tenant_id = i.tenant_id AND f.subject_id = i.subject_id
            )";
    POSTPONE = "UPDATE gateway.identity AS known
        SET report_due_at = due.due_at
        FROM unnest($2::uuid[], $3::timestamptz[]) AS due (identity_id, due_at)
        WHERE known.tenant_id = $1 AND known.identity_id = due.identity_id";
    // After a rotation of the digest keys an account is known under an older one.
    ADOPT = "UPDATE gateway.reported_account AS known
        SET digest_key_id = $1, digest = moved.newer
        FROM unnest($2::bytea[], $3::integer[], $4::bytea[]) AS moved (newer, older_key_id, older)
        WHERE known.digest_key_id = moved.older_key_id AND known.digest = moved.older
            AND NOT EXISTS (
                SELECT 1 FROM gateway.reported_account r WHERE r.digest_key_id = $1 AND r.digest = moved.newer
            )";
    NOT_DUE = "SELECT digest, next_due_at, closed_at
        FROM gateway.reported_account
        WHERE digest_key_id = $1 AND digest = ANY($2) AND next_due_at > $3";
    // In one order everywhere, or two processes could wait for each other.
    CLAIM = "INSERT INTO gateway.reported_account AS known (digest_key_id, digest, next_due_at, claimed_until)
        SELECT $1, wanted.digest, $3, now() + make_interval(secs => $4)
        FROM unnest($2::bytea[]) AS wanted (digest)
        ORDER BY wanted.digest
        ON CONFLICT (digest_key_id, digest) DO UPDATE
        SET claimed_until = EXCLUDED.claimed_until
        WHERE known.next_due_at <= $3 AND (known.claimed_until IS NULL OR known.claimed_until <= now())
        RETURNING digest";
    SETTLE = "UPDATE gateway.reported_account AS known
        SET next_due_at = settled.due_at, claimed_until = NULL, closed_at = coalesce(known.closed_at, settled.closed_at)
        FROM unnest($2::bytea[], $3::timestamptz[], $4::timestamptz[]) AS settled (digest, due_at, closed_at)
        WHERE known.digest_key_id = $1 AND known.digest = settled.digest";
    FORGET = "DELETE FROM gateway.reported_account
        WHERE (digest_key_id, digest) IN (
            SELECT digest_key_id, digest FROM gateway.reported_account WHERE next_due_at < $1 LIMIT $2
        )";
}

/// An account's digest under one key of the ring.
pub type AccountDigest = [u8; 32];

/// Identities whose account may be due, longest due first. Role `gw_queue`.
pub async fn due(client: &Client, at: Timestamp, most: i64) -> Result<Vec<(TenantId, IdentityId)>, StoreError> {
    let rows = tx::query(client, "accounts_due", DUE, &[&at, &most]).await?;
    Ok(rows.iter().map(|row| (TenantId::from_uuid(row.get(0)), IdentityId::from_uuid(row.get(1)))).collect())
}

/// An identity that may be reported.
#[derive(Debug, Clone, Copy)]
pub struct ReportableRow {
    /// The identity.
    pub identity_id: IdentityId,
    /// Whose it is.
    pub subject_id: SubjectId,
    /// Since when something is known of the person that was not asked for again.
    pub known_since: Timestamp,
}

/// Those of the identities whose person is neither erased nor being erased.
pub async fn reportable(tx: &TenantTx<'_>, identities: &[IdentityId]) -> Result<Vec<ReportableRow>, StoreError> {
    let wanted: Vec<Uuid> = identities.iter().map(IdentityId::uuid).collect();
    let rows = tx.query("reportable_accounts", REPORTABLE, &[&tx.tenant().uuid(), &wanted]).await?;
    let reportable = |row: &tokio_postgres::Row| ReportableRow {
        identity_id: IdentityId::from_uuid(row.get(0)),
        subject_id: SubjectId::from_uuid(row.get(1)),
        known_since: row.get(2),
    };
    Ok(rows.iter().map(reportable).collect())
}

/// Says when to look at identities again. Safe to repeat.
pub async fn postpone(tx: &TenantTx<'_>, due: &[(IdentityId, Timestamp)]) -> Result<(), StoreError> {
    let (ids, times): (Vec<Uuid>, Vec<Timestamp>) = due.iter().map(|(id, at)| (id.uuid(), *at)).unzip();
    tx.execute("postpone_reports", POSTPONE, &[&tx.tenant().uuid(), &ids, &times]).await.map(|_| ())
}

/// Renames accounts from an older digest key to the one in use: newer digest, older key and digest. Safe to repeat. Role
/// `gw_queue`.
pub async fn adopt(
    client: &Client,
    key_id: i32,
    moved: &[(AccountDigest, i32, AccountDigest)],
) -> Result<(), StoreError> {
    let newer: Vec<&[u8]> = moved.iter().map(|(newer, _, _)| newer.as_slice()).collect();
    let older_ids: Vec<i32> = moved.iter().map(|(_, id, _)| *id).collect();
    let older: Vec<&[u8]> = moved.iter().map(|(_, _, older)| older.as_slice()).collect();
    tx::execute(client, "adopt_accounts", ADOPT, &[&key_id, &newer, &older_ids, &older]).await.map(|_| ())
}

/// What the platform knows of an account that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedRow {
    /// Which account.
    pub digest: AccountDigest,
    /// When it may be reported again.
    pub next_due_at: Timestamp,
    /// When it was learned that the account is closed, if it is. It never opens again.
    pub closed_at: Option<Timestamp>,
}

/// Those of the accounts that were reported and are not due yet. Role `gw_queue`.
pub async fn not_due(
    client: &Client,
    key_id: i32,
    digests: &[AccountDigest],
    at: Timestamp,
) -> Result<Vec<ReportedRow>, StoreError> {
    let wanted: Vec<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
    let rows = tx::query(client, "accounts_not_due", NOT_DUE, &[&key_id, &wanted, &at]).await?;
    let reported = |row: &tokio_postgres::Row| {
        Ok(ReportedRow { digest: digest(row.get(0))?, next_due_at: row.get(1), closed_at: row.get(2) })
    };
    rows.iter().map(reported).collect()
}

/// Claims accounts that are due for `claim_seconds` of database time, and returns those that it got. Role `gw_queue`.
pub async fn claim(
    client: &Client,
    key_id: i32,
    digests: &[AccountDigest],
    at: Timestamp,
    claim_seconds: f64,
) -> Result<Vec<AccountDigest>, StoreError> {
    let wanted: Vec<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
    let rows = tx::query(client, "claim_accounts", CLAIM, &[&key_id, &wanted, &at, &claim_seconds]).await?;
    rows.iter().map(|row| digest(row.get(0))).collect()
}

fn digest(bytes: &[u8]) -> Result<AccountDigest, StoreError> {
    bytes.try_into().map_err(|_| StoreError::UnknownValue { column: "reported_account.digest" })
}

/// Says when accounts are due again and which are closed, and lets the claims go. Safe to repeat; what was closed once stays
/// closed since then. Role `gw_queue`.
pub async fn settle(client: &Client, key_id: i32, settled: &[ReportedRow]) -> Result<(), StoreError> {
    let digests: Vec<&[u8]> = settled.iter().map(|row| row.digest.as_slice()).collect();
    let due: Vec<Timestamp> = settled.iter().map(|row| row.next_due_at).collect();
    let closed: Vec<Option<Timestamp>> = settled.iter().map(|row| row.closed_at).collect();
    tx::execute(client, "settle_accounts", SETTLE, &[&key_id, &digests, &due, &closed]).await.map(|_| ())
}

/// Forgets at most `limit` accounts that were due before `before` and that nobody has reported since: nobody knows them any
/// more. Returns how many. Role `gw_queue`.
pub async fn forget(client: &Client, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx::execute(client, "forget_reported_accounts", FORGET, &[&before, &limit]).await
}
