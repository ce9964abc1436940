//! `events replay`: counted first, a dry run until `--yes`, audited with a reason.

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::{actor, with_gateway},
    events::{rows, selection::EventSelection},
    exit::{Exit, Stop},
    options::{Deliberate, GlobalOptions},
    output::Output,
    table::Columns,
};
use crate::app::{Error, Gateway, support::replay};
use crate::domain::EventId;
use crate::store::event::EventFilter;

const REPLAYED: Columns<'static> = &[("ORIGINAL", "original"), ("REPLAY", "replay")];

/// Which events to replay, and why.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// These events, evt_…; or select them by the options below
    #[arg(value_name = "EVENT", conflicts_with_all = ["tenant", "type_word", "outcome", "state", "since", "until"])]
    pub(super) ids: Vec<EventId>,
    #[command(flatten)]
    pub(super) which: EventSelection,
    #[command(flatten)]
    pub(super) deliberate: Deliberate,
}

/// Counts or replays.
pub(super) async fn run(options: &GlobalOptions, args: &ReplayArgs, output: &mut Output) -> anyhow::Result<Exit> {
    if args.ids.is_empty() && args.which.is_everything() {
        let hint = "name events, or select them by --tenant, --type, --outcome, --state, --since or --until";
        return Err(Stop::new(Exit::Usage, "that would replay every event there is", hint).into());
    }
    with_gateway(options, async |gateway| {
        let filters = filters(gateway, args).await?;
        if args.deliberate.yes {
            execute(gateway, &filters, &args.deliberate.reason, output).await
        } else {
            preview(gateway, &filters, output).await
        }
    })
    .await
}

/// One filter for each id, each of them known, in order of time; or the one filter that was described.
async fn filters(gateway: &Gateway, args: &ReplayArgs) -> anyhow::Result<Vec<EventFilter>> {
    if args.ids.is_empty() {
        return Ok(vec![args.which.filter(gateway).await?]);
    }
    let mut ids = args.ids.clone();
    // An id begins with its time, so this is the order in which the events came.
    ids.sort_unstable();
    ids.dedup();
    let filters: Vec<EventFilter> =
        ids.into_iter().map(|id| EventFilter { event_id: Some(id), ..EventFilter::default() }).collect();
    for filter in &filters {
        if replay::preview(gateway, filter).await?.matching == 0 {
            return Err(Error::NotFound("event").into());
        }
    }
    Ok(filters)
}

async fn preview(gateway: &Gateway, filters: &[EventFilter], output: &mut Output) -> anyhow::Result<Exit> {
    let mut matching = 0;
    let mut sample = Vec::new();
    for filter in filters {
        let preview = replay::preview(gateway, filter).await?;
        matching += preview.matching;
        sample.extend(rows::rows(&preview.sample));
    }
    if output.is_json() {
        output.json(&json!({"is_dry_run": true, "matching": matching, "sample": sample}))?;
        return Ok(Exit::Done);
    }
    output.rows(rows::COLUMNS, &sample, "No event matches.")?;
    output.line("")?;
    output.line(&format!("{matching} would be replayed ({} shown). Nothing was changed.", sample.len()))?;
    if matching > 0 {
        output.line("Add --yes to do it.")?;
    }
    Ok(Exit::Done)
}

async fn execute(
    gateway: &Gateway,
    filters: &[EventFilter],
    reason: &str,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut pairs: Vec<Value> = Vec::new();
    for filter in filters {
        let done = replay::execute(gateway, &actor(), reason, filter).await?;
        pairs.extend(done.into_iter().map(|(original, replay)| json!({"original": original, "replay": replay})));
    }
    if output.is_json() {
        output.json(&json!({"is_dry_run": false, "replayed": pairs}))?;
        return Ok(Exit::Done);
    }
    output.rows(REPLAYED, &pairs, "No event matches.")?;
    output.line("")?;
    output
        .line(&format!("{} replayed. `milestone-gateway events show` tells how each replay has ended.", pairs.len()))?;
    Ok(Exit::Done)
}
