//! Wrapped keys: tenant epochs, the keys of subjects and of requests, body keys.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{RequestId, SubjectId};

statements! {
    CURRENT_EPOCH = "SELECT epoch, master_id, wrapped, created_at
        FROM gateway.tenant_key
        WHERE tenant_id = $1 AND destroyed_at IS NULL
        ORDER BY epoch DESC
        LIMIT 1";
    // Held until the new key that it wraps is committed: a rotation waits, and then finds that key.
    EPOCH_FOR_USE = "SELECT epoch, master_id, wrapped, created_at
        FROM gateway.tenant_key
        WHERE tenant_id = $1 AND destroyed_at IS NULL
        ORDER BY epoch DESC
        LIMIT 1
        FOR SHARE";
    LOCK_EPOCHS_BEFORE = "SELECT epoch
        FROM gateway.tenant_key
        WHERE tenant_id = $1 AND epoch < $2 AND destroyed_at IS NULL
        ORDER BY epoch
        FOR UPDATE";
    EPOCH = "SELECT epoch, master_id, wrapped, created_at
        FROM gateway.tenant_key
        WHERE tenant_id = $1 AND epoch = $2 AND destroyed_at IS NULL";
    LAST_EPOCH = "SELECT coalesce(max(epoch), 0) FROM gateway.tenant_key WHERE tenant_id = $1";
    INSERT_EPOCH = "INSERT INTO gateway.tenant_key (tenant_id, epoch, master_id, wrapped, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, epoch) DO NOTHING";
    DESTROY_EPOCHS_BEFORE = "UPDATE gateway.tenant_key
        SET wrapped = NULL, destroyed_at = $3
        WHERE tenant_id = $1 AND epoch < $2 AND destroyed_at IS NULL";
    SUBJECT_KEY = "SELECT epoch, wrapped
        FROM gateway.subject_key
        WHERE tenant_id = $1 AND subject_id = $2 AND destroyed_at IS NULL";
    INSERT_SUBJECT_KEY = "INSERT INTO gateway.subject_key (tenant_id, subject_id, epoch, wrapped, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    KEYS_OF_OLD_EPOCHS = "SELECT subject_id, epoch, wrapped
        FROM gateway.subject_key
        WHERE tenant_id = $1 AND epoch < $2 AND destroyed_at IS NULL
        ORDER BY subject_id
        LIMIT $3
        FOR UPDATE";
    REWRAP_SUBJECT_KEY = "UPDATE gateway.subject_key
        SET epoch = $3, wrapped = $4
        WHERE tenant_id = $1 AND subject_id = $2 AND destroyed_at IS NULL";
    DESTROY_SUBJECT_KEY = "UPDATE gateway.subject_key
        SET wrapped = NULL, destroyed_at = $3
        WHERE tenant_id = $1 AND subject_id = $2 AND destroyed_at IS NULL";
    DESTROY_ALL_SUBJECT_KEYS = "UPDATE gateway.subject_key
        SET wrapped = NULL, destroyed_at = $2
        WHERE tenant_id = $1 AND destroyed_at IS NULL";
    DESTROY_ALL_EPOCHS = "UPDATE gateway.tenant_key
        SET wrapped = NULL, destroyed_at = $2
        WHERE tenant_id = $1 AND destroyed_at IS NULL";
    BODY_KEY = "SELECT master_id, wrapped
        FROM gateway.body_key
        WHERE purpose = $1 AND body_day = $2 AND destroyed_at IS NULL";
    INSERT_BODY_KEY = "INSERT INTO gateway.body_key (purpose, body_day, master_id, wrapped)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (purpose, body_day) DO NOTHING";
    DESTROY_BODY_KEYS = "UPDATE gateway.body_key
        SET wrapped = NULL, destroyed_at = now()
        WHERE purpose = $1 AND body_day < $2 AND destroyed_at IS NULL";
}

/// What a body key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKeyPurpose {
    /// Raw deliveries of one day.
    Delivery,
    /// Copies kept for dead letters of one day.
    DeadLetter,
}

