//! `demo`: the main job from end to end on sample data.

use std::net::SocketAddr;

use clap::Args;

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// How to show it.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Exit when the story is told, instead of leaving the server up
    #[arg(long)]
    pub(super) once: bool,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
}

/// Tells the story.
#[expect(clippy::unused_async, reason = "wired in system: serving waits")]
pub(super) async fn run(_options: &GlobalOptions, args: &DemoArgs, _output: &mut Output) -> anyhow::Result<Exit> {
    // wired in system
    let DemoArgs { once, listen } = args;
    anyhow::bail!("this build has no demo (once {once}, listen {listen})")
}
