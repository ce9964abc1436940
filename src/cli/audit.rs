//! `audit`: what was done, by whom, and whether the record is untouched.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::with_gateway,
    exit::Exit,
    options::GlobalOptions,
    output::Output,
    selection::{self, Limit},
    table::Columns,
};
use crate::app::{
    Gateway,
    support::{report, verify_audit},
};
use crate::store::audit::AuditRow;

const COLUMNS: Columns<'static> =
    &[("AT", "at"), ("ACTOR", "actor"), ("ACTION", "action"), ("OBJECT", "object"), ("DETAIL", "detail")];
const CHAIN: Columns<'static> = &[
    ("chain", "conclusion"),
    ("entries verified", "verified"),
    ("entries past their time", "gone"),
    ("broken at entry", "broken_at_place"),
    ("waiting for a place", "waiting"),
    ("head", "head"),
];

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List a tenant's latest audit entries
    List(ListArgs),
    /// Hash a tenant's whole chain again and compare it with what is stored
    Verify(TenantArg),
}

/// Whose audit, and how much of it.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    whose: TenantArg,
    #[command(flatten)]
    limit: Limit,
}

/// Whose audit.
#[derive(Debug, Args)]
pub(super) struct TenantArg {
    /// The tenant: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    tenant: String,
}

/// Runs one of the commands.
pub(super) async fn run(options: &GlobalOptions, command: &AuditCommand, output: &mut Output) -> anyhow::Result<Exit> {
    with_gateway(options, async |gateway| match command {
        AuditCommand::List(args) => list(gateway, args, output).await,
        AuditCommand::Verify(whose) => verify(gateway, whose, output).await,
    })
    .await
}

async fn list(gateway: &Gateway, args: &ListArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = selection::tenant(gateway, &args.whose.tenant).await?;
    let entries = report::audit(gateway, tenant, args.limit.limit).await?;
    let rows: Vec<Value> = entries.iter().map(row).collect();
    output.rows(COLUMNS, &rows, "There is no entry yet.")?;
    Ok(Exit::Done)
}

async fn verify(gateway: &Gateway, whose: &TenantArg, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = selection::tenant(gateway, &whose.tenant).await?;
    let chain = verify_audit::verify(gateway, tenant).await?;
    let conclusion = if chain.broken_at.is_some() { "BROKEN" } else { "holds" };
    let value = json!({
        "tenant_id": tenant,
        "conclusion": conclusion,
        "is_intact": chain.broken_at.is_none(),
        "verified": chain.verified,
        "gone": chain.gone,
        "broken_at_place": chain.broken_at,
        "waiting": chain.waiting,
        "head": hex::encode(chain.head),
    });
    output.record(CHAIN, &value)?;
    Ok(if chain.broken_at.is_none() { Exit::Done } else { Exit::Failed })
}

fn row(entry: &AuditRow) -> Value {
    // The entry was written by us; one that is no JSON any more is shown without its parts.
    let parts: Value = serde_json::from_str(&entry.entry).unwrap_or_default();
    json!({
        "audit_id": entry.audit_id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "object": parts["object"],
        "detail": parts["detail"],
    })
}
