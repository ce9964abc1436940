//! What this database is, and the demo clock.

use super::{Client, StoreError, statements, tx};

statements! {
    IS_DEMO = "SELECT is_demo FROM gateway.deployment";
    READ_OFFSET = "SELECT offset_seconds FROM gateway.demo_clock";
    ADVANCE_OFFSET = "INSERT INTO gateway.demo_clock (offset_seconds)
        VALUES ($1)
        ON CONFLICT (only_row) DO UPDATE SET offset_seconds = demo_clock.offset_seconds + EXCLUDED.offset_seconds
        RETURNING offset_seconds";
    READ_KEY_CHECKS = "SELECT purpose, key_id, check_value FROM gateway.key_check ORDER BY purpose, key_id";
    INSERT_KEY_CHECK = "INSERT INTO gateway.key_check (purpose, key_id, check_value)
        VALUES ($1, $2, $3)
        ON CONFLICT (purpose, key_id) DO NOTHING";
    DIGEST_KEYS_IN_USE = "SELECT in_use FROM gateway.digest_keys_in_use() AS in_use ORDER BY in_use";
    ENSURE_PARTITIONS = "SELECT gateway.ensure_partitions($1)";
    DROP_BODIES = "SELECT gateway.drop_bodies_before($1, $2)";
    DROP_HISTORY = "SELECT gateway.drop_history_before($1)";
    PING = "SELECT 1";
}

/// True when the database was marked *demo* at its creation. Role `gw_queue`.
pub async fn is_demo(client: &Client) -> Result<bool, StoreError> {
    let rows = tx::query(client, "is_demo", IS_DEMO, &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The demo clock's offset in seconds; 0 on a real database. Role `gw_queue`.
pub async fn demo_offset_seconds(client: &Client) -> Result<i64, StoreError> {
    let rows = tx::query(client, "demo_offset", READ_OFFSET, &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Moves the demo clock forward. Fails by constraint on a database that is not marked demo. Role `gw_queue`.
pub async fn advance_demo_clock(client: &Client, seconds: i64) -> Result<i64, StoreError> {
    let rows = tx::query(client, "advance_demo_clock", ADVANCE_OFFSET, &[&seconds]).await?;
    rows.first().map(|row| row.get(0)).ok_or(StoreError::RowCount {
        statement: "advance_demo_clock",
        expected: 1,
        actual: 0,
    })
}

/// The check values of the keys that this database was written with: `master` or `digest`, key id, value. Role `gw_queue`.
pub async fn key_checks(client: &Client) -> Result<Vec<(String, i32, Vec<u8>)>, StoreError> {
    let rows = tx::query(client, "key_checks", READ_KEY_CHECKS, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// Records a key's check value if there is none yet. Role `gw_queue`.
pub async fn insert_key_check(
    client: &Client,
    purpose: &str,
    key_id: i32,
    check_value: &[u8],
) -> Result<(), StoreError> {
    tx::execute(client, "insert_key_check", INSERT_KEY_CHECK, &[&purpose, &key_id, &check_value]).await.map(|_| ())
}

/// The ids of the digest keys that living identities and fences of any tenant are found by, ascending. Role `gw_queue`.
pub async fn digest_keys_in_use(client: &Client) -> Result<Vec<i32>, StoreError> {
    let rows = tx::query(client, "digest_keys_in_use", DIGEST_KEYS_IN_USE, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Makes the partitions around a day. Safe to repeat. Roles `gw_queue`, `gw_intake`.
pub async fn ensure_partitions(client: &Client, around: jiff::civil::Date) -> Result<(), StoreError> {
    tx::query(client, "ensure_partitions", ENSURE_PARTITIONS, &[&around]).await.map(|_| ())
}

/// Drops raw bodies of days before the bounds; returns the number of partitions that went. Role `gw_queue`.
pub async fn drop_bodies_before(
    client: &Client,
    delivery: jiff::civil::Date,
    dead_letter: jiff::civil::Date,
) -> Result<i32, StoreError> {
    let rows = tx::query(client, "drop_bodies", DROP_BODIES, &[&delivery, &dead_letter]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Drops events and audit entries of whole months before the bound, which the database never lets be younger than twelve
/// months; returns the number of partitions that went. Role `gw_queue`.
pub async fn drop_history_before(client: &Client, bound: jiff::civil::Date) -> Result<i32, StoreError> {
    let rows = tx::query(client, "drop_history", DROP_HISTORY, &[&bound]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Answers when the database does.
pub async fn ping(client: &Client) -> Result<(), StoreError> {
    tx::query(client, "ping", PING, &[]).await.map(|_| ())
}
