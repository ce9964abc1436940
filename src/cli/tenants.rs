//! `tenants`: the customers whose people the gateway knows, and what is known of their installations.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::{actor, with_gateway},
    exit::{Exit, Stop},
    options::{Deliberate, GlobalOptions},
    output::Output,
    requests,
    selection::{self, Limit},
    table::Columns,
    times::When,
};
use crate::app::{
    Gateway,
    ground::tenants,
    offboarding::confirm_uninstalled::{self, Confirmation},
    support::report::{self, TenantReport},
};
use crate::domain::{TenantId, request::RequestState};
use crate::store::tenant::EvidenceRow;

const COLUMNS: Columns<'static> = &[("TENANT", "tenant_id"), ("KEY", "stable_key"), ("GONE", "purged_at")];
const FIELDS: Columns<'static> =
    &[("tenant", "tenant_id"), ("key", "stable_key"), ("standing", "standing"), ("gone", "purged_at")];
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
    /// List every tenant with the key that the product knows it by
    List,
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
        limit: Limit,
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
        TenantsCommand::List => list(gateway, output).await,
        TenantsCommand::Show { tenant } => show(&report(gateway, tenant, SHOWN_MAX).await?, output),
        TenantsCommand::Evidence { tenant, limit } => {
            let report = report(gateway, tenant, limit.limit).await?;
            output.rows(EVIDENCE, &evidence(&report.evidence), "Nothing was ever heard of an installation.")?;
            Ok(Exit::Done)
        }
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
        let value = json!({"is_dry_run": false, "tenant_id": tenant, "since": since, "outcome": outcome.reason()});
        output.json(&value)?;
        return Ok(Exit::Done);
    }
    output.line(&format!("Recorded: {}. `milestone-gateway tenants show` tells how it stands.", outcome.reason()))?;
    Ok(Exit::Done)
}

async fn list(gateway: &Gateway, output: &mut Output) -> anyhow::Result<Exit> {
    let tenants = tenants::list(gateway).await?;
    let row = |tenant: &crate::store::tenant::Tenant| json!({"tenant_id": tenant.tenant_id, "stable_key": tenant.stable_key, "purged_at": tenant.purged_at});
    let rows: Vec<Value> = tenants.iter().map(row).collect();
    output.rows(COLUMNS, &rows, "There is no tenant yet; `sources add` makes the first.")?;
    Ok(Exit::Done)
}

async fn report(gateway: &Gateway, typed: &str, limit: i64) -> anyhow::Result<TenantReport> {
    let id = selection::tenant(gateway, typed).await?;
    Ok(report::tenant(gateway, id, limit).await?)
}

fn show(report: &TenantReport, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = &report.tenant;
    let requests: Vec<Value> = report.requests.iter().map(|request| requests::row(tenant.tenant_id, request)).collect();
    let value = json!({
        "tenant_id": tenant.tenant_id,
        "stable_key": tenant.stable_key,
        "standing": standing(report),
        "purged_at": tenant.purged_at,
        "requests": requests,
        "evidence": evidence(&report.evidence),
    });
    output.record(FIELDS, &value)?;
    if !output.is_json() {
        output.section("Offboardings of the whole tenant", requests::COLUMNS, &requests)?;
        output.section("Evidence", EVIDENCE, &evidence(&report.evidence))?;
    }
    Ok(Exit::Done)
}

fn preview_of(preview: &Confirmation, tenant: TenantId, output: &mut Output) -> anyhow::Result<Exit> {
    let timeline = match preview {
        Confirmation::Starts(timeline) => Some(timeline),
        Confirmation::Outdated => None,
    };
    if output.is_json() {
        let (flag, gone) = (timeline.map(|due| due.flag_due_at), timeline.map(|due| due.erasure_due_at));
        output.json(&json!({"is_dry_run": true, "tenant_id": tenant, "starts": timeline.is_some(),
                            "flag_due_at": flag, "erasure_due_at": gone}))?;
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

/// How the tenant stands, in words. Requests come newest first.
fn standing(report: &TenantReport) -> String {
    if let Some(purged_at) = report.tenant.purged_at {
        return format!(
            "gone: everything was deleted and certified at {purged_at:.0}; only a new installation opens the door"
        );
    }
    let Some(request) = report.requests.first() else { return "present".to_owned() };
    match request.state {
        RequestState::Received | RequestState::AwaitingIdentity | RequestState::AwaitingApproval => {
            format!("present; a request of {:.0} waits to be decided, due {:.0}", request.received_at, request.due_at)
        }
        RequestState::Scheduled => requests::scheduled("leaving", request),
        RequestState::Running => requests::running("deleted", "tables", request),
        RequestState::Refused | RequestState::Withdrawn => format!("present; a request was {}", request.state),
        RequestState::Cancelled | RequestState::Superseded => {
            "present; an offboarding was stopped because the app was installed again".to_owned()
        }
        RequestState::Completed => "present; the app was installed again after everything was deleted".to_owned(),
    }
}

fn evidence(rows: &[EvidenceRow]) -> Vec<Value> {
    rows.iter()
        .map(|row| {
            json!({
                "evidence_id": row.evidence_id,
                "kind": row.evidence.kind,
                "installation": row.evidence.installation,
                "source_at": row.evidence.source_at,
                "arrived_at": row.evidence.arrived_at,
                "event_id": row.event_id,
            })
        })
        .collect()
}
