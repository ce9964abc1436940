//! Personal data reporting: asking Atlassian which of the accounts that we know were closed or changed.
//!
//! ```text
//!  due identities of all tenants ─▶ accounts ─▶ claim (≤ 90) ─▶ report ─▶ closed, updated: events ─▶ settle ─▶ postpone
//!                                      │           └ runs out when we die: reported again, nothing is lost ┘
//!                                      ├ reported already in another tenant: postponed until its cycle is over
//!                                      └ closed, as another tenant's round has learned: an event at once, and nobody is asked
//! ```
//!
//! Source: Atlassian, "User privacy guide for app developers". Promises: at most 90 accounts per call; each account once per
//! cycle, however many tenants know it; nobody who is erased or being erased is ever asked about; of an account nothing is
//! kept here but a keyed digest and times; who comes to know an account after it was closed is told in the next round. What `closed` and `updated` mean is for the policy to say.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::error::Error,
        polling::{
            Polling,
            budget::Budget,
            credentials::{Access, Credentials},
            due::{self, Account, ClosedAccount, Settled},
            learned::{Learned, keep_learned},
            turn::{Halted, Turn, part_of},
        },
    },
    domain::{Personal, TenantId, metric, poll::PollFeed},
    outbound::{
        CallFailure,
        privacy_reporting::{self, ACCOUNTS_PER_REPORT_MAX, Report},
    },
    sources::atlassian_report,
    store::{self, poll::PollSource},
};

/// Calls of one round.
const CALLS_PER_ROUND_MAX: usize = 10;
/// The cycle unless an answer asks for another.
const CYCLE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Due times are spread over this part of the cycle behind its end, so that they drift apart and never meet round hours.
const SPREAD_PARTS: i32 = 14;
/// When a closed account is asked about again, should its erasure still be waiting for a person: asking often about closed
/// accounts is misuse.
const CLOSED_CYCLE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// When accounts are tried again whose report was refused as malformed, in another company.
const REFUSED_CYCLE: SignedDuration = SignedDuration::from_hours(24);
/// Until the next round, when nothing more is due, and when there is.
const REST: SignedDuration = SignedDuration::from_mins(15);
const REST_WITH_MORE: SignedDuration = SignedDuration::from_secs(1);
/// How long a claim is held, by database time: more than a call takes.
const CLAIM_SECONDS: f64 = 120.0;
/// How long after its due time an account is forgotten that nobody knows any more.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
const FORGOTTEN_MAX: i64 = 1_000;
/// The name under which failures of the reporting API are remembered.
const REPORTING: &str = "api.atlassian.com app/report-accounts";

/// What one turn has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::app) struct Reported {
    pub(in crate::app) all: u64,
    pub(in crate::app) closed: u64,
    pub(in crate::app) updated: u64,
    /// True when it ended early.
    pub(in crate::app) is_halted: bool,
}

/// One turn: reports accounts that are due, call by call. Safe to repeat and to die anywhere.
pub(in crate::app) async fn run(
    gateway: &Polling,
    source: &PollSource,
    is_forced: bool,
    budget: &Budget,
) -> Result<Reported, Error> {
    let feed = PollFeed::Accounts;
    let taken = Turn::take(gateway, source, feed, Timestamp::UNIX_EPOCH, is_forced).await?;
    let Some(turn) = taken else { return Ok(Reported::default()) };
    let mut reported = Reported::default();
    let ended = report_due(gateway, source, budget, &mut reported)
        .await
        .map(|has_more| if has_more { REST_WITH_MORE } else { REST + part_of(gateway, REST / 15) });
    reported.is_halted = !turn.end(gateway, ended).await?;
    Ok(reported)
}

/// True when more is due than this turn has asked.
async fn report_due(
    gateway: &Polling,
    source: &PollSource,
    budget: &Budget,
    reported: &mut Reported,
) -> Result<bool, Halted> {
    let queue = gateway.databases().queue.client().await?;
    store::reported_account::forget(&queue, gateway.now() - FORGOTTEN_AFTER, FORGOTTEN_MAX).await?;
    drop(queue);
    let most = CALLS_PER_ROUND_MAX * ACCOUNTS_PER_REPORT_MAX;
    let due = due::gather(gateway, source.source_id, most).await?;
    tell_of_closed(gateway, source, &due.closed).await?;
    if due.accounts.is_empty() {
        return Ok(due.has_more);
    }
    let access = access(gateway, source).await?;
    for (index, accounts) in due.accounts.chunks(ACCOUNTS_PER_REPORT_MAX).enumerate() {
        if budget.is_over() || index >= CALLS_PER_ROUND_MAX {
            return Ok(true);
        }
        let claimed = due::claim(gateway, accounts, CLAIM_SECONDS).await?;
        if !claimed.is_empty() {
            report_some(gateway, source, &access, &claimed, reported).await?;
        }
    }
    Ok(due.has_more)
}

async fn access(gateway: &Polling, source: &PollSource) -> Result<Access, Halted> {
    match Credentials::of(gateway, source).await? {
        Credentials::App(app) => app.access(gateway, source).await,
        Credentials::Development { authorization, api } => {
            Ok(Access { client: gateway.outgoing().loopback().clone(), base: api, authorization })
        }
        Credentials::Site(_) => {
            Err(CallFailure::NotSendable { what: "accounts are reported by an app, not by a site's user" }.into())
        }
    }
}

