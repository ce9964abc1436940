//! `migrate`: brings a database of yours up to this version.

use super::{context, exit::Exit, options::GlobalOptions, output::Output};
use crate::system;

/// What `migrate` takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct MigrateArgs {
    /// Mark an empty database demo; the mark cannot be set later
    #[arg(long)]
    pub(super) demo: bool,
}

/// Migrates as `gw_owner`. Safe to repeat, and while the version before is still running.
pub(super) async fn run(options: &GlobalOptions, args: &MigrateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let settings = context::settings(options)?;
    let applied = system::migrate(&settings, args.demo).await?;
    output.record(&[("migrations applied", "applied")], &serde_json::json!({ "applied": applied }))?;
    Ok(Exit::Done)
}
