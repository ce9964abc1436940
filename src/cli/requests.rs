//! `requests`: privacy requests, their timelines and what was done.

use std::str::FromStr;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{actor, with_gateway},
    exit::{Exit, Stop},
    jobs,
    options::{Deliberate, GlobalOptions},
    output::Output,
    selection::{self, PageArgs},
    table::Columns,
};
use crate::app::{
    Gateway,
    accounts::give_up,
    support::{
        cursor::List,
        pages,
        report::{self, RequestReport},
        views::{
            PageView,
            receipt::ReceiptView,
            request::{GivenUpView, RequestDetails, RequestView},
        },
    },
};
use crate::domain::{ParseIdError, RequestId, RunId, SubjectId, request::RequestState};
use crate::store::look_up::RequestFilter;

/// The columns of a request in a list.
pub(super) const COLUMNS: Columns<'static> = &[
    ("REQUEST", "request_id"),
    ("ABOUT", "about"),
    ("STATE", "state"),
    ("PHASE", "phase"),
    ("LEFT", "anchor_at"),
    ("ACCESS REVOKED", "access_revoked_at"),
    ("FLAG DUE", "flag_due_at"),
    ("DUE", "due_at"),
    ("ENDED", "ended_at"),
];
const FIELDS: Columns<'static> = &[
    ("request", "request_id"),
    ("tenant", "tenant_id"),
    ("right", "right"),
    ("about", "about"),
    ("state", "state"),
    ("run", "run_id"),
    ("phase of the run", "phase"),
    ("received", "received_at"),
    ("due", "due_at"),
    ("ended", "ended_at"),
    ("origin", "origin"),
    ("opened by", "actor"),
    ("event", "origin_event_id"),
    ("left (source time)", "anchor_at"),
];
const TIMELINE: Columns<'static> =
    &[("STEP", "step"), ("DUE", "due_at"), ("DONE", "done_at"), ("STANDING", "standing")];
const STEPS: Columns<'static> = &[("TABLE", "table"), ("DISPOSAL", "disposal"), ("ROWS", "rows")];
const ACCOUNTS: Columns<'static> = &[("STATE", "state"), ("ACCOUNTS", "accounts")];
const VERIFICATION: Columns<'static> = &[("FOUND", "found"), ("COLUMN", "column"), ("ROWS", "rows")];

/// Of which request nobody can be told any more, and why somebody says so.
#[derive(Debug, Args)]
pub(super) struct GiveUpArgs {
    /// The request, req_…
    id: RequestId,
    #[command(flatten)]
    deliberate: Deliberate,
}

/// What can be done with requests.
#[derive(Debug, Subcommand)]
pub(super) enum RequestsCommand {
    /// List requests, newest first
    List(ListArgs),
    /// End calls to an identity provider that nobody can make any more, so that the erasure goes on; a dry run until --yes
    GiveUpCalls(GiveUpArgs),
    /// Show one request: timeline, steps, verification, accounts at identity providers, jobs, receipt
    Show {
        /// The request, req_…, or one of its runs, run_…
        id: RequestOrRun,
        /// Print only the signed receipt
        #[arg(long)]
        receipt: bool,
    },
}

/// A request, or the run that carries it out: receipts and jobs name the run.
#[derive(Debug, Clone, Copy)]
pub(super) enum RequestOrRun {
    Request(RequestId),
    Run(RunId),
}

impl FromStr for RequestOrRun {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.starts_with("run_") { text.parse().map(Self::Run) } else { text.parse().map(Self::Request) }
    }
}

/// Which requests to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Requests of this tenant: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Requests about this person, sub_…
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<SubjectId>,
    /// Requests in this state, for example `scheduled`, `running` or `completed`
    #[arg(long, value_name = "WORD", value_parser = state)]
    state: Option<RequestState>,
    #[command(flatten)]
    page: PageArgs,
}

fn state(typed: &str) -> Result<RequestState, String> {
    let words = RequestState::ALL.map(RequestState::as_str);
    let word = selection::one_of(&words, typed)?;
    word.parse().map_err(|_| "unknown state".to_owned())
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &RequestsCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match command {
        RequestsCommand::List(args) => with_gateway(options, async |gateway| list(gateway, args, output).await).await,
        RequestsCommand::Show { id, receipt } => {
            with_gateway(options, async |gateway| {
                let report = match *id {
                    RequestOrRun::Request(id) => report::request(gateway, id).await?,
                    RequestOrRun::Run(id) => report::request_of_run(gateway, id).await?,
                };
                if *receipt { print_receipt(&report, output) } else { show(&report, gateway.now(), output) }
            })
            .await
        }
        RequestsCommand::GiveUpCalls(args) => {
            with_gateway(options, async |gateway| give_up(gateway, args, output).await).await
        }
    }
}

