//! Events as operators see them: listed, counted and balanced, never changed. Ids, times and words only.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    domain::{EventId, SourceId, TenantId},
    store::{Client, StoreError, statements, tx},
};

statements! {
    COUNT_UNFINISHED = "SELECT count(*) FROM gateway.event WHERE state = 'pending'";
    BALANCE = "SELECT count(*),
               count(*) FILTER (WHERE state = 'pending'),
               count(*) FILTER (WHERE outcome = 'applied'),
               count(*) FILTER (WHERE outcome = 'ignored'),
               count(*) FILTER (WHERE outcome = 'dead_lettered')
        FROM gateway.event";
    // Absent filters are null; the planner drops them. Bounded by the caller's limit.
    SELECT_EVENTS = "SELECT event_id, source_id, tenant_id, received_at, type_word, state, outcome, outcome_reason,
               finished_at, attempt, replay_of, body_event_id, original_received_at, body_bytes
        FROM gateway.event
        WHERE ($1::uuid IS NULL OR event_id = $1)
            AND ($2::uuid IS NULL OR tenant_id = $2)
            AND ($3::text IS NULL OR type_word = $3)
            AND ($4::text IS NULL OR outcome = $4)
            AND ($5::timestamptz IS NULL OR received_at >= $5)
            AND ($6::timestamptz IS NULL OR received_at < $6)
            AND ($7::text IS NULL OR state = $7)
        ORDER BY received_at DESC, event_id DESC
        LIMIT $8";
    COUNT_EVENTS = "SELECT count(*)
        FROM gateway.event
        WHERE ($1::uuid IS NULL OR event_id = $1)
            AND ($2::uuid IS NULL OR tenant_id = $2)
            AND ($3::text IS NULL OR type_word = $3)
            AND ($4::text IS NULL OR outcome = $4)
            AND ($5::timestamptz IS NULL OR received_at >= $5)
            AND ($6::timestamptz IS NULL OR received_at < $6)
            AND ($7::text IS NULL OR state = $7)";
}

/// An event as operators see it: ids, times and words.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its id.
    pub event_id: EventId,
    /// Who sent it.
    pub source_id: SourceId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// When it came in.
    pub received_at: Timestamp,
    /// The interpreted type, once known.
    pub type_word: Option<String>,
    /// `pending` or `done`.
    pub state: String,
    /// `applied`, `ignored` or `dead_lettered`, once done.
    pub outcome: Option<String>,
    /// Why.
    pub outcome_reason: Option<String>,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// How often it was taken.
    pub attempt: i32,
    /// The event that it repeats.
    pub replay_of: Option<EventId>,
    /// The event whose raw body it uses.
    pub body_event_id: EventId,
    /// When the original arrived.
    pub original_received_at: Timestamp,
    /// Size of the raw body.
    pub body_bytes: i32,
}

/// Which events: every filter that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// One event.
    pub event_id: Option<EventId>,
    /// Events of one tenant.
    pub tenant_id: Option<TenantId>,
    /// Events of one interpreted type.
    pub type_word: Option<String>,
    /// Events with one outcome.
    pub outcome: Option<String>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// `pending` or `done`.
    pub state: Option<String>,
}

/// How many events there are, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// All events.
    pub accepted: i64,
    /// Not finished yet.
    pub pending: i64,
    /// Applied.
    pub applied: i64,
    /// Ignored.
    pub ignored: i64,
    /// Dead-lettered.
    pub dead_lettered: i64,
}

/// How many events are not finished. Role `gw_queue`.
pub async fn count_unfinished(client: &Client) -> Result<i64, StoreError> {
    let rows = tx::query(client, "count_unfinished", COUNT_UNFINISHED, &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// The balance: accepted = pending + applied + ignored + dead-lettered. Role `gw_queue`.
pub async fn balance(client: &Client) -> Result<Balance, StoreError> {
    let rows = tx::query(client, "event_balance", BALANCE, &[]).await?;
    let row = rows.first().ok_or(StoreError::RowCount { statement: "event_balance", expected: 1, actual: 0 })?;
    Ok(Balance {
        accepted: row.get(0),
        pending: row.get(1),
        applied: row.get(2),
        ignored: row.get(3),
        dead_lettered: row.get(4),
    })
}

/// Events that match, newest first, at most `limit`. Role `gw_queue`.
pub async fn select(client: &Client, filter: &EventFilter, limit: i64) -> Result<Vec<EventRow>, StoreError> {
    let rows = tx::query(
        client,
        "select_events",
        SELECT_EVENTS,
        &[
            &filter.event_id.map(|id| id.uuid()),
            &filter.tenant_id.map(|id| id.uuid()),
            &filter.type_word,
            &filter.outcome,
            &filter.since,
            &filter.until,
            &filter.state,
            &limit,
        ],
    )
    .await?;
    Ok(rows.iter().map(event_row).collect())
}

/// How many events match. Role `gw_queue`.
pub async fn count(client: &Client, filter: &EventFilter) -> Result<i64, StoreError> {
    let rows = tx::query(
        client,
        "count_events",
        COUNT_EVENTS,
        &[
            &filter.event_id.map(|id| id.uuid()),
            &filter.tenant_id.map(|id| id.uuid()),
            &filter.type_word,
            &filter.outcome,
            &filter.since,
            &filter.until,
            &filter.state,
        ],
    )
    .await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

fn event_row(row: &tokio_postgres::Row) -> EventRow {
    EventRow {
        event_id: EventId::from_uuid(row.get(0)),
        source_id: SourceId::from_uuid(row.get(1)),
        tenant_id: TenantId::from_uuid(row.get(2)),
        received_at: row.get(3),
        type_word: row.get(4),
        state: row.get(5),
        outcome: row.get(6),
        outcome_reason: row.get(7),
        finished_at: row.get(8),
        attempt: row.get(9),
        replay_of: row.get::<_, Option<Uuid>>(10).map(EventId::from_uuid),
        body_event_id: EventId::from_uuid(row.get(11)),
        original_received_at: row.get(12),
        body_bytes: row.get(13),
    }
}
