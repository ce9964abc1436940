//! The inbox and its history: what has outlived its time goes, first the key, then the rows.

use jiff::{SignedDuration, ToSpan as _, civil::Date};

use crate::{
    app::{
        ground::{Ground, error::Error, vault::PENDING_BODY_DAYS_MAX},
        upkeep::swept::Swept,
    },
    store::{self, keys::BodyKeyPurpose},
};

/// How long a delivery is recognised after it came last: the longest time over which any sender or operator repeats one.
const EVENT_KEY_HOURS: i64 = 30 * 24;

/// Event keys forgotten in one statement, and statements in one sweep.
const EVENT_KEYS_MAX: i64 = 10_000;

const EVENT_KEY_ROUNDS_MAX: usize = 20;

/// How long events and audit entries are kept. The database holds this too, by its own time.
const HISTORY_MONTHS: i64 = 12;

/// Ends raw deliveries whose time is over. Each part goes on when another fails.
pub(in crate::app) async fn end_bodies(gateway: &Ground, swept: &mut Swept) {
    let policy = gateway.policy();
    let dead_letter = gateway.today().saturating_sub(i64::from(policy.dead_letter_body_days).days());
    let bounded = delivery_bound(gateway).await;
    // Without an answer about pending events only what is past every bound goes.
    let fallback = gateway.today().saturating_sub((i64::from(policy.raw_body_days) + PENDING_BODY_DAYS_MAX).days());
    let delivery = swept.took("pending bodies", bounded.map(Some)).unwrap_or(fallback);
    for (purpose, before) in [(BodyKeyPurpose::Delivery, delivery), (BodyKeyPurpose::DeadLetter, dead_letter)] {
        let destroyed = destroy_keys(gateway, purpose, before).await;
        swept.body_keys_destroyed += swept.took("body keys", destroyed);
    }
    gateway.vault().forget_body_keys();
    let dropped = drop_bodies(gateway, delivery, dead_letter).await;
    swept.partitions_dropped = swept.took("body partitions", dropped);
}

/// Days before this one are over for raw deliveries.
async fn delivery_bound(gateway: &Ground) -> Result<Date, Error> {
    let promised = gateway.today().saturating_sub(i64::from(gateway.policy().raw_body_days).days());
    let queue = gateway.databases().queue.client().await?;
    let oldest = store::event::oldest_pending_body(&queue).await?.unwrap_or(promised);
    let bound = promised.min(oldest).max(promised.saturating_sub(PENDING_BODY_DAYS_MAX.days()));
    if bound < promised {
        tracing::warn!(%bound, %promised, "raw deliveries are kept beyond their time, because an event of then is pending");
    }
    Ok(bound)
}

async fn destroy_keys(gateway: &Ground, purpose: BodyKeyPurpose, before: Date) -> Result<u64, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::keys::destroy_body_keys(&queue, purpose, before).await?)
}

async fn drop_bodies(gateway: &Ground, delivery: Date, dead_letter: Date) -> Result<i32, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::deployment::drop_bodies_before(&queue, delivery, dead_letter).await?)
}

/// Forgets deliveries that are too old to be repeated.
pub(in crate::app) async fn forget_event_keys(gateway: &Ground) -> Result<u64, Error> {
    let before = gateway.now() - SignedDuration::from_hours(EVENT_KEY_HOURS);
    let queue = gateway.databases().queue.client().await?;
    let mut forgotten = 0;
    for _ in 0..EVENT_KEY_ROUNDS_MAX {
        let batch = store::event::forget_keys(&queue, before, EVENT_KEYS_MAX).await?;
        forgotten += batch;
        if batch < EVENT_KEYS_MAX.unsigned_abs() {
            break;
        }
    }
    Ok(forgotten)
}

/// Forgets tokens that nobody would accept any more.
pub(in crate::app) async fn forget_token_uses(gateway: &Ground) -> Result<u64, Error> {
    let queue = gateway.databases().queue.client().await?;
    let mut forgotten = 0;
    for _ in 0..EVENT_KEY_ROUNDS_MAX {
        let batch = store::intake::forget_token_uses(&queue, gateway.now(), EVENT_KEYS_MAX).await?;
        forgotten += batch;
        if batch < EVENT_KEYS_MAX.unsigned_abs() {
            break;
        }
    }
    Ok(forgotten)
}

/// Makes the partitions that will be needed.
pub(in crate::app) async fn make_partitions(gateway: &Ground) -> Result<(), Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::deployment::ensure_partitions(&queue, gateway.today()).await?)
}

/// Ends months of events and audit entries that are over.
pub(in crate::app) async fn end_history(gateway: &Ground) -> Result<i32, Error> {
    let bound = gateway.today().saturating_sub(HISTORY_MONTHS.months());
    let queue = gateway.databases().queue.client().await?;
    Ok(store::deployment::drop_history_before(&queue, bound).await?)
}
