//! `jobs`: queued work.

use clap::{Args, Subcommand};

use super::{
    context::{actor, with_gateway},
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
        pages, replay, report,
        views::{PageView, job::JobView},
    },
};
use crate::domain::{JobId, RequestId};
use crate::store::job::JobFilter;

const STATES: [&str; 4] = ["pending", "parked", "completed", "cancelled"];

/// The columns of a job in a list.
pub(super) const COLUMNS: Columns<'static> = &[
    ("JOB", "job_id"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("RUNNING", "is_leased"),
    ("DUE", "run_at"),
    ("NEXT", "not_before_at"),
    ("ATTEMPTS", "attempts"),
    ("FAILURE", "failure_reason"),
];
const FIELDS: Columns<'static> = &[
    ("job", "job_id"),
    ("kind", "kind"),
    ("tenant", "tenant_id"),
    ("works for", "belongs_to"),
    ("request", "request_id"),
    ("run", "run_id"),
    ("rule", "rule"),
    ("state", "state"),
    ("running now", "is_leased"),
    ("due", "run_at"),
    ("next attempt", "not_before_at"),
    ("attempts", "attempts"),
    ("failures", "failures"),
    ("parked because of", "parked_code"),
    ("last failure", "failure_reason"),
    ("its code", "reason_code"),
    ("made", "created_at"),
    ("ended", "finished_at"),
];

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, newest first
    List(ListArgs),
    /// Show one job and why it failed last
    Show {
        /// The job, job_…
        id: JobId,
    },
    /// Let a parked job run again
    Retry {
        /// The job, job_…
        id: JobId,
    },
}

/// Which jobs to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Jobs of this tenant: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Jobs in this state: pending, parked, completed or cancelled
    #[arg(long, value_name = "WORD", value_parser = state)]
    state: Option<String>,
    /// Jobs of this request, req_…
    #[arg(long, value_name = "REQUEST")]
    request: Option<RequestId>,
    #[command(flatten)]
    page: PageArgs,
}

fn state(typed: &str) -> Result<String, String> {
    selection::one_of(&STATES, typed)
}

/// Runs one of the commands.
pub(super) async fn run(options: &GlobalOptions, command: &JobsCommand, output: &mut Output) -> anyhow::Result<Exit> {
    with_gateway(options, async |gateway| match command {
        JobsCommand::List(args) => list(gateway, args, output).await,
        JobsCommand::Show { id } => show(gateway, *id, output).await,
        JobsCommand::Retry { id } => retry(gateway, *id, output).await,
    })
    .await
}

async fn list(gateway: &Gateway, args: &ListArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let filter = JobFilter {
        job_id: None,
        tenant_id: selection::optional_tenant(gateway, args.tenant.as_deref()).await?,
        state: args.state.clone(),
        request_id: args.request,
    };
    let page = pages::jobs(gateway, &filter, &args.page.of(List::Jobs)?).await?;
    output.page(COLUMNS, &PageView::of(&page, |row| JobView::from(row)), "No job matches.")?;
    Ok(Exit::Done)
}

async fn show(gateway: &Gateway, id: JobId, output: &mut Output) -> anyhow::Result<Exit> {
    output.record(FIELDS, &JobView::from(&report::job(gateway, id).await?))?;
    Ok(Exit::Done)
}

async fn retry(gateway: &Gateway, id: JobId, output: &mut Output) -> anyhow::Result<Exit> {
    replay::retry_job(gateway, &actor(), id).await?;
    output.record(FIELDS, &JobView::from(&report::job(gateway, id).await?))?;
    Ok(Exit::Done)
}
