//! Events after intake: claimed, read, finished, replayed; `overview` lists and counts them.

pub(super) mod overview;

use jiff::{Timestamp, civil::Date};

pub use overview::{Balance, EventFilter, EventRow, balance, count, count_unfinished, select};

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{EventId, SourceId, TenantId, event::Outcome};

statements! {
    CLAIM = "UPDATE gateway.event AS e
        SET attempt = e.attempt + 1,
            -- A lease that is still there has run out: whoever held it died.
            lost_attempts = e.lost_attempts + CASE WHEN e.lease_until IS NULL THEN 0 ELSE 1 END,
            lease_until = now() + make_interval(secs => $3)
        FROM (
            SELECT source_id, received_at, event_id
            FROM gateway.event
            WHERE state = 'pending'
                AND not_before <= $2
                AND (lease_until IS NULL OR lease_until < now())
            ORDER BY received_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS c
        WHERE e.source_id = c.source_id AND e.received_at = c.received_at AND e.event_id = c.event_id
        RETURNING e.event_id, e.source_id, e.tenant_id, e.received_at, e.attempt, e.body_event_id, e.body_day,
                  e.original_received_at, e.failures, e.lost_attempts";
    POSTPONE = "UPDATE gateway.event
        SET lease_until = NULL,
            not_before = $5,
            failures = failures + $6
        WHERE source_id = $1 AND received_at = $2 AND event_id = $3 AND attempt = $4 AND state = 'pending'";
    HEARTBEAT = "UPDATE gateway.event
        SET lease_until = now() + make_interval(secs => $5)
        WHERE source_id = $1 AND received_at = $2 AND event_id = $3 AND attempt = $4 AND state = 'pending'";
    FINISH = "UPDATE gateway.event
        SET state = 'done',
            lease_until = NULL,
            type_word = $5,
            outcome = $6,
            outcome_reason = $7,
            finished_at = $8
        WHERE source_id = $1 AND received_at = $2 AND event_id = $3 AND attempt = $4 AND state = 'pending'";
    READ_BODY = "SELECT sealed
        FROM gateway.event_body
        WHERE source_id = $1 AND body_day = $2 AND event_id = $3";
    READ_DEAD_LETTER_BODY = "SELECT sealed
        FROM gateway.dead_letter_body
        WHERE source_id = $1 AND body_day = $2 AND event_id = $3";
    KEEP_DEAD_LETTER = "INSERT INTO gateway.dead_letter_body (source_id, body_day, event_id, tenant_id, sealed)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (source_id, body_day, event_id) DO NOTHING";
    OLDEST_PENDING_BODY = "SELECT min(body_day) FROM gateway.event WHERE state = 'pending'";
    FORGET_KEYS = "DELETE FROM gateway.event_key AS k
        USING (
            SELECT source_id, key_digest
            FROM gateway.event_key
            WHERE last_seen_at < $1
            ORDER BY last_seen_at
            LIMIT $2
        ) AS old
        WHERE k.source_id = old.source_id AND k.key_digest = old.key_digest AND k.last_seen_at < $1";
    REPLAY = "INSERT INTO gateway.event
            (source_id, received_at, event_id, tenant_id, body_bytes, body_event_id, body_day, replay_of,
             original_received_at, not_before)
        SELECT source_id, $3, $2, tenant_id, body_bytes, body_event_id, body_day, event_id, original_received_at, $3
        FROM gateway.event
        WHERE event_id = $1 AND outcome_reason IS DISTINCT FROM 'identifier_reused_with_another_body'";
}

/// An event taken for interpretation. The attempt is its fencing token.
#[derive(Debug, Clone)]
pub struct ClaimedEvent {
    /// Its id.
    pub event_id: EventId,
    /// Who sent it.
    pub source_id: SourceId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// When it (or this replay of it) came in.
    pub received_at: Timestamp,
    /// The fencing token.
    pub attempt: i32,
    /// The event whose raw body it uses.
    pub body_event_id: EventId,
    /// The day of that body.
    pub body_day: Date,
    /// When the original arrived.
    pub original_received_at: Timestamp,
    /// Attempts that failed for a reason that time alone does not mend.
    pub failures: i32,
    /// Attempts that crashed.
    pub lost_attempts: i32,
}

/// Takes up to `limit` due events under a lease by database time. Role `gw_queue`.
pub async fn claim(
    client: &Client,
    limit: i64,
    now: Timestamp,
    lease_seconds: f64,
) -> Result<Vec<ClaimedEvent>, StoreError> {
    let rows = tx::query(client, "claim_events", CLAIM, &[&limit, &now, &lease_seconds]).await?;
    Ok(rows
        .iter()
        .map(|row| ClaimedEvent {
            event_id: EventId::from_uuid(row.get("event_id")),
            source_id: SourceId::from_uuid(row.get("source_id")),
            tenant_id: TenantId::from_uuid(row.get("tenant_id")),
            received_at: row.get("received_at"),
            attempt: row.get("attempt"),
            body_event_id: EventId::from_uuid(row.get("body_event_id")),
            body_day: row.get("body_day"),
            original_received_at: row.get("original_received_at"),
            failures: row.get("failures"),
            lost_attempts: row.get("lost_attempts"),
        })
        .collect())
}

/// Extends the lease of an event. False when another worker has taken it. Role `gw_queue`.
pub async fn heartbeat(client: &Client, event: &ClaimedEvent, lease_seconds: f64) -> Result<bool, StoreError> {
    let changed = tx::execute(
        client,
        "heartbeat_event",
        HEARTBEAT,
        &[&event.source_id.uuid(), &event.received_at, &event.event_id.uuid(), &event.attempt, &lease_seconds],
    )
    .await?;
    Ok(changed == 1)
}

/// Gives an event back, to be taken again at `not_before`, with so many more failures. False when another worker has
/// taken it meanwhile. Role `gw_queue`.
pub async fn postpone(
    client: &Client,
    event: &ClaimedEvent,
    not_before: Timestamp,
    failures: i32,
) -> Result<bool, StoreError> {
    let changed = tx::execute(
        client,
        "postpone_event",
        POSTPONE,
        &[&event.source_id.uuid(), &event.received_at, &event.event_id.uuid(), &event.attempt, &not_before, &failures],
    )
    .await?;
    Ok(changed == 1)
}

/// Records how an event ended. False when another worker has taken it meanwhile: then nothing may be committed.
pub async fn finish(
    tx: &TenantTx<'_>,
    event: &ClaimedEvent,
    type_word: Option<&str>,
    outcome: &Outcome,
    finished_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "finish_event",
            FINISH,
            &[
                &event.source_id.uuid(),
                &event.received_at,
                &event.event_id.uuid(),
                &event.attempt,
                &type_word,
                &outcome.word(),
                &outcome.reason(),
                &finished_at,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// The sealed raw body that an event uses, while it is kept.
pub async fn read_body(tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<Option<Vec<u8>>, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&event.source_id.uuid(), &event.body_day, &event.body_event_id.uuid()];
    Ok(tx.query_opt("read_body", READ_BODY, params).await?.map(|row| row.get(0)))
}

/// The sealed copy of a dead letter's raw body, while it is kept.
pub async fn read_dead_letter_body(tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<Option<Vec<u8>>, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&event.source_id.uuid(), &event.body_day, &event.body_event_id.uuid()];
    Ok(tx.query_opt("read_dead_letter_body", READ_DEAD_LETTER_BODY, params).await?.map(|row| row.get(0)))
}

/// Keeps a sealed copy of a dead letter's raw body. Safe to repeat.
pub async fn keep_dead_letter(tx: &TenantTx<'_>, event: &ClaimedEvent, sealed: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "keep_dead_letter",
        KEEP_DEAD_LETTER,
        &[&event.source_id.uuid(), &event.body_day, &event.body_event_id.uuid(), &tx.tenant().uuid(), &sealed],
    )
    .await
    .map(|_| ())
}

/// The oldest day whose raw bodies a pending event may still need. Role `gw_queue`.
pub async fn oldest_pending_body(client: &Client) -> Result<Option<Date>, StoreError> {
    let rows = tx::query(client, "oldest_pending_body", OLDEST_PENDING_BODY, &[]).await?;
    Ok(rows.first().and_then(|row| row.get(0)))
}

/// Forgets deliveries that nobody has repeated since `before`, oldest first, at most `limit`; returns how many. `gw_queue`.
pub async fn forget_keys(client: &Client, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    tx::execute(client, "forget_event_keys", FORGET_KEYS, &[&before, &limit]).await
}

/// Adds a pending event that repeats `original`, which stays as it is. Fails when it is not the tenant's, and when it had
/// reused an identifier with another body: such an event is kept and never runs.
pub async fn replay(
    tx: &TenantTx<'_>,
    original: EventId,
    new_id: EventId,
    received_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one("replay_event", REPLAY, &[&original.uuid(), &new_id.uuid(), &received_at]).await
}
