//! `bench`: what this machine can do.

use clap::{Args, Subcommand};

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Measure intake: deliveries verified, sealed, committed and answered
    Intake(IntakeArgs),
}

/// How to measure intake.
#[derive(Debug, Args)]
pub(super) struct IntakeArgs {
    /// Connections that each send one delivery after the other
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(super) connections: u16,
    /// How long to measure, in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub(super) seconds: u16,
}

/// Measures.
#[expect(clippy::unused_async, reason = "wired in system: measuring waits")]
pub(super) async fn run(
    _options: &GlobalOptions,
    command: &BenchCommand,
    _output: &mut Output,
) -> anyhow::Result<Exit> {
    // wired in system
    let BenchCommand::Intake(IntakeArgs { connections, seconds }) = command;
    anyhow::bail!("this build cannot measure ({connections} connections, {seconds} s)")
}
