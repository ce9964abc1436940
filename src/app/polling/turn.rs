//! A turn: the right to ask one source for one thing, by a lease of database time, and how it ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{accounts::outcome::failure_word, ground::error::Error, polling::Polling},
    domain::{back_off, metric, poll::PollFeed, reason::WaitReason},
    outbound::CallFailure,
    store::{
        self,
        poll::{PollSource, PolledFeed, TurnEnd, TurnRow},
    },
};

/// How long a turn is held: more than a round's budget, a refresh of a token and a call together.
const LEASE_SECONDS: f64 = 180.0;

/// The wait after a first failure; doubled with each one that follows.
const BACK_OFF_FIRST: Duration = Duration::from_mins(1);

const BACK_OFF_MAX: Duration = Duration::from_hours(1);

/// How many failures in a row make the wait longer.
const DOUBLINGS_MAX: u32 = 6;

/// Why a turn ended early.
#[derive(Debug, thiserror::Error)]
pub(in crate::app) enum Halted {
    /// The other system.
    #[error("the other system could not be asked")]
    Call(#[from] CallFailure),
    /// Something of ours.
    #[error(transparent)]
    Ours(#[from] Error),
}

impl From<store::StoreError> for Halted {
    fn from(error: store::StoreError) -> Self {
        Self::Ours(error.into())
    }
}

impl From<crate::product::ProductError> for Halted {
    fn from(error: crate::product::ProductError) -> Self {
        Self::Ours(error.into())
    }
}

impl Halted {
    /// Its causes on one line. They hold statuses and names of ours, never values.
    fn chain(&self) -> String {
        match self {
            Self::Ours(error) => error.chain(),
            Self::Call(failure) => {
                let mut text = failure.to_string();
                let mut cause = std::error::Error::source(failure);
                while let Some(inner) = cause {
                    text.push_str(": ");
                    text.push_str(&inner.to_string());
                    cause = inner.source();
                }
                text
            }
        }
    }

    fn word(&self) -> String {
        match self {
            Self::Call(failure) => failure_word(failure),
            Self::Ours(_) => "failed".to_owned(),
        }
    }
}

/// The right to ask, until the lease runs out.
pub(in crate::app) struct Turn {
    name: String,
    asked: PolledFeed,
    row: TurnRow,
}

impl Turn {
    /// Takes the turn. `None` when another process has it or when it is not time.
    pub(in crate::app) async fn take(
        gateway: &Polling,
        source: &PollSource,
        feed: PollFeed,
        first_since: Timestamp,
        is_forced: bool,
    ) -> Result<Option<Self>, Error> {
        let asked = PolledFeed { source: source.source_id, holder: source.holder.clone(), feed };
        let first_ms = first_since.as_millisecond().max(0);
        let queue = gateway.databases().queue.client().await?;
        let row = store::poll::take_turn(&queue, &asked, first_ms, gateway.now(), LEASE_SECONDS, is_forced).await?;
        Ok(row.map(|row| Self { name: source.name.clone(), asked, row }))
    }

    /// The `since` of the next call, in milliseconds since 1970.
    pub(in crate::app) const fn since_ms(&self) -> i64 {
        self.row.since_ms
    }

    /// Moves the place in time, once everything before it is durable. Fails when another process has the turn.
    pub(in crate::app) async fn advance(&mut self, gateway: &Polling, since_ms: i64) -> Result<(), Error> {
        let queue = gateway.databases().queue.client().await?;
        if !store::poll::advance(&queue, &self.asked, self.row.turn, since_ms, LEASE_SECONDS).await? {
            return Err(Error::later(WaitReason::TurnTaken));
        }
        self.row.since_ms = since_ms;
        Ok(())
    }

    /// Ends the turn. It is asked again after the rest, or, when it was halted, after a wait that the other side names or
    /// that grows with each failure. Why it was halted is logged here. True when it was not halted.
    pub(in crate::app) async fn end(
        self,
        gateway: &Polling,
        ended: Result<SignedDuration, Halted>,
    ) -> Result<bool, Error> {
        let (now, feed) = (gateway.now(), self.asked.feed.as_str());
        let is_done = ended.is_ok();
        let (end, outcome) = match ended {
            Ok(rest) => (TurnEnd { due_at: now + rest, held_back_until: None, failures: 0 }, "asked".to_owned()),
            Err(halted) => {
                let (source, error, outcome) = (&self.name, halted.chain(), halted.word());
                tracing::warn!(source, feed, outcome, error, "asking a source was halted; it is tried again");
                let until = now.saturating_add(self.wait_after(gateway, &halted)).unwrap_or(Timestamp::MAX);
                let failures = self.row.failures.saturating_add(1);
                (TurnEnd { due_at: until, held_back_until: Some(until), failures }, outcome)
            }
        };
        metrics::counter!(metric::POLLS_TOTAL, "feed" => feed, "outcome" => outcome).increment(1);
        let queue = gateway.databases().queue.client().await?;
        store::poll::end_turn(&queue, &self.asked, self.row.turn, end).await?;
        Ok(is_done)
    }

    /// What the other side asks for, and at least our own back-off where it asks for nothing. A rejection is a matter for a
    /// person: it is asked again once in an hour.
    fn wait_after(&self, gateway: &Polling, halted: &Halted) -> SignedDuration {
        let asked_for = match halted {
            Halted::Call(failure) => failure.retry_after(),
            Halted::Ours(_) => None,
        };
        if let Some(wait) = asked_for {
            // Rounded up: never a moment before what was asked for.
            let seconds =
                i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(i64::from(wait.subsec_nanos() > 0));
            return SignedDuration::from_secs(seconds);
        }
        let doublings = match halted {
            Halted::Call(failure) if !failure.is_transient() => DOUBLINGS_MAX,
            Halted::Call(_) | Halted::Ours(_) => u32::try_from(self.row.failures).unwrap_or(0),
        };
        let wait = back_off::doubled(BACK_OFF_FIRST, BACK_OFF_MAX, doublings);
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        wait + part_of(gateway, wait / 4)
    }
}

/// A random part of `most`, so that nothing happens at round hours or everywhere at once.
pub(in crate::app) fn part_of(gateway: &Polling, most: SignedDuration) -> SignedDuration {
    let most = Duration::try_from(most).unwrap_or_default();
    SignedDuration::try_from(back_off::part_of(most, gateway.randomness())).unwrap_or_default()
}
