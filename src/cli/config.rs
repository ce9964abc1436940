//! `config show`: the settings in force, without secrets.

use clap::Subcommand;

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the settings in force and where each came from, without secrets
    Show,
}

/// Runs one of the commands.
#[expect(clippy::unused_async, reason = "wired in system: every command is run the same way")]
pub(super) async fn run(
    _options: &GlobalOptions,
    command: &ConfigCommand,
    _output: &mut Output,
) -> anyhow::Result<Exit> {
    // wired in system
    let ConfigCommand::Show = command;
    anyhow::bail!("this build cannot show its settings")
}
