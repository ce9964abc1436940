//! `audit`: what was done, by whom, and whether the record is untouched.

use clap::{Args, Subcommand};

use super::{
    context::with_gateway,
    exit::Exit,
    options::GlobalOptions,
    output::Output,
    selection::{self, PageArgs},
    table::Columns,
};
use crate::app::{
    Gateway,
    support::{
        cursor::List,
        pages, verify_audit,
        views::{
            PageView,
            audit::{AuditView, ChainView},
        },
    },
};

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
    /// List a tenant's audit entries, newest first
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
    page: PageArgs,
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
    let page = pages::audit(gateway, tenant, &args.page.of(List::Audit)?).await?;
    output.page(COLUMNS, &PageView::of(&page, |row| AuditView::from(row)), "There is no entry yet.")?;
    Ok(Exit::Done)
}

async fn verify(gateway: &Gateway, whose: &TenantArg, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = selection::tenant(gateway, &whose.tenant).await?;
    let chain = ChainView::new(tenant, &verify_audit::verify(gateway, tenant).await?);
    output.record(CHAIN, &chain)?;
    Ok(if chain.is_intact { Exit::Done } else { Exit::Failed })
}
