//! The command line: one file for each command, named as the command is.
//!
//! ```text
//! arguments ─▶ run ─▶ context::open ─▶ one command ─▶ app ─▶ Output (a table, or one JSON document)
//!                └──────────────── exit: error, causes, hint, documented code ◀─┘
//! ```
//!
//! Promises: nothing destructive happens without `--yes`; every command has `--json`; no secret is taken as an argument
//! and no personal value is printed; what went wrong is said with what to do about it. It decides nothing about people:
//! that is the business of `app`.

mod arguments;
mod audit;
mod bootstrap;
mod config;
mod context;
#[cfg(feature = "demo")]
mod demo;
mod development;
mod doctor;
mod events;
mod exit;
mod input;
mod jobs;
mod migrate;
mod openapi;
mod options;
pub mod output;
mod policy;
mod receipts;
mod replay;
mod requests;
mod selection;
pub mod send;
mod serve;
mod simulate;
mod sources;
mod subjects;
mod table;
mod tenants;
mod times;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use self::{
    arguments::{Cli, Command},
    exit::Exit,
    output::Output,
};

/// Runs the command that the process was started with and returns its documented exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Help and version come this way too, with code 0. A reader that has closed the pipe has read enough.
            let _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let mut output = Output::standard(cli.options.json);
    let ended = runtime().and_then(|runtime| runtime.block_on(Box::pin(dispatch(&cli, &mut output))));
    let exit = ended.unwrap_or_else(|error| exit::report(&error, cli.options.json));
    ExitCode::from(exit.code())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the asynchronous runtime did not start")
}

async fn dispatch(cli: &Cli, output: &mut Output) -> anyhow::Result<Exit> {
    let options = &cli.options;
    match &cli.command {
        Command::Serve(args) => serve::run(options, args, output).await,
        Command::Migrate(args) => migrate::run(options, args, output).await,
        Command::Bootstrap(args) => bootstrap::run(options, args, output).await,
        Command::Send(args) => send::run(options, args, output).await,
        Command::Events(command) => events::run(options, command, output).await,
        Command::Requests(command) => requests::run(options, command, output).await,
        Command::Receipts(command) => receipts::run(options, command, output),
        Command::Jobs(command) => jobs::run(options, command, output).await,
        Command::Subjects(command) => subjects::run(options, command, output).await,
        Command::Sources(command) => sources::run(options, command, output).await,
        Command::Tenants(command) => tenants::run(options, command, output).await,
        Command::Audit(command) => audit::run(options, command, output).await,
        Command::Policy(command) => policy::run(options, command, output),
        Command::Simulate(args) => simulate::run(options, args, output).await,
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(options, args, output).await,
        Command::Development(command) => development::run(command, output).await,
        Command::Config(command) => config::run(options, command, output).await,
        Command::Doctor => doctor::run(options, output).await,
        Command::Openapi => openapi::run(output),
    }
}