/// Tells tenants that have come to know an account after it was closed. Nobody is asked: that it is closed is final, and
/// asking again would be misuse.
async fn tell_of_closed(gateway: &Polling, source: &PollSource, closed: &[ClosedAccount]) -> Result<(), Error> {
    for each in closed {
        let body = atlassian_report::account_closed(&each.account.id, each.closed_at);
        for (tenant, identity) in each.known_as() {
            let identifier = format!("account closed before {identity}");
            let whose = (source.source_id, *tenant);
            keep_learned(gateway, Learned { whose, identifier: &identifier, context: b"", body: &body }).await?;
        }
    }
    if closed.is_empty() {
        return Ok(());
    }
    gateway.crash().reach("polls.after_closed_told");
    due::put_off(gateway, closed).await?;
    gateway.wake_workers();
    Ok(())
}

/// One call, and everything that follows from its answer.
async fn report_some(
    gateway: &Polling,
    source: &PollSource,
    access: &Access,
    accounts: &[&Account],
    reported: &mut Reported,
) -> Result<(), Halted> {
    let asked: Vec<(&Personal<String>, Timestamp)> =
        accounts.iter().map(|account| (&account.id, account.known_since)).collect();
    let call = privacy_reporting::report(&access.client, &access.base, &access.authorization, &asked);
    let answer = match gateway.outgoing().breaker().guard(REPORTING, call).await {
        Ok(answer) => answer,
        Err(failure) => {
            give_back(gateway, accounts, &failure).await?;
            return Err(failure.into());
        }
    };
    gateway.crash().reach("polls.after_report");
    let durability = keep_answers(gateway, source, &answer).await;
    gateway.crash().reach("polls.before_settled");
    settle(gateway, accounts, &answer, &durability).await?;
    count(reported, accounts.len(), &answer);
    match durability.failure {
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}

/// Accounts that were not reported are due again at once, by whoever has the next turn; refused as malformed, a day later.
async fn give_back(gateway: &Polling, accounts: &[&Account], failure: &CallFailure) -> Result<(), Error> {
    let wait = match failure {
        CallFailure::Refused { status: 400 } | CallFailure::NotSendable { .. } => {
            REFUSED_CYCLE + part_of(gateway, REFUSED_CYCLE)
        }
        CallFailure::Refused { .. }
        | CallFailure::Throttled { .. }
        | CallFailure::Paced { .. }
        | CallFailure::ServerFailed { .. }
        | CallFailure::Unavailable { .. }
        | CallFailure::BadAnswer { .. }
        | CallFailure::NoToken { .. }
        | CallFailure::CircuitOpen { .. } => SignedDuration::ZERO,
    };
    let due_at = gateway.now() + wait;
    let accounts: Vec<_> = accounts.iter().map(|account| Settled { account, due_at, closed_at: None }).collect();
    due::settle(gateway, &accounts).await
}

/// Which answers are not durable.
struct Durability {
    not_durable: Vec<Personal<String>>,
    failure: Option<Error>,
}

/// Makes an event of each answer. The same account gives one event in a day, however often we learn it.
async fn keep_answers(gateway: &Polling, source: &PollSource, answer: &Report) -> Durability {
    let now = gateway.now();
    let mut durability = Durability { not_durable: Vec::new(), failure: None };
    let closed =
        answer.closed.iter().map(|account| (account, "closed", atlassian_report::account_closed(account, now)));
    let updated =
        answer.updated.iter().map(|account| (account, "updated", atlassian_report::account_updated(account, now)));
    for (account, word, body) in closed.chain(updated) {
        let exposed = account.expose_for("the digest by which the event is recognised");
        let identifier = zeroize::Zeroizing::new(format!("account {word} {exposed} {}", gateway.today()));
        let whose = (source.source_id, TenantId::PLATFORM);
        let learned = Learned { whose, identifier: &identifier, context: b"", body: &body };
        if let Err(error) = keep_learned(gateway, learned).await {
            durability.not_durable.push(account.clone());
            durability.failure = Some(error);
        }
    }
    durability
}

/// Says when each account is due again: after its cycle, or at once where its answer is not durable.
async fn settle<'a>(
    gateway: &Polling,
    accounts: &[&'a Account],
    answer: &Report,
    durability: &Durability,
) -> Result<(), Error> {
    let now = gateway.now();
    let cycle = answer.cycle.and_then(|cycle| SignedDuration::try_from(cycle).ok()).unwrap_or(CYCLE);
    let due_at = |account: &Account| {
        let wait = if durability.not_durable.contains(&account.id) {
            SignedDuration::ZERO
        } else if answer.closed.contains(&account.id) {
            CLOSED_CYCLE
        } else {
            cycle + part_of(gateway, cycle / SPREAD_PARTS)
        };
        now + wait
    };
    let settled = |account: &&'a Account| {
        let is_closed = answer.closed.contains(&account.id);
        Settled { account, due_at: due_at(account), closed_at: is_closed.then_some(now) }
    };
    let settled: Vec<_> = accounts.iter().map(settled).collect();
    due::settle(gateway, &settled).await
}

fn count(reported: &mut Reported, accounts: usize, answer: &Report) {
    let (all, closed, updated) = (accounts as u64, answer.closed.len() as u64, answer.updated.len() as u64);
    reported.all += all;
    reported.closed += closed;
    reported.updated += updated;
    for (word, number) in [("closed", closed), ("updated", updated), ("nothing", all - closed - updated)] {
        metrics::counter!(metric::ACCOUNTS_REPORTED_TOTAL, "answer" => word).increment(number);
    }
    if answer.foreign_count + answer.unknown_status_count > 0 {
        let (foreign, unknown) = (answer.foreign_count, answer.unknown_status_count);
        tracing::warn!(foreign, unknown, "the answer about accounts holds entries that nobody asked for or knows");
    }
}
