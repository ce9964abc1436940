//! `events`: what sources have said, and how it ended.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::with_gateway,
    exit::Exit,
    options::GlobalOptions,
    output::Output,
    replay::{self, ReplayArgs},
    selection::Limit,
    table::Columns,
};
pub(super) mod rows;
pub(super) mod selection;

use self::{
    rows::{COLUMNS, row, rows},
    selection::EventSelection,
};
use crate::app::{Gateway, support::report};
use crate::domain::{EventId, reason::entry_of};
use crate::store::event::EventRow;

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
    ("code", "reason_code"),
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

/// How the event ended, in a sentence for somebody who has not read the documentation.
fn explanation(event: &EventRow) -> &'static str {
    let reason = event.outcome_reason.as_deref().unwrap_or_default();
    match event.outcome.as_deref() {
        None => "it waits for a worker, or is being worked on",
        Some("applied") => "its consequences are committed; the reason names them",
        Some("dead_lettered") => entry_of(reason)
            .map_or("it could not be applied; correct what the reason names, then replay it", |entry| entry.advice),
        Some(_) => entry_of(reason).map_or("nothing followed from it", |entry| entry.sentence),
    }
}
