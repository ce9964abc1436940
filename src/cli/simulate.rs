//! `simulate`: the clock of a demo database moves forward, and with it everything that waits for a day.

use clap::Args;
use jiff::SignedDuration;

use super::{
    context,
    exit::{Exit, Stop},
    options::GlobalOptions,
    output::Output,
    table::Columns,
    times,
};
use crate::app::support::demo_clock;

const FIELDS: Columns<'static> =
    &[("clock was", "from_at"), ("clock is", "to_at"), ("ahead of real time, seconds", "offset_seconds")];

/// How far to move.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// How far, for example 90d or 12h; there is no way back
    #[arg(long, value_name = "PERIOD", value_parser = times::parse_period)]
    advance: SignedDuration,
}

/// Moves the clock. Refused on a database that is not marked demo.
pub(super) async fn run(options: &GlobalOptions, args: &SimulateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let opened = context::open(options).await?;
    let moved = if opened.is_demo {
        demo_clock::advance(&opened.gateway, args.advance).await.map_err(anyhow::Error::from)
    } else {
        let message = "this is not a demo database; its clock is the real one and cannot be moved";
        Err(Stop::new(
            Exit::Refused,
            message,
            "`milestone-gateway serve --demo` with a new --data-dir makes a database whose clock can be",
        )
        .into())
    };
    opened.close().await;
    let moved = moved?;
    output.record(FIELDS, &moved)?;
    Ok(Exit::Done)
}
