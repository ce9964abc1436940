//! The queue of pending events: claimed under a lease, given back when an attempt did not end them.

use crate::{
    app::{
        ground::{Ground, error::Error},
        interpretation::ending::finish_plain,
    },
    domain::{
        event::Outcome,
        job::{EVENT_ATTEMPTS_MAX, EVENT_RETRY_AGE_MAX, retry_delay_ms},
        metric,
        reason::{Cause, EventReason, WorkReason},
    },
    store::{self, event::ClaimedEvent},
};

/// Takes up to `limit` due events.
pub async fn claim(gateway: &Ground, limit: i64) -> Result<Vec<ClaimedEvent>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::claim(&queue, limit, gateway.now(), gateway.leases().event_seconds).await?)
}

/// Extends the lease of an event: what concerns many issues or many tenants takes longer than one lease. False when another
/// worker has taken it.
pub async fn heartbeat(gateway: &Ground, event: &ClaimedEvent) -> Result<bool, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::heartbeat(&queue, event, gateway.leases().event_seconds).await?)
}

/// Why an attempt at an event did not end it.
#[derive(Debug, Clone, Copy)]
pub enum Setback<'a> {
    /// It failed.
    Failed(&'a Error),
    /// It panicked.
    Panicked,
}

impl Setback<'_> {
    /// True when the same attempt may succeed later, without anybody doing anything about the event.
    fn is_transient(self) -> bool {
        match self {
            Self::Failed(error) => error.is_transient(),
            Self::Panicked => false,
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Failed(error) => Cause::of(error),
            Self::Panicked => Cause::of_reason(&WorkReason::AttemptPanicked.into()),
        }
    }
}

/// Gives an event back to be taken again, or dead-letters it: after [`EVENT_ATTEMPTS_MAX`] failures of its own, or when
/// databases have been away for [`EVENT_RETRY_AGE_MAX`]. An outage never uses up attempts. True when it was dead-lettered.
pub async fn give_back(gateway: &Ground, event: &ClaimedEvent, why: Setback<'_>) -> Result<bool, Error> {
    let is_transient = why.is_transient();
    let is_over = if is_transient {
        gateway.now().duration_since(event.received_at) >= EVENT_RETRY_AGE_MAX
    } else {
        event.failures + 1 >= EVENT_ATTEMPTS_MAX
    };
    if is_over {
        let outcome = Outcome::dead_lettered(EventReason::GaveUp { last: why.cause() });
        if let Some(outcome) = finish_plain(gateway, event, None, outcome).await? {
            metrics::counter!(metric::EVENTS_TOTAL, "outcome" => outcome.word()).increment(1);
        }
        return Ok(true);
    }
    let delay_ms = retry_delay_ms(u32::try_from(event.attempt).unwrap_or(0), gateway.randomness());
    let delay = jiff::SignedDuration::from_millis(i64::try_from(delay_ms).unwrap_or(i64::MAX));
    let queue = gateway.databases().queue.client().await?;
    store::event::postpone(&queue, event, gateway.now() + delay, i32::from(!is_transient)).await?;
    Ok(false)
}