impl BodyKeyPurpose {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// Whose a key below the tenant's epoch is. The keys of requests are kept among those of subjects, each under its owner's id:
/// so a rotation takes them along to the next epoch, and the end of the tenant destroys them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// One person's.
    Subject(SubjectId),
    /// Of what is kept for one request and of no single person.
    Request(RequestId),
}

impl KeyOwner {
    /// The number that the key is kept under.
    pub const fn uuid(&self) -> Uuid {
        match self {
            Self::Subject(subject) => subject.uuid(),
            Self::Request(request) => request.uuid(),
        }
    }
}

impl From<SubjectId> for KeyOwner {
    fn from(subject: SubjectId) -> Self {
        Self::Subject(subject)
    }
}

/// A key that an older epoch wraps.
#[derive(Debug, Clone)]
pub struct OldKey {
    /// The number that it is kept under: a subject's or a request's.
    pub owner: Uuid,
    /// The epoch.
    pub epoch: i32,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// A tenant's key epoch, wrapped by a master key.
#[derive(Debug, Clone)]
pub struct WrappedEpoch {
    /// Its number.
    pub epoch: i32,
    /// The master key that wraps it.
    pub master_id: i32,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// When it began.
    pub created_at: Timestamp,
}

/// The living epoch of the transaction's tenant.
pub async fn current_epoch(tx: &TenantTx<'_>) -> Result<Option<WrappedEpoch>, StoreError> {
    let row = tx.query_opt("current_epoch", CURRENT_EPOCH, &[&tx.tenant().uuid()]).await?;
    Ok(row.as_ref().map(wrapped_epoch))
}

/// The living epoch, which cannot be destroyed until the transaction ends. `None` also when it was destroyed while we
/// waited for it; asking again finds its successor.
pub async fn epoch_for_use(tx: &TenantTx<'_>) -> Result<Option<WrappedEpoch>, StoreError> {
    let row = tx.query_opt("epoch_for_use", EPOCH_FOR_USE, &[&tx.tenant().uuid()]).await?;
    Ok(row.as_ref().map(wrapped_epoch))
}

/// Waits for everybody who is wrapping a key under an epoch before `epoch`, and keeps others from it until the end of the
/// transaction. Whatever is read afterwards knows their keys.
pub async fn lock_epochs_before(tx: &TenantTx<'_>, epoch: i32) -> Result<(), StoreError> {
    tx.query("lock_epochs", LOCK_EPOCHS_BEFORE, &[&tx.tenant().uuid(), &epoch]).await.map(|_| ())
}

/// One epoch, while it is not destroyed.
pub async fn epoch(tx: &TenantTx<'_>, epoch: i32) -> Result<Option<WrappedEpoch>, StoreError> {
    let row = tx.query_opt("epoch", EPOCH, &[&tx.tenant().uuid(), &epoch]).await?;
    Ok(row.as_ref().map(wrapped_epoch))
}

fn wrapped_epoch(row: &tokio_postgres::Row) -> WrappedEpoch {
    WrappedEpoch { epoch: row.get(0), master_id: row.get(1), wrapped: row.get(2), created_at: row.get(3) }
}

/// The highest epoch number ever used; 0 when there is none.
pub async fn last_epoch(tx: &TenantTx<'_>) -> Result<i32, StoreError> {
    let row = tx.query_opt("last_epoch", LAST_EPOCH, &[&tx.tenant().uuid()]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Records an epoch. False when another transaction recorded the same number first.
pub async fn insert_epoch(tx: &TenantTx<'_>, epoch: &WrappedEpoch) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "insert_epoch",
            INSERT_EPOCH,
            &[&tx.tenant().uuid(), &epoch.epoch, &epoch.master_id, &epoch.wrapped, &epoch.created_at],
        )
        .await?;
    Ok(changed == 1)
}

/// Destroys the keys of all epochs before `epoch`; returns how many.
pub async fn destroy_epochs_before(tx: &TenantTx<'_>, epoch: i32, at: Timestamp) -> Result<u64, StoreError> {
    tx.execute("destroy_epochs", DESTROY_EPOCHS_BEFORE, &[&tx.tenant().uuid(), &epoch, &at]).await
}

/// A key: its epoch and the wrapped key. `None` once it is destroyed.
pub async fn subject_key(tx: &TenantTx<'_>, owner: KeyOwner) -> Result<Option<(i32, Vec<u8>)>, StoreError> {
    let row = tx.query_opt("subject_key", SUBJECT_KEY, &[&tx.tenant().uuid(), &owner.uuid()]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Records the key of a new owner.
pub async fn insert_subject_key(
    tx: &TenantTx<'_>,
    owner: KeyOwner,
    epoch: i32,
    wrapped: &[u8],
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_subject_key",
        INSERT_SUBJECT_KEY,
        &[&tx.tenant().uuid(), &owner.uuid(), &epoch, &wrapped, &at],
    )
    .await
}

/// Living keys that older epochs wrap, of subjects and of requests, at most `limit`, locked.
pub async fn keys_of_epochs_before(tx: &TenantTx<'_>, epoch: i32, limit: i64) -> Result<Vec<OldKey>, StoreError> {
    let rows = tx.query("keys_of_old_epochs", KEYS_OF_OLD_EPOCHS, &[&tx.tenant().uuid(), &epoch, &limit]).await?;
    Ok(rows.iter().map(|row| OldKey { owner: row.get(0), epoch: row.get(1), wrapped: row.get(2) }).collect())
}

/// Wraps a key with another epoch.
pub async fn rewrap_subject_key(tx: &TenantTx<'_>, owner: Uuid, epoch: i32, wrapped: &[u8]) -> Result<(), StoreError> {
    tx.execute_one("rewrap_subject_key", REWRAP_SUBJECT_KEY, &[&tx.tenant().uuid(), &owner, &epoch, &wrapped]).await
}

/// Destroys a key. False when it was destroyed before.
pub async fn destroy_subject_key(
    tx: &TenantTx<'_>,
    owner: impl Into<KeyOwner>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let owner = owner.into().uuid();
    let changed = tx.execute("destroy_subject_key", DESTROY_SUBJECT_KEY, &[&tx.tenant().uuid(), &owner, &at]).await?;
    Ok(changed == 1)
}

/// Destroys every key of the tenant: those of all subjects and all epochs. Returns how many of each. Safe to repeat.
pub async fn destroy_all(tx: &TenantTx<'_>, at: Timestamp) -> Result<(u64, u64), StoreError> {
    let epochs = tx.execute("destroy_all_epochs", DESTROY_ALL_EPOCHS, &[&tx.tenant().uuid(), &at]).await?;
    let subjects =
        tx.execute("destroy_all_subject_keys", DESTROY_ALL_SUBJECT_KEYS, &[&tx.tenant().uuid(), &at]).await?;
    Ok((subjects, epochs))
}

/// The wrapped key of a day, for role `gw_intake`. `None` when there is none or it is destroyed.
pub async fn body_key(
    client: &Client,
    purpose: BodyKeyPurpose,
    day: Date,
) -> Result<Option<(i32, Vec<u8>)>, StoreError> {
    let rows = tx::query(client, "body_key", BODY_KEY, &[&purpose.as_str(), &day]).await?;
    Ok(rows.first().map(|row| (row.get(0), row.get(1))))
}

/// Records a day's key unless there is one already, for role `gw_intake`.
pub async fn insert_body_key(
    client: &Client,
    purpose: BodyKeyPurpose,
    day: Date,
    master_id: i32,
    wrapped: &[u8],
) -> Result<(), StoreError> {
    tx::execute(client, "insert_body_key", INSERT_BODY_KEY, &[&purpose.as_str(), &day, &master_id, &wrapped])
        .await
        .map(|_| ())
}

/// Destroys the keys of all days before `before`. Role `gw_queue`.
pub async fn destroy_body_keys(client: &Client, purpose: BodyKeyPurpose, before: Date) -> Result<u64, StoreError> {
    tx::execute(client, "destroy_body_keys", DESTROY_BODY_KEYS, &[&purpose.as_str(), &before]).await
}
