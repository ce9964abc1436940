//! `tenants`: the tenants whose people the gateway knows, and what is known of their installations.

use clap::{Args, Subcommand};

use super::{
    context::{actor, with_gateway},
    exit::{Exit, Stop},
    options::{Deliberate, GlobalOptions},
    output::Output,
    requests,
    selection::{self, PageArgs},
    table::Columns,
    times::When,
};
use crate::app::{
    Gateway,
    offboarding::confirm_uninstalled::{self, Confirmation},
    support::{
        cursor::List,
        pages, report,
        views::{
            PageView,
            tenant::{ConfirmationPreview, ConfirmationView, EvidenceView, TenantDetails, TenantView},
        },
    },
};
use crate::domain::TenantId;

const COLUMNS: Columns<'static> = &[("TENANT", "tenant_id"), ("KEY", "stable_key"), ("GONE", "erased_at")];
const FIELDS: Columns<'static> =
    &[("tenant", "tenant_id"), ("key", "stable_key"), ("standing", "standing"), ("gone", "erased_at")];
const EVIDENCE: Columns<'static> = &[
    ("AT (SOURCE TIME)", "source_at"),
    ("EVIDENCE", "kind"),
    ("INSTALLATION", "installation"),
    ("ARRIVED", "arrived_at"),
    ("EVENT", "event_id"),
];

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(super) enum TenantsCommand {
    /// List tenants with the key that the product knows each by, in the order in which they came
    List(PageArgs),
    /// Show how a tenant stands: its offboardings and what is known of its installation
    Show {
        /// The tenant: ten_… or the key that the product knows it by
        tenant: String,
    },
    /// List what speaks for or against a tenant's installation, latest first
    Evidence {
        /// The tenant: ten_… or the key that the product knows it by
        tenant: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Say that a silent tenant's app is uninstalled, which nobody may ever tell; a dry run until --yes
    ConfirmUninstalled(ConfirmArgs),
}

/// Whose installation is known to be gone, since when, and why somebody says so.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// The tenant: ten_… or the key that the product knows it by
    tenant: String,
    /// Since when: a time, a day or an age such as 3d; now when not given
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    #[command(flatten)]
    deliberate: Deliberate,
}

/// How much `show` prints of each part.
const SHOWN_MAX: i64 = 20;

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &TenantsCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    with_gateway(options, async |gateway| match command {
        TenantsCommand::List(page) => list(gateway, page, output).await,
        TenantsCommand::Show { tenant } => show(&report(gateway, tenant).await?, output),
        TenantsCommand::Evidence { tenant, page } => evidence(gateway, tenant, page, output).await,
        TenantsCommand::ConfirmUninstalled(args) => confirm(gateway, args, output).await,
    })
    .await
}

async fn confirm(gateway: &Gateway, args: &ConfirmArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let now = gateway.now();
    let since = args.since.map_or(now, |when| when.resolve(now));
    if since > now {
        let hint = "give a time that is past, or leave --since out";
        return Err(Stop::new(Exit::Usage, "nobody can know what will be uninstalled", hint).into());
    }
    let tenant = selection::tenant(gateway, &args.tenant).await?;
    if !args.deliberate.yes {
        let preview = confirm_uninstalled::preview_confirmation(gateway, tenant, since).await?;
        return preview_of(&preview, tenant, output);
    }
    let outcome =
        confirm_uninstalled::confirm_uninstalled(gateway, &actor(), &args.deliberate.reason, tenant, since).await?;
    if output.is_json() {
        output.json(&ConfirmationView::new(tenant, since, &outcome))?;
        return Ok(Exit::Done);
    }
    output.line(&format!("Recorded: {}. `milestone-gateway tenants show` tells how it stands.", outcome.reason()))?;
    Ok(Exit::Done)
}

async fn list(gateway: &Gateway, args: &PageArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let page = pages::tenants(gateway, &args.of(List::Tenants)?).await?;
    let nothing = "There is no tenant yet; `sources add` makes the first.";
    output.page(COLUMNS, &PageView::of(&page, |row| TenantView::from(row)), nothing)?;
    Ok(Exit::Done)
}

async fn evidence(gateway: &Gateway, typed: &str, args: &PageArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let id = selection::tenant(gateway, typed).await?;
    let page = pages::evidence(gateway, id, &args.of(List::Evidence)?).await?;
    let nothing = "Nothing was ever heard of an installation.";
    output.page(EVIDENCE, &PageView::of(&page, |row| EvidenceView::from(row)), nothing)?;
    Ok(Exit::Done)
}

async fn report(gateway: &Gateway, typed: &str) -> anyhow::Result<TenantDetails> {
    let id = selection::tenant(gateway, typed).await?;
    Ok((&report::tenant(gateway, id, SHOWN_MAX).await?).into())
}

fn show(tenant: &TenantDetails, output: &mut Output) -> anyhow::Result<Exit> {
    output.record(FIELDS, tenant)?;
    if !output.is_json() {
        output.section("Offboardings of the whole tenant", requests::COLUMNS, &tenant.requests)?;
        output.section("Evidence", EVIDENCE, &tenant.evidence)?;
    }
    Ok(Exit::Done)
}

fn preview_of(preview: &Confirmation, tenant: TenantId, output: &mut Output) -> anyhow::Result<Exit> {
    let timeline = match preview {
        Confirmation::Starts(timeline) => Some(timeline),
        Confirmation::Outdated => None,
    };
    if output.is_json() {
        output.json(&ConfirmationPreview::new(tenant, timeline))?;
        return Ok(Exit::Done);
    }
    match timeline {
        Some(due) => output.line(&format!(
            "Access of all its people would be revoked at once, the data be flagged for deletion {:.0} and everything be gone \
             by {:.0}, unless a later sign of life stops it. Nothing was changed.\nAdd --yes to do it.",
            due.flag_due_at, due.erasure_due_at
        ))?,
        None => output.line("Nothing would follow: a later sign of life says that the app is there.")?,
    }
    Ok(Exit::Done)
}
