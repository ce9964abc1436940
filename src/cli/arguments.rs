//! What can be typed: every command, and the options that all of them share.

use clap::{Parser, Subcommand};

#[cfg(feature = "demo")]
use super::demo::DemoArgs;
use super::{
    audit::AuditCommand, bootstrap::BootstrapArgs, config::ConfigCommand, development::DevelopmentCommand,
    events::EventsCommand, exit::EXIT_CODES, jobs::JobsCommand, migrate::MigrateArgs, options::GlobalOptions,
    policy::PolicyCommand, receipts::ReceiptsCommand, requests::RequestsCommand, send::SendArgs, serve::ServeArgs,
    simulate::SimulateArgs, sources::SourcesCommand, subjects::SubjectsCommand, tenants::TenantsCommand,
};

/// When Atlassian says that a person is gone, makes it true in Postgres: on time, provably, and for good.
#[derive(Debug, Parser)]
#[command(name = "milestone-gateway", version, after_help = EXIT_CODES, subcommand_required = true)]
#[command(arg_required_else_help = true, max_term_width = 120)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) options: GlobalOptions,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the gateway: intake and workers
    Serve(ServeArgs),
    /// Bring the database's schema up to date
    Migrate(MigrateArgs),
    /// Make roles and schema in a database of yours, once, as its administrator
    Bootstrap(BootstrapArgs),
    /// Sign a payload as a source would, post it to a gateway, and show the request and the answer
    Send(Box<SendArgs>),
    /// What sources have said: list, show, replay
    #[command(subcommand)]
    Events(EventsCommand),
    /// Privacy requests and their timelines
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Signed proofs of erasure: verify one, print the key
    #[command(subcommand)]
    Receipts(ReceiptsCommand),
    /// Queued work: list, show, retry
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Look a person up: why was this user not deleted?
    #[command(subcommand)]
    Subjects(SubjectsCommand),
    /// Systems that send: register one, rotate its secret
    #[command(subcommand)]
    Sources(SourcesCommand),
    /// The tenants whose people the gateway knows
    #[command(subcommand)]
    Tenants(TenantsCommand),
    /// What was done, by whom, and whether the record is untouched
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check data maps and policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Move the clock of a demo database forward
    Simulate(SimulateArgs),
    /// Show the main job from end to end on sample data
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// What stands in for Atlassian and Google on a developer's machine
    #[command(subcommand)]
    Development(DevelopmentCommand),
    /// The settings in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check the setup: database, keys, policy, product database
    Doctor,
    /// Print the description of the HTTP API, as OpenAPI
    Openapi,
}
