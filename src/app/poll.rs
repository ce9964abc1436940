//! Asking senders that do not tell: one round over everything that is due.
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

mod credentials;
mod turn;

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{
    Error, Gateway,
    accept_event::{Kept, RawDelivery, Verified, keep},
    reconcile_hours, report_accounts, sources, watch_installations,
};
use crate::{
    domain::{SourceId, TenantId, poll::PollFeed},
    sources::{contract, contract::Polling},
    store::{self, poll::PollSource},
};

pub(super) use credentials::{Access, Credentials};
pub(super) use turn::{Halted, Turn};

/// How long a round of the worker may go on beginning things. Its last call may take the client's own bound longer.
pub const ROUND_MAX: Duration = Duration::from_secs(20);

/// What a round may use up.
pub struct Budget {
    until: Instant,
    stopped: Option<watch::Receiver<bool>>,
}

impl Budget {
    /// So much time from now.
    pub fn of(time: Duration) -> Self {
        Self { until: Instant::now() + time, stopped: None }
    }

    /// Ends also as soon as `stopped` turns true.
    #[must_use]
    pub fn unless(self, stopped: watch::Receiver<bool>) -> Self {
        Self { stopped: Some(stopped), ..self }
    }

    /// True when nothing more may be begun.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.stopped.as_ref().is_some_and(|stopped| *stopped.borrow())
    }
}

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
pub async fn run(gateway: &Gateway, round: Round<'_>, budget: &Budget) -> Result<Polled, Error> {
    let queue = gateway.databases().queue.client().await?;
    let now = gateway.now();
    let tokens_since = now - SignedDuration::from_hours(sources::INSTALLATION_TOKEN_HOURS);
    let sources = store::poll::sources(&queue, now, tokens_since).await?;
    drop(queue);
    let mut polled = Polled::default();
    if sources.is_empty() {
        return Ok(polled);
    }
    report(gateway, &sources, round, budget, &mut polled).await;
    let has_installations = |source: &PollSource| contract(source.kind).polling == Polling::Installations;
    if sources.iter().any(|source| has_installations(source) && round.wants(source)) {
        let looked = watch_installations::run(gateway, &sources, budget).await;
        let looked = looked.inspect_err(|error| {
            tracing::warn!(error = %error.chain(), "silent installations could not be looked at");
        });
        polled.failures += u32::from(looked.is_err());
        let looked = looked.unwrap_or_default();
        polled.installations_silent = looked.silent;
        polled.installations_probed = looked.probed;
    }
    for source in sources.iter().filter(|source| reconcile_hours::can_ask(source)) {
        for feed in [PollFeed::WorklogsUpdated, PollFeed::WorklogsDeleted] {
            if round.wants_now(source, feed) && !budget.is_over() {
                let turn = reconcile_hours::run(gateway, source, feed, round.is_forced, budget).await;
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
async fn report(gateway: &Gateway, sources: &[PollSource], round: Round<'_>, budget: &Budget, polled: &mut Polled) {
    let reporting = || sources.iter().filter(|source| contract(source.kind).polling == Polling::ReportedAccounts);
    let Some(source) = reporting().min_by(|one, other| one.name.cmp(&other.name)) else { return };
    if reporting().nth(1).is_some() {
        tracing::warn!(source = source.name, "several sources could report accounts; only this one does");
    }
    if !round.wants_now(source, PollFeed::Accounts) {
        return;
    }
    let turn = report_accounts::run(gateway, source, round.is_forced, budget).await;
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

/// Something that was learned by asking.
pub(super) struct Learned<'a> {
    /// The source that was asked, and whose it is.
    pub(super) whose: (SourceId, TenantId),
    /// What makes it the same when it is learned again.
    pub(super) identifier: &'a str,
    /// What the kind's interpretation has to know beside the body.
    pub(super) context: &'a [u8],
    /// In the shape in which the sender would have told it.
    pub(super) body: &'a [u8],
}

/// Makes an event of what was learned. True when it is new; safe to repeat. Returns when it is durable.
pub(super) async fn keep_learned(gateway: &Gateway, learned: Learned<'_>) -> Result<bool, Error> {
    let (source_id, tenant_id) = learned.whose;
    let identifier = learned.identifier.as_bytes();
    let verified = Verified {
        source_id,
        tenant_id,
        identifier: Some(identifier),
        is_identity: true,
        token: None,
        original_received_at: None,
        raw: RawDelivery::of(learned.context, identifier, learned.body),
    };
    match keep(gateway, verified).await? {
        Kept::New(_) => Ok(true),
        Kept::Before(_) => Ok(false),
        Kept::Replayed | Kept::Unavailable => Err(Error::Busy("what was learned could not be kept just now")),
    }
}

/// A random part of `most`, so that nothing happens at round hours or everywhere at once.
pub(super) fn part_of(gateway: &Gateway, most: SignedDuration) -> SignedDuration {
    let most_seconds = most.as_secs().max(0).unsigned_abs();
    let seconds = gateway.chance() % (most_seconds + 1);
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0))
}
