//! Moving the clock of a demo database forward. A real database has no such clock.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    app::ground::{Ground, error::Error},
    domain::reason::InputReason,
    store,
};

/// The furthest that one call moves the clock, in days: ten years.
pub const ADVANCE_DAYS_MAX: i64 = 3_660;

/// Where the demo clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Advanced {
    /// How far the demo clock is ahead of the real one, in seconds.
    pub offset_seconds: i64,
    /// What it showed before.
    pub from_at: Timestamp,
    /// What it shows now.
    pub to_at: Timestamp,
}

/// Moves the demo clock forward by whole seconds, for every process that uses this database. Repeating moves it again.
/// Refused on a database that was not marked demo when it was made; the mark cannot be set later.
pub async fn advance(gateway: &Ground, by: SignedDuration) -> Result<Advanced, Error> {
    let seconds = by.as_secs();
    if !(1..=ADVANCE_DAYS_MAX * 86_400).contains(&seconds) {
        return Err(Error::rejected(InputReason::ClockStep { days_max: ADVANCE_DAYS_MAX }));
    }
    let queue = gateway.databases().queue.client().await?;
    if !store::deployment::is_demo(&queue).await? {
        return Err(Error::rejected(InputReason::ClockIsReal));
    }
    let from_at = gateway.now();
    let offset_seconds = store::deployment::advance_demo_clock(&queue, seconds).await?;
    gateway.wake_workers();
    let to_at = from_at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    Ok(Advanced { offset_seconds, from_at, to_at })
}
