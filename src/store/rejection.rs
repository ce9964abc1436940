//! Refused calls: counts by day, and the latest in a ring of a thousand slots.

use jiff::{Timestamp, civil::Date};

use super::{Client, StoreError, statements, tx};

statements! {
    ADD_COUNTS = "INSERT INTO gateway.rejection_count AS c (day, source_name, source_kind, reason, refused, last_at)
        SELECT day, source_name, source_kind, reason, refused, last_at
        FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::timestamptz[])
            AS t (day, source_name, source_kind, reason, refused, last_at)
        ORDER BY day, source_name, source_kind, reason
        ON CONFLICT (day, source_name, source_kind, reason) DO UPDATE
        SET refused = c.refused + EXCLUDED.refused,
            last_at = greatest(c.last_at, EXCLUDED.last_at)";
    ADD_LATEST = "INSERT INTO gateway.rejection AS r (slot, at, source_name, source_kind, reason, reply)
        SELECT DISTINCT ON (slot) slot, at, source_name, source_kind, reason, reply
        FROM (
            SELECT nextval('gateway.rejection_turn') % 1000 AS slot, t.*
            FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[])
                AS t (at, source_name, source_kind, reason, reply)
        ) AS placed
        ORDER BY slot, at DESC
        ON CONFLICT (slot) DO UPDATE
        SET at = EXCLUDED.at,
            source_name = EXCLUDED.source_name,
            source_kind = EXCLUDED.source_kind,
            reason = EXCLUDED.reason,
            reply = EXCLUDED.reply";
    COUNTS = "SELECT day, source_name, source_kind, reason, refused, last_at
        FROM gateway.rejection_count
        WHERE ($1::text IS NULL OR source_name = $1) AND day >= $2
        ORDER BY day DESC, refused DESC, source_name, reason
        LIMIT 1000";
    LATEST = "SELECT at, source_name, source_kind, reason, reply, slot
        FROM gateway.rejection
        WHERE ($1::text IS NULL OR source_name = $1)
            AND (at, slot) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::int4, 0))
        ORDER BY at DESC, slot DESC
        LIMIT $4";
    FORGET = "DELETE FROM gateway.rejection_count WHERE day < $1";
}

/// How often one rule refused calls on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountRow {
    /// The day, in UTC.
    pub day: Date,
    /// The source; empty when the name was no registered one.
    pub source_name: String,
    /// The kind of sender that the route is for.
    pub source_kind: String,
    /// Which rule failed.
    pub reason: String,
    /// How often.
    pub refused: i64,
    /// When it did last.
    pub last_at: Timestamp,
}

/// One refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionRow {
    /// When.
    pub at: Timestamp,
    /// The source; empty when the name was no registered one.
    pub source_name: String,
    /// The kind of sender that the route is for.
    pub source_kind: String,
    /// Which rule failed.
    pub reason: String,
    /// What the caller was told: `unauthorized`, or `unavailable` where the inability was ours.
    pub reply: String,
}

/// Adds to the counts. Role `gw_intake`.
pub async fn add_counts(client: &Client, rows: &[CountRow]) -> Result<(), StoreError> {
    let text = |pick: fn(&CountRow) -> &str| rows.iter().map(pick).collect::<Vec<_>>();
    tx::execute(
        client,
        "add_rejection_counts",
        ADD_COUNTS,
        &[
            &rows.iter().map(|row| row.day).collect::<Vec<_>>(),
            &text(|row| &row.source_name),
            &text(|row| &row.source_kind),
            &text(|row| &row.reason),
            &rows.iter().map(|row| row.refused).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.last_at).collect::<Vec<_>>(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes the latest rejections over the oldest. Role `gw_intake`.
pub async fn add_latest(client: &Client, rows: &[RejectionRow]) -> Result<(), StoreError> {
    let text = |pick: fn(&RejectionRow) -> &str| rows.iter().map(pick).collect::<Vec<_>>();
    tx::execute(
        client,
        "add_latest_rejections",
        ADD_LATEST,
        &[
            &rows.iter().map(|row| row.at).collect::<Vec<_>>(),
            &text(|row| &row.source_name),
            &text(|row| &row.source_kind),
            &text(|row| &row.reason),
            &text(|row| &row.reply),
        ],
    )
    .await?;
    Ok(())
}

/// Counts since a day, of one source or of all. Role `gw_queue`.
pub async fn counts(client: &Client, source: Option<&str>, since: Date) -> Result<Vec<CountRow>, StoreError> {
    let rows = tx::query(client, "rejection_counts", COUNTS, &[&source, &since]).await?;
    Ok(rows
        .iter()
        .map(|row| CountRow {
            day: row.get(0),
            source_name: row.get(1),
            source_kind: row.get(2),
            reason: row.get(3),
            refused: row.get(4),
            last_at: row.get(5),
        })
        .collect())
}

/// The latest rejections with their slots in the ring, newest first, after a place in the list. Role `gw_queue`.
pub async fn latest(
    client: &Client,
    source: Option<&str>,
    after: Option<(Timestamp, i32)>,
    limit: i64,
) -> Result<Vec<(i32, RejectionRow)>, StoreError> {
    let (after_time, after_slot) = after.unzip();
    let rows = tx::query(client, "latest_rejections", LATEST, &[&source, &after_time, &after_slot, &limit]).await?;
    let rejection = |row: &tokio_postgres::Row| RejectionRow {
        at: row.get(0),
        source_name: row.get(1),
        source_kind: row.get(2),
        reason: row.get(3),
        reply: row.get(4),
    };
    Ok(rows.iter().map(|row| (row.get(5), rejection(row))).collect())
}

/// Forgets counts of days before `before`. Role `gw_queue`.
pub async fn forget_before(client: &Client, before: Date) -> Result<u64, StoreError> {
    tx::execute(client, "forget_rejections", FORGET, &[&before]).await
}
