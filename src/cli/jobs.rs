//! `jobs`: queued work.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::{actor, with_gateway},
    exit::Exit,
    options::GlobalOptions,
    output::Output,
    selection::{self, Limit},
    table::Columns,
};
use crate::app::{
    Error, Gateway,
    support::{replay, report},
};
use crate::domain::{JobId, RequestId, reason::code_of};
use crate::store::job::{JobFilter, JobRow};

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
    limit: Limit,
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
    let found = report::jobs(gateway, &filter, args.limit.limit).await?;
    output.rows(COLUMNS, &rows(&found), "No job matches.")?;
    Ok(Exit::Done)
}

async fn show(gateway: &Gateway, id: JobId, output: &mut Output) -> anyhow::Result<Exit> {
    output.record(FIELDS, &row(&one(gateway, id).await?))?;
    Ok(Exit::Done)
}

async fn retry(gateway: &Gateway, id: JobId, output: &mut Output) -> anyhow::Result<Exit> {
    replay::retry_job(gateway, &actor(), id).await?;
    output.record(FIELDS, &row(&one(gateway, id).await?))?;
    Ok(Exit::Done)
}

async fn one(gateway: &Gateway, id: JobId) -> anyhow::Result<JobRow> {
    let filter = JobFilter { job_id: Some(id), ..JobFilter::default() };
    report::jobs(gateway, &filter, 1).await?.pop().ok_or_else(|| Error::NotFound("job").into())
}

/// Jobs as rows.
pub(super) fn rows(jobs: &[JobRow]) -> Vec<Value> {
    jobs.iter().map(row).collect()
}

fn row(job: &JobRow) -> Value {
    json!({
        "job_id": job.job_id,
        "tenant_id": job.tenant_id,
        "belongs_to": job.subject.word(),
        "request_id": job.subject.request(),
        "run_id": job.subject.run(),
        "rule": job.subject.rule(),
        "kind": job.kind,
        "state": job.state,
        "is_leased": job.is_leased,
        "run_at": job.run_at,
        "not_before_at": job.not_before,
        "attempts": job.attempt,
        "failures": job.failures,
        "parked_code": job.parked_code,
        "failure_reason": job.failure_reason,
        "reason_code": job.failure_reason.as_deref().and_then(code_of),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    })
}
