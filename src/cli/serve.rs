//! `serve`: the gateway itself.

use std::net::SocketAddr;

use clap::Args;

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// How to serve.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; overrides the configuration
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// Make a new private database as a demo, whose clock can be moved
    #[arg(long)]
    pub(super) demo: bool,
}

/// Serves until told to stop.
#[expect(clippy::unused_async, reason = "wired in system: serving waits")]
pub(super) async fn run(_options: &GlobalOptions, args: &ServeArgs, _output: &mut Output) -> anyhow::Result<Exit> {
    // wired in system
    let ServeArgs { listen, demo } = args;
    anyhow::bail!("this build cannot serve (listen {listen}, demo {demo})")
}
