//! Committing deliveries: key, event and sealed body in one statement, many deliveries at once. Role `gw_intake`.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{Client, StoreError, statements, tx};
use crate::domain::{EventId, SourceId, TenantId};

statements! {
    // One statement is one transaction: either the key, the event and its body are all there, or none of them is.
    INSERT_EVENTS = "WITH incoming AS (
            SELECT *
            FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[], $6::int4[], $7::bytea[],
                        $8::int4[], $9::date[], $10::bytea[], $11::text[], $12::bytea[], $13::timestamptz[],
                        $14::timestamptz[])
                AS t (event_id, source_id, tenant_id, received_at, key_digest, digest_key_id, body_digest,
                      body_bytes, body_day, sealed, dead_letter_reason, token_digest, token_expires_at,
                      original_received_at)
        ), used AS (
            INSERT INTO gateway.token_use (source_id, token_digest, expires_at)
            SELECT source_id, token_digest, token_expires_at
            FROM incoming
            WHERE token_digest IS NOT NULL
            ORDER BY source_id, token_digest
            ON CONFLICT DO NOTHING
            RETURNING source_id, token_digest
        ), allowed AS (
            SELECT i.*
            FROM incoming i
            LEFT JOIN used u ON u.source_id = i.source_id AND u.token_digest = i.token_digest
            WHERE i.token_digest IS NULL OR u.token_digest IS NOT NULL
        ), keyed AS (
            INSERT INTO gateway.event_key
                (source_id, key_digest, digest_key_id, event_id, body_digest, first_seen_at, last_seen_at)
            SELECT source_id, key_digest, digest_key_id, event_id, body_digest, received_at, received_at
            FROM allowed
            ORDER BY source_id, key_digest
            ON CONFLICT (source_id, key_digest) DO UPDATE
            SET last_seen_at = greatest(event_key.last_seen_at, EXCLUDED.last_seen_at),
                duplicate_count = event_key.duplicate_count + 1,
                conflict_count = event_key.conflict_count
                    + CASE WHEN event_key.body_digest = EXCLUDED.body_digest THEN 0 ELSE 1 END
            RETURNING source_id, key_digest, event_id, body_digest
        ), fresh AS (
            SELECT i.*
            FROM allowed i
            JOIN keyed k ON k.event_id = i.event_id
        ), events AS (
            INSERT INTO gateway.event
                (source_id, received_at, event_id, tenant_id, body_bytes, body_event_id, body_day,
                 original_received_at, not_before, state, outcome, outcome_reason, finished_at)
            SELECT source_id, received_at, event_id, tenant_id, body_bytes, event_id, body_day, original_received_at,
                   received_at,
                   CASE WHEN dead_letter_reason IS NULL THEN 'pending' ELSE 'done' END,
                   CASE WHEN dead_letter_reason IS NULL THEN NULL ELSE 'dead_lettered' END,
                   dead_letter_reason,
                   CASE WHEN dead_letter_reason IS NULL THEN NULL ELSE received_at END
            FROM fresh
        ), bodies AS (
            INSERT INTO gateway.event_body (source_id, body_day, event_id, tenant_id, sealed)
            SELECT source_id, body_day, event_id, tenant_id, sealed
            FROM fresh
        )
        SELECT i.event_id, k.event_id, k.body_digest = i.body_digest
        FROM incoming i
        LEFT JOIN keyed k ON k.source_id = i.source_id AND k.key_digest = i.key_digest";
    FORGET_TOKEN_USES = "DELETE FROM gateway.token_use AS u
        USING (
            SELECT source_id, token_digest
            FROM gateway.token_use
            WHERE expires_at < $1
            ORDER BY expires_at
            LIMIT $2
        ) AS old
        WHERE u.source_id = old.source_id AND u.token_digest = old.token_digest";
    FIND_KEYS = "SELECT k.key_digest, k.event_id, k.body_digest
        FROM gateway.event_key k
        JOIN unnest($1::uuid[], $2::bytea[]) AS wanted (source_id, key_digest)
            ON wanted.source_id = k.source_id AND wanted.key_digest = k.key_digest";
}

/// A verified delivery, sealed and ready to be committed. Not to be cloned: its body may have 25 MiB.
#[derive(Debug)]
pub struct IncomingEvent {
    /// Its new id.
    pub event_id: EventId,
    /// Who sent it.
    pub source_id: SourceId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When what it is made from arrived; the same for a delivery.
    pub original_received_at: Timestamp,
    /// Keyed digest of the sender's identifier, or of the body where there is none.
    pub key_digest: [u8; 32],
    /// The digest key.
    pub digest_key_id: i32,
    /// Keyed digest of the body.
    pub body_digest: [u8; 32],
    /// Size of the raw body.
    pub body_bytes: i32,
    /// The day whose key seals the body.
    pub body_day: Date,
    /// The sealed body with the headers needed to verify it again.
    pub sealed: Vec<u8>,
    /// The token it came with, which works once.
    pub token: Option<UsedToken>,
    /// Set for a delivery that is kept but must never run.
    pub dead_letter_reason: Option<&'static str>,
}

