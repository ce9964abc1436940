//! `config show`: the settings as they are in force, without secrets.

use serde_json::json;

use super::{context, exit::Exit, options::GlobalOptions, output::Output};
use crate::config::Database;

/// What `config` takes.
#[derive(Debug, Clone, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Shows the settings that are in force; secrets are never shown
    Show,
}

/// Prints the settings.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(options: &GlobalOptions, command: &ConfigCommand, output: &mut Output) -> anyhow::Result<Exit> {
    let ConfigCommand::Show = command;
    let settings = context::settings(options)?;
    let shown = |is_set: bool| if is_set { "set (not shown)" } else { "not set" };
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let value = json!({
        "database": match settings.database {
            Database::Embedded => "a private PostgreSQL",
            Database::External(_) => "set (not shown)",
        },
        "product_database": shown(settings.product_database.is_some()),
        "database_tls": format!("{:?}", settings.database_tls),
        "data_dir": path(&settings.data_dir),
        "pg_bin": path(&settings.pg_bin),
        "keyring": settings.keyring_file.display().to_string(),
        "policy_dir": path(&settings.policy_dir),
    });
    output.record(
        &[
            ("database", "database"),
            ("product database database", "product_database"),
            ("database TLS", "database_tls"),
            ("data dir", "data_dir"),
            ("PostgreSQL programs", "pg_bin"),
            ("key ring", "keyring"),
            ("policy dir", "policy_dir"),
        ],
        &value,
    )?;
    Ok(Exit::Done)
}
