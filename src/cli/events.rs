//! `events`: what sources have said, and how it ended.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    arguments::GlobalOptions,
    exit::Exit,
    output::Output,
    replay::{self, ReplayArgs},
    selection::{self, Limit},
    table::Columns,
    times::When,
    with_gateway,
};
use crate::app::{Gateway, support::report};
use crate::domain::{EventId, event::IgnoreReason};
use crate::store::event::{EventFilter, EventRow};

const OUTCOMES: [&str; 3] = ["applied", "ignored", "dead_lettered"];
const STATES: [&str; 2] = ["pending", "done"];

/// The columns of an event in a list.
pub(super) const COLUMNS: Columns<'static> = &[
    ("EVENT", "event_id"),
    ("RECEIVED", "received_at"),
    ("TYPE", "type"),
    ("STATE", "state"),
    ("OUTCOME", "outcome"),
    ("REASON", "reason"),
    ("REPLAY OF", "replay_of"),
];
const FIELDS: Columns<'static> = &[
    ("event", "event_id"),
    ("tenant", "tenant_id"),
    ("source", "source_id"),
    ("received", "received_at"),
    ("first received", "original_received_at"),
    ("replay of", "replay_of"),
    ("type", "type"),
    ("state", "state"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("finished", "finished_at"),
    ("attempts", "attempts"),
    ("body bytes", "body_bytes"),
    ("body kept as", "body_event_id"),
    ("in short", "explanation"),
];
const BALANCE: Columns<'static> = &[
    ("accepted", "accepted"),
    ("pending", "pending"),
    ("applied", "applied"),
    ("ignored", "ignored"),
    ("dead-lettered", "dead_lettered"),
    ("balanced", "is_balanced"),
];

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// List events, newest first
    List(ListArgs),
    /// Show one event and say how it ended
    Show {
        /// The event, evt_…
        id: EventId,
    },
    /// Send events through the ordinary way once more; a dry run until --yes
    Replay(ReplayArgs),
    /// Check that every accepted event has exactly one outcome or is pending
    Balance,
}

/// Which events to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) which: EventSelection,
    #[command(flatten)]
    pub(super) limit: Limit,
}

/// Which events: everything that is given must hold.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct EventSelection {
    /// Events of this tenant: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    pub(super) tenant: Option<String>,
    /// Events of this type, for example `user_deleted` or `worklog_logged`
    #[arg(long = "type", value_name = "WORD")]
    pub(super) type_word: Option<String>,
    /// Events that ended so: applied, ignored or dead-lettered
    #[arg(long, value_name = "WORD", value_parser = outcome)]
    pub(super) outcome: Option<String>,
    /// Events in this state: pending or done
    #[arg(long, value_name = "WORD", value_parser = state)]
    pub(super) state: Option<String>,
    /// Received at or after: a time, a date or an age such as 2h or 7d
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<When>,
    /// Received before: a time, a date or an age
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<When>,
}

impl EventSelection {
    /// True when nothing is given, which would select every event there is.
    pub(super) const fn is_everything(&self) -> bool {
        let Self { tenant, type_word, outcome, state, since, until } = self;
        tenant.is_none()
            && type_word.is_none()
            && outcome.is_none()
            && state.is_none()
            && since.is_none()
            && until.is_none()
    }

    /// The filter that storage understands. Ages count from the gateway's own clock.
    pub(super) async fn filter(&self, gateway: &Gateway) -> anyhow::Result<EventFilter> {
        let now = gateway.now();
        Ok(EventFilter {
            event_id: None,
            tenant_id: selection::optional_tenant(gateway, self.tenant.as_deref()).await?,
            type_word: self.type_word.clone(),
            outcome: self.outcome.clone(),
            since: self.since.map(|when| when.resolve(now)),
            until: self.until.map(|when| when.resolve(now)),
            state: self.state.clone(),
        })
    }
}

fn outcome(typed: &str) -> Result<String, String> {
    selection::one_of(&OUTCOMES, typed)
}

fn state(typed: &str) -> Result<String, String> {
    selection::one_of(&STATES, typed)
}

