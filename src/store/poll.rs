//! Polled sources: which there are, how far each was asked, and whose turn it is to ask.

use jiff::Timestamp;

use super::{Client, StoreError, statements, tx};
use crate::domain::{SourceId, SourceKind, TenantId, poll::PollFeed};

statements! {
    // What has waited longest comes first, so that a bound never leaves anybody out for ever.
    SOURCES = "SELECT s.source_id, s.name, s.kind, s.tenant_id, s.site_host, s.created_at, s.has_credentials, s.holder,
               r.resting
        FROM gateway.sources_to_poll($2) s
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(c.feed) FILTER (WHERE c.due_at > $1 OR c.held_back_until > $1), '{}') AS resting,
                   min(greatest(c.due_at, c.held_back_until)) AS next_at
            FROM gateway.poll_cursor c
            WHERE c.source_id = s.source_id AND c.holder = s.holder
        ) r
        ORDER BY r.next_at NULLS FIRST, s.name, s.holder
        LIMIT 10000";
    TAKE_TURN = "INSERT INTO gateway.poll_cursor AS known (source_id, holder, feed, since_ms, due_at, lease_until)
        VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
        ON CONFLICT (source_id, holder, feed) DO UPDATE
        SET turn = known.turn + 1, lease_until = EXCLUDED.lease_until
        WHERE (known.lease_until IS NULL OR known.lease_until <= now())
            AND (known.held_back_until IS NULL OR known.held_back_until <= $5)
            AND ($7 OR known.due_at <= $5)
        RETURNING turn, since_ms, failures";
    ADVANCE = "UPDATE gateway.poll_cursor
        SET since_ms = $5, lease_until = now() + make_interval(secs => $6)
        WHERE source_id = $1 AND holder = $2 AND feed = $3 AND turn = $4 AND lease_until > now()";
    END_TURN = "UPDATE gateway.poll_cursor
        SET due_at = $5, held_back_until = $6, failures = $7, lease_until = NULL
        WHERE source_id = $1 AND holder = $2 AND feed = $3 AND turn = $4";
}

/// A source that can be asked.
#[derive(Debug, Clone)]
pub struct PollSource {
    /// Its id.
    pub source_id: SourceId,
    /// Its name.
    pub name: String,
    /// The kind of sender.
    pub kind: SourceKind,
    /// Whose it is; for an installation, the tenant.
    pub tenant_id: TenantId,
    /// The installation within it that can be asked (its cloud id); empty for the source itself.
    pub holder: String,
    /// The site that it is about, lower case.
    pub site_host: Option<String>,
    /// When it was registered, or the tenant was first heard of.
    pub created_at: Timestamp,
    /// True with provider credentials.
    pub has_credentials: bool,
    /// What of it need not be asked now.
    pub resting: Vec<PollFeed>,
}

/// The right to ask a source, until the lease runs out.
#[derive(Debug, Clone, Copy)]
pub struct TurnRow {
    /// The fencing token.
    pub turn: i64,
    /// The `since` of the next call, in milliseconds since 1970.
    pub since_ms: i64,
    /// Failures in a row before this turn.
    pub failures: i32,
}

/// What is asked of which source.
#[derive(Debug, Clone)]
pub struct PolledFeed {
    /// The source.
    pub source: SourceId,
    /// The installation within it, or nothing.
    pub holder: String,
    /// What of it.
    pub feed: PollFeed,
}

/// Every source that can be asked, and the installations that have brought a token since `tokens_since`. Role `gw_queue`.
pub async fn sources(client: &Client, at: Timestamp, tokens_since: Timestamp) -> Result<Vec<PollSource>, StoreError> {
    let rows = tx::query(client, "sources_to_poll", SOURCES, &[&at, &tokens_since]).await?;
    rows.iter()
        .map(|row| {
            let unknown = StoreError::UnknownValue { column: "source.kind" };
            let resting: Vec<&str> = row.get("resting");
            Ok(PollSource {
                source_id: SourceId::from_uuid(row.get("source_id")),
                name: row.get("name"),
                kind: SourceKind::parse(row.get("kind")).ok_or(unknown)?,
                tenant_id: TenantId::from_uuid(row.get("tenant_id")),
                site_host: row.get("site_host"),
                created_at: row.get("created_at"),
                has_credentials: row.get("has_credentials"),
                holder: row.get("holder"),
                resting: resting.into_iter().filter_map(PollFeed::parse).collect(),
            })
        })
        .collect()
}

/// Takes the turn for `lease_seconds` of database time. `first_since_ms` counts when nothing was asked before. `None` when
/// another process has it, when the source wants to be left alone, or, unless `is_forced`, when it is not due. Role
/// `gw_queue`.
pub async fn take_turn(
    client: &Client,
    asked: &PolledFeed,
    first_since_ms: i64,
    at: Timestamp,
    lease_seconds: f64,
    is_forced: bool,
) -> Result<Option<TurnRow>, StoreError> {
    let (source, feed) = (asked.source.uuid(), asked.feed.as_str());
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&source, &asked.holder, &feed, &first_since_ms, &at, &lease_seconds, &is_forced];
    let rows = tx::query(client, "take_turn", TAKE_TURN, params).await?;
    Ok(rows.first().map(|row| TurnRow { turn: row.get(0), since_ms: row.get(1), failures: row.get(2) }))
}

/// Moves the cursor and renews the lease. False when the turn was lost. Role `gw_queue`.
pub async fn advance(
    client: &Client,
    asked: &PolledFeed,
    turn: i64,
    since_ms: i64,
    lease_seconds: f64,
) -> Result<bool, StoreError> {
    let (source, feed) = (asked.source.uuid(), asked.feed.as_str());
    let moved = tx::execute(
        client,
        "advance_poll",
        ADVANCE,
        &[&source, &asked.holder, &feed, &turn, &since_ms, &lease_seconds],
    )
    .await?;
    Ok(moved == 1)
}

/// How a turn ends.
#[derive(Debug, Clone, Copy)]
pub struct TurnEnd {
    /// When the source is asked again.
    pub due_at: Timestamp,
    /// Until when nobody may ask it, by hand neither.
    pub held_back_until: Option<Timestamp>,
    /// Failures in a row.
    pub failures: i32,
}

/// Ends a turn. A turn that was lost changes nothing. Role `gw_queue`.
pub async fn end_turn(client: &Client, asked: &PolledFeed, turn: i64, end: TurnEnd) -> Result<(), StoreError> {
    let (source, feed) = (asked.source.uuid(), asked.feed.as_str());
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&source, &asked.holder, &feed, &turn, &end.due_at, &end.held_back_until, &end.failures];
    tx::execute(client, "end_turn", END_TURN, params).await.map(|_| ())
}
