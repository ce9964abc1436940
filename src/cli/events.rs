//! `events`: what sources have said, and how it ended.

use clap::{Args, Subcommand};

use super::{
    context::with_gateway,
    exit::Exit,
    options::GlobalOptions,
    output::Output,
    replay::{self, ReplayArgs},
    selection::PageArgs,
    table::Columns,
};
pub(super) mod columns;
pub(super) mod selection;

use self::{columns::COLUMNS, selection::EventSelection};
use crate::app::{
    Gateway,
    support::{
        cursor::List,
        pages, report,
        views::{
            PageView,
            balance::BalanceView,
            event::{EventDetails, EventView},
        },
    },
};
use crate::domain::EventId;

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
    pub(super) page: PageArgs,
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
    let page = pages::events(gateway, &filter, &args.page.of(List::Events)?).await?;
    output.page(COLUMNS, &PageView::of(&page, |row| EventView::from(row)), "No event matches.")?;
    Ok(Exit::Done)
}

async fn show(gateway: &Gateway, id: EventId, output: &mut Output) -> anyhow::Result<Exit> {
    output.record(FIELDS, &EventDetails::from(&report::event(gateway, id).await?))?;
    Ok(Exit::Done)
}

async fn balance(gateway: &Gateway, output: &mut Output) -> anyhow::Result<Exit> {
    let balance = BalanceView::from(report::balance(gateway).await?);
    output.record(BALANCE, &balance)?;
    Ok(if balance.is_balanced { Exit::Done } else { Exit::Failed })
}