/// Runs one of the commands.
pub(super) async fn run(options: &GlobalOptions, command: &EventsCommand, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        EventsCommand::List(args) => with_gateway(options, async |gateway| list(gateway, args, output).await).await,
        EventsCommand::Show { id } => with_gateway(options, async |gateway| show(gateway, *id, output).await).await,
        EventsCommand::Replay(args) => replay::run(options, args, output).await,
        EventsCommand::Balance => with_gateway(options, async |gateway| balance(gateway, output).await).await,
    }
}

async fn list(gateway: &Gateway, args: &ListArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let filter = args.which.filter(gateway).await?;
    let events = report::events(gateway, &filter, args.limit.limit).await?;
    output.rows(COLUMNS, &rows(&events), "No event matches.")?;
    Ok(Exit::Done)
}

async fn show(gateway: &Gateway, id: EventId, output: &mut Output) -> anyhow::Result<Exit> {
    let event = report::event(gateway, id).await?;
    let mut value = row(&event);
    value["explanation"] = explanation(&event).into();
    output.record(FIELDS, &value)?;
    Ok(Exit::Done)
}

async fn balance(gateway: &Gateway, output: &mut Output) -> anyhow::Result<Exit> {
    let balance = report::balance(gateway).await?;
    let is_balanced = balance.accepted == balance.pending + balance.applied + balance.ignored + balance.dead_lettered;
    let value = json!({
        "accepted": balance.accepted,
        "pending": balance.pending,
        "applied": balance.applied,
        "ignored": balance.ignored,
        "dead_lettered": balance.dead_lettered,
        "is_balanced": is_balanced,
    });
    output.record(BALANCE, &value)?;
    Ok(if is_balanced { Exit::Done } else { Exit::Failed })
}

/// Events as rows.
pub(super) fn rows(events: &[EventRow]) -> Vec<Value> {
    events.iter().map(row).collect()
}

fn row(event: &EventRow) -> Value {
    json!({
        "event_id": event.event_id,
        "source_id": event.source_id,
        "tenant_id": event.tenant_id,
        "received_at": event.received_at,
        "original_received_at": event.original_received_at,
        "replay_of": event.replay_of,
        "type": event.type_word,
        "state": event.state,
        "outcome": event.outcome,
        "reason": event.outcome_reason,
        "finished_at": event.finished_at,
        "attempts": event.attempt,
        "body_bytes": event.body_bytes,
        "body_event_id": event.body_event_id,
    })
}

/// How the event ended, in a sentence for somebody who has not read the documentation.
fn explanation(event: &EventRow) -> &'static str {
    let reason = event.outcome_reason.as_deref().unwrap_or_default();
    match event.outcome.as_deref() {
        None => "it waits for a worker, or is being worked on",
        Some("applied") => "its consequences are committed; the reason names them",
        Some("dead_lettered") => "it could not be applied; correct what the reason names, then replay it",
        Some(_) => IgnoreReason::ALL
            .into_iter()
            .find(|known| known.as_str() == reason)
            .map_or("nothing followed from it", explain_ignored),
    }
}

const fn explain_ignored(reason: IgnoreReason) -> &'static str {
    match reason {
        IgnoreReason::UnknownType => "this version does not know such events; it was kept and nothing followed",
        IgnoreReason::NotALifecycleSignal => "such events say nothing about whether somebody is still there",
        IgnoreReason::PolicyNothingFollows => "the policy says that nothing follows from it",
        IgnoreReason::Superseded => "a later signal of the same account had been applied before",
        IgnoreReason::StaleVersion => "the same or a later version had been applied before",
        IgnoreReason::Fenced => "the person was erased; what is older than an explicit return is refused",
        IgnoreReason::Forgotten => "its content and the person's key are destroyed, so it cannot be read any more",
        IgnoreReason::NobodyKnown => "the product knows nobody of this identity, here or in any tenant",
        IgnoreReason::TenantGone => {
            "everything of the customer was deleted; only a new installation opens the door again"
        }
        IgnoreReason::NothingTold => {
            "it says that something has changed and not what, and there are no credentials to ask the customer's site"
        }
        IgnoreReason::PlaceholderAccount => "it names Atlassian's placeholder account, which denotes nobody",
    }
}
