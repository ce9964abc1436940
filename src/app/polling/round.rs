//! Polling: one round over everything that is due.
//!
//! ```text
//!  sources with credentials ─┬─▶ report_accounts      which accounts were closed or changed ─▶ events of the platform
//!   (one query, or nothing)  ├─▶ watch_installations  who has fallen silent ──▶ evidence about the tenant
//!                            └─▶ reconcile_hours      worklogs whose webhook was lost ─────▶ events of the source
//! ```
//!
//! Promises: whatever is learned goes the ordinary way, as an event or as evidence, and is durable before the place in time
//! moves on; dying anywhere loses at most a turn or a claim, which runs out; two processes never ask the same at once; a
//! round ends within its budget and one call; what another system wants to be waited for is waited for, by hand, too.

use crate::app::registry;

use jiff::SignedDuration;
use serde::Serialize;

use crate::{
    app::{
        ground::error::Error,
        polling::{Polling, accounts, budget::Budget, installations, site, worklogs},
    },
    domain::poll::PollFeed,
    sources::contract,
    store::{self, poll::PollSource},
};

/// Which round.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// Only this source.
    pub only: Option<&'a str>,
    /// Also what is not due by our own interval. What the other side wants to be waited for is waited for all the same, and
    /// no account is reported before its cycle is over.
    pub is_forced: bool,
}

impl Round<'_> {
    /// Whatever is due.
    pub const DUE: Self = Self { only: None, is_forced: false };

    fn wants(&self, source: &PollSource) -> bool {
        self.only.is_none_or(|name| source.name == name)
    }

    fn wants_now(&self, source: &PollSource, feed: PollFeed) -> bool {
        self.wants(source) && (self.is_forced || !source.resting.contains(&feed))
    }
}

/// What one round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Polled {
    /// Accounts reported to Atlassian.
    pub accounts_reported: u64,
    /// Of these, accounts that were closed.
    pub accounts_closed: u64,
    /// Of these, accounts whose personal data has changed.
    pub accounts_updated: u64,
    /// Changes of worklogs that Jira told of.
    pub worklogs_told: u64,
    /// Of these, changes that no webhook had brought: each is an event now.
    pub worklogs_missed: u64,
    /// Installations looked at because they have fallen silent.
    pub installations_silent: u64,
    /// Of these, sites that were asked.
    pub installations_probed: u64,
    /// Parts that ended early; each was logged and is tried again.
    pub failures: u32,
}

/// One round. Fails only when it cannot be found out what there is to ask; see [`Polled::failures`] for the rest. Safe in
/// several processes at once.
pub async fn run(gateway: &Polling, round: Round<'_>, budget: &Budget) -> Result<Polled, Error> {
    let queue = gateway.databases().queue.client().await?;
    let now = gateway.now();
    let tokens_since = now - SignedDuration::from_hours(registry::INSTALLATION_TOKEN_HOURS);
    let sources = store::poll::sources(&queue, now, tokens_since).await?;
    drop(queue);
    let mut polled = Polled::default();
    if sources.is_empty() {
        return Ok(polled);
    }
    report(gateway, &sources, round, budget, &mut polled).await;
    let has_installations = |source: &PollSource| contract(source.kind).polling == contract::Polling::Installations;
    if sources.iter().any(|source| has_installations(source) && round.wants(source)) {
        let looked = installations::run(gateway, &sources, budget).await;
        let looked = looked.inspect_err(|error| {
            tracing::warn!(error = %error.chain(), "silent installations could not be looked at");
        });
        polled.failures += u32::from(looked.is_err());
        let looked = looked.unwrap_or_default();
        polled.installations_silent = looked.silent;
        polled.installations_probed = looked.probed;
    }
    for source in sources.iter().filter(|source| site::can_ask(source)) {
        for feed in [PollFeed::WorklogsUpdated, PollFeed::WorklogsDeleted] {
            if round.wants_now(source, feed) && !budget.is_over() {
                let turn = worklogs::run(gateway, source, feed, round.is_forced, budget).await;
                let hours = took(source, feed, turn, &mut polled.failures);
                polled.worklogs_told += hours.told;
                polled.worklogs_missed += hours.missed;
                polled.failures += u32::from(hours.is_halted);
            }
        }
    }
    if polled.accounts_closed + polled.accounts_updated + polled.worklogs_missed > 0 {
        gateway.wake_workers();
    }
    Ok(polled)
}

/// One app reports for the whole platform: the first source with credentials, by name. A second one would report every
/// account a second time in its cycle.
async fn report(gateway: &Polling, sources: &[PollSource], round: Round<'_>, budget: &Budget, polled: &mut Polled) {
    let reporting =
        || sources.iter().filter(|source| contract(source.kind).polling == contract::Polling::ReportedAccounts);
    let Some(source) = reporting().min_by(|one, other| one.name.cmp(&other.name)) else { return };
    if reporting().nth(1).is_some() {
        tracing::warn!(source = source.name, "several sources could report accounts; only this one does");
    }
    if !round.wants_now(source, PollFeed::Accounts) {
        return;
    }
    let turn = accounts::run(gateway, source, round.is_forced, budget).await;
    let reported = took(source, PollFeed::Accounts, turn, &mut polled.failures);
    polled.accounts_reported = reported.all;
    polled.accounts_closed = reported.closed;
    polled.accounts_updated = reported.updated;
    polled.failures += u32::from(reported.is_halted);
}

/// The result of one part; of a part that failed, nothing, and one failure more.
fn took<T: Default>(source: &PollSource, feed: PollFeed, result: Result<T, Error>, failures: &mut u32) -> T {
    result.unwrap_or_else(|error| {
        let feed = feed.as_str();
        tracing::warn!(source = source.name, feed, error = %error.chain(), "a source could not be asked; it is tried again");
        *failures += 1;
        T::default()
    })
}