/// A token that is used up by its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedToken {
    /// Keyed digest of its id.
    pub digest: [u8; 32],
    /// When nobody accepts it any more.
    pub expires_at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is a new event.
    New,
    /// The same delivery was committed before, as this event.
    Duplicate(EventId),
    /// The same identifier was committed before with another body.
    Conflict(EventId),
    /// Its token had been used before. Nothing of it was committed.
    Replayed,
}

/// Commits a batch in one statement. No two entries may share source and key digest, or source and token. Repeating is safe: what was
/// committed before comes back as a duplicate.
pub async fn insert_events(client: &Client, batch: &[IncomingEvent]) -> Result<Vec<Stored>, StoreError> {
    let column = |pick: fn(&IncomingEvent) -> Uuid| batch.iter().map(pick).collect::<Vec<_>>();
    let bytes = |pick: fn(&IncomingEvent) -> &[u8]| batch.iter().map(pick).collect::<Vec<_>>();
    let rows = tx::query(
        client,
        "insert_events",
        INSERT_EVENTS,
        &[
            &column(|event| event.event_id.uuid()),
            &column(|event| event.source_id.uuid()),
            &column(|event| event.tenant_id.uuid()),
            &batch.iter().map(|event| event.received_at).collect::<Vec<_>>(),
            &bytes(|event| &event.key_digest),
            &batch.iter().map(|event| event.digest_key_id).collect::<Vec<_>>(),
            &bytes(|event| &event.body_digest),
            &batch.iter().map(|event| event.body_bytes).collect::<Vec<_>>(),
            &batch.iter().map(|event| event.body_day).collect::<Vec<_>>(),
            &bytes(|event| &event.sealed),
            &batch.iter().map(|event| event.dead_letter_reason).collect::<Vec<_>>(),
            &batch.iter().map(|event| event.token.as_ref().map(|token| &token.digest[..])).collect::<Vec<_>>(),
            &batch.iter().map(|event| event.token.map(|token| token.expires_at)).collect::<Vec<_>>(),
            &batch.iter().map(|event| event.original_received_at).collect::<Vec<_>>(),
        ],
    )
    .await?;
    let found: std::collections::HashMap<Uuid, Stored> = rows
        .iter()
        .map(|row| {
            let incoming: Uuid = row.get(0);
            let (kept, is_same_body): (Option<Uuid>, Option<bool>) = (row.get(1), row.get(2));
            let stored = match kept {
                None => Stored::Replayed,
                Some(kept) if kept == incoming => Stored::New,
                Some(kept) if is_same_body == Some(true) => Stored::Duplicate(EventId::from_uuid(kept)),
                Some(kept) => Stored::Conflict(EventId::from_uuid(kept)),
            };
            (incoming, stored)
        })
        .collect();
    batch
        .iter()
        .map(|event| {
            found.get(&event.event_id.uuid()).copied().ok_or(StoreError::RowCount {
                statement: "insert_events",
                expected: batch.len() as u64,
                actual: rows.len() as u64,
            })
        })
        .collect()
}

/// Forgets up to `limit` tokens that expired before `before`. Role `gw_queue`.
pub async fn forget_token_uses(client: &Client, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx::execute(client, "forget_token_uses", FORGET_TOKEN_USES, &[&before, &limit]).await
}

/// A key that is already committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedKey {
    /// The key's digest, as it was asked for.
    pub key_digest: Vec<u8>,
    /// The event it became.
    pub event_id: EventId,
    /// The body's digest, made with the same digest key.
    pub body_digest: Vec<u8>,
}

/// Keys among `wanted` (made with older digest keys) that are already committed.
pub async fn find_keys(client: &Client, wanted: &[(SourceId, [u8; 32])]) -> Result<Vec<CommittedKey>, StoreError> {
    let sources: Vec<Uuid> = wanted.iter().map(|(source, _)| source.uuid()).collect();
    let digests: Vec<&[u8]> = wanted.iter().map(|(_, digest)| digest.as_slice()).collect();
    let rows = tx::query(client, "find_keys", FIND_KEYS, &[&sources, &digests]).await?;
    Ok(rows
        .iter()
        .map(|row| CommittedKey {
            key_digest: row.get(0),
            event_id: EventId::from_uuid(row.get(1)),
            body_digest: row.get(2),
        })
        .collect())
}
