//! `tenants`: the customers whose people the gateway knows.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{arguments::GlobalOptions, exit::Exit, output::Output, table::Columns, with_gateway};
use crate::app::report;

const COLUMNS: Columns<'static> = &[("TENANT", "tenant_id"), ("KEY", "stable_key")];

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(super) enum TenantsCommand {
    /// List every tenant with the key that the product knows it by
    List,
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &TenantsCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let TenantsCommand::List = command;
    let tenants = with_gateway(options, async |gateway| Ok(report::tenants(gateway).await?)).await?;
    let rows: Vec<Value> =
        tenants.iter().map(|tenant| json!({"tenant_id": tenant.tenant_id, "stable_key": tenant.stable_key})).collect();
    output.rows(COLUMNS, &rows, "There is no tenant yet; `sources add` makes the first.")?;
    Ok(Exit::Done)
}
