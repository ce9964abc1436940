//! Options that more than one command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use crate::proof::Word;

/// What changes much is done deliberately: with a reason, and only when somebody says so.
#[derive(Debug, Args)]
pub(super) struct Deliberate {
    /// Why, for the audit: one word of a-z, 0-9 and _ . : - such as a ticket, sup-1042
    #[arg(long, value_name = "WORD", value_parser = reason)]
    pub(super) reason: String,
    /// Do it; without this, only say what would be done
    #[arg(long)]
    pub(super) yes: bool,
}

fn reason(typed: &str) -> Result<String, String> {
    Word::parse(typed)
        .map(|word| word.as_str().to_owned())
        .map_err(|_| "expected one word of a-z, 0-9 and _ . : - such as a ticket, sup-1042".to_owned())
}

/// The options that every command takes. Settings that are not given here come from the environment.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct GlobalOptions {
    /// The gateway's database; without one, a private PostgreSQL is used
    #[arg(long, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: Option<SecretString>,
    /// The database with the product's tables, when it is another one
    #[arg(long, global = true, value_name = "URL", env = "MILESTONE_PRODUCT_DATABASE_URL", hide_env_values = true)]
    pub(super) product_database_url: Option<SecretString>,
    /// `verify` (certificate and host name, off this machine), `encrypt-without-verifying` or `plain-everywhere`
    #[arg(long, global = true, value_name = "HOW", env = "MILESTONE_DATABASE_TLS")]
    pub(super) database_tls: Option<String>,
    /// Where the private PostgreSQL keeps its data
    #[arg(long, global = true, value_name = "DIR", env = "MILESTONE_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The folder with `initdb` and `postgres`, for the private PostgreSQL
    #[arg(long, global = true, value_name = "DIR", env = "MILESTONE_PG_BIN")]
    pub(super) pg_bin: Option<PathBuf>,
    /// The file with the gateway's keys
    #[arg(long, global = true, value_name = "FILE", env = "MILESTONE_KEYRING_FILE")]
    pub(super) keyring: Option<PathBuf>,
    /// A product's dataset, policy and privacy policy, or a folder with one folder for each product
    #[arg(long, global = true, value_name = "DIR", env = "MILESTONE_POLICY_DIR")]
    pub(super) policy_dir: Option<PathBuf>,
    /// How log lines look (on standard error)
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormatWord>,
    /// Print one JSON document on standard output instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormatWord {
    /// One JSON object a line, for machines
    Json,
    /// One line an event, for people
    Pretty,
}
