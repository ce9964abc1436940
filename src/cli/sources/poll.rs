//! `sources poll`: one round of polling, now.

use std::time::Duration;

use super::find::find;
use crate::app::{
    Gateway,
    polling::{
        budget::Budget,
        round::{self, Round},
    },
};
use crate::cli::{
    exit::Exit,
    output::{Output, remark},
    table::Columns,
};

/// How long the command goes on beginning things: with its last call still within the lease of a turn.
const POLL_MAX: Duration = Duration::from_mins(2);
const POLLED: Columns<'static> = &[
    ("accounts reported", "accounts_reported"),
    ("  of these closed", "accounts_closed"),
    ("  of these updated", "accounts_updated"),
    ("changes of worklogs told", "worklogs_told"),
    ("  of these missed before", "worklogs_missed"),
    ("silent installations", "installations_silent"),
    ("  of these asked", "installations_probed"),
    ("parts that ended early", "failures"),
];

/// Runs one round over every source, or over one, and prints what it has done.
pub(super) async fn run(gateway: &Gateway, name: Option<&str>, output: &mut Output) -> anyhow::Result<Exit> {
    if let Some(name) = name {
        find(gateway, name).await?;
    }
    let round = Round { only: name, is_forced: true };
    let polled = round::run(gateway.polling(), round, &Budget::of(POLL_MAX)).await?;
    output.record(POLLED, &polled)?;
    if polled.failures == 0 {
        return Ok(Exit::Done);
    }
    remark("Why a part ended early is in the log above; it is tried again when its wait is over.");
    Ok(Exit::Failed)
}
