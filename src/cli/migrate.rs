//! `migrate`: the schema is brought up to date.

use clap::Args;

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// How to migrate.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Mark an empty database as a demo, whose clock can be moved; never possible later
    #[arg(long)]
    pub(super) demo: bool,
}

/// Migrates. Repeating is safe.
#[expect(clippy::unused_async, reason = "wired in system: migrating waits")]
pub(super) async fn run(_options: &GlobalOptions, args: &MigrateArgs, _output: &mut Output) -> anyhow::Result<Exit> {
    // wired in system
    let MigrateArgs { demo } = args;
    anyhow::bail!("this build cannot migrate (demo {demo})")
}