async fn give_up(gateway: &Gateway, args: &GiveUpArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = report::request(gateway, args.id).await?.tenant_id;
    let calls = if args.deliberate.yes {
        give_up::give_up(gateway, &actor(), &args.deliberate.reason, tenant, args.id).await?
    } else {
        give_up::preview_give_up(gateway, tenant, args.id).await?
    };
    if output.is_json() {
        output.json(&GivenUpView { is_dry_run: !args.deliberate.yes, request_id: args.id, calls })?;
    } else if args.deliberate.yes {
        output.line(&format!(
            "{calls} calls were ended. `milestone-gateway jobs retry` lets a parked job go on at once."
        ))?;
    } else {
        output.line(&format!(
            "{calls} calls would be ended: nobody at the identity provider would ever be told. Nothing was changed.\n\
             Add --yes to do it."
        ))?;
    }
    Ok(Exit::Done)
}

async fn list(gateway: &Gateway, args: &ListArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let filter = RequestFilter {
        tenant_id: selection::optional_tenant(gateway, args.tenant.as_deref()).await?,
        subject_id: args.subject,
        state: args.state,
    };
    let page = pages::requests(gateway, &filter, &args.page.of(List::Requests)?).await?;
    let page = PageView::of(&page, |(tenant, request)| RequestView::new(*tenant, request));
    output.page(COLUMNS, &page, "No request matches.")?;
    Ok(Exit::Done)
}

fn print_receipt(report: &RequestReport, output: &mut Output) -> anyhow::Result<Exit> {
    let Some(receipt) = &report.receipt else {
        let message = format!("the request has no receipt yet; it is {}", report.request.state.as_str());
        return Err(Stop::new(Exit::NotFound, message, "a receipt is signed when the erasure is complete").into());
    };
    if output.is_json() {
        output.json(&ReceiptView { receipt })?;
    } else {
        output.line(receipt)?;
    }
    Ok(Exit::Done)
}

fn show(report: &RequestReport, now: Timestamp, output: &mut Output) -> anyhow::Result<Exit> {
    let details = RequestDetails::new(report, now);
    if output.is_json() {
        output.json(&details)?;
        return Ok(Exit::Done);
    }
    output.record(FIELDS, &details)?;
    output.section("Timeline", TIMELINE, &details.timeline)?;
    output.section("Steps", STEPS, &details.steps)?;
    if let Some(verification) = &details.verification {
        let verification = serde_json::to_value(verification)?;
        output.line("")?;
        output.line(&verified(&verification))?;
        output.section("Verification", VERIFICATION, &findings(&verification))?;
    }
    output.section("Accounts at identity providers", ACCOUNTS, &details.accounts)?;
    output.section("Jobs", jobs::COLUMNS, &details.jobs)?;
    if details.receipt.is_some() {
        output.line("")?;
        output
            .line(&format!("The receipt: milestone-gateway requests show {} --receipt", report.request.request_id))?;
    }
    Ok(Exit::Done)
}

fn verified(report: &Value) -> String {
    if let Some(unreadable) = report["unreadable"].as_str() {
        return format!("Verification could not see: {}", super::table::printable(unreadable));
    }
    let left = report["left"].as_array().map_or(0, Vec::len);
    let conclusion = if left == 0 { "nothing is left" } else { "something is left" };
    format!("Verified in {} columns of {} tables: {conclusion}.", report["columns_read"], report["tables_read"])
}

fn findings(report: &Value) -> Vec<Value> {
    [("left", "left"), ("belongs to another", "held_by_another"), ("mentioned", "mentioned")]
        .into_iter()
        .flat_map(|(word, key)| report[key].as_array().into_iter().flatten().map(move |found| (word, found)))
        .map(|(word, found)| json!({"found": word, "column": found["column"], "rows": found["rows"]}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_that_found_something_says_where() {
        let report = json!({"tables_read": 2, "columns_read": 9, "left": [{"column": "a.b.c", "rows": 1}],
                            "held_by_another": [], "mentioned": [{"column": "a.d.e", "rows": 3}]});
        assert_eq!(verified(&report), "Verified in 9 columns of 2 tables: something is left.");
        assert_eq!(
            findings(&report),
            [
                json!({"found": "left", "column": "a.b.c", "rows": 1}),
                json!({"found": "mentioned", "column": "a.d.e", "rows": 3})
            ]
        );
    }
}
