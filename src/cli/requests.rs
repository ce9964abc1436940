//! `requests`: privacy requests, their timelines and what was done.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{actor, with_gateway},
    exit::{Exit, Stop},
    jobs,
    options::{Deliberate, GlobalOptions},
    output::Output,
    selection::{self, Limit},
    table::Columns,
};
use crate::app::{
    Gateway,
    accounts::give_up,
    support::report::{self, RequestReport},
};
use crate::domain::{
    RequestId, SubjectId, TenantId,
    request::RequestState,
    run::{Phase, PhaseTimes},
};
use crate::store::{offboarding::Offboarding, request::RequestRow};

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
    /// List requests, newest first within each tenant
    List(ListArgs),
    /// End calls to an identity provider that nobody can make any more, so that the erasure goes on; a dry run until --yes
    GiveUpCalls(GiveUpArgs),
    /// Show one request: timeline, steps, verification, accounts at identity providers, jobs, receipt
    Show {
        /// The request, req_…
        id: RequestId,
        /// Print only the signed receipt
        #[arg(long)]
        receipt: bool,
    },
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
    limit: Limit,
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
                let report = report::request(gateway, *id).await?;
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
        output.json(&json!({"is_dry_run": !args.deliberate.yes, "request_id": args.id, "calls": calls}))?;
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
    let tenant = selection::optional_tenant(gateway, args.tenant.as_deref()).await?;
    let found = report::requests(gateway, tenant, args.subject, args.state, args.limit.limit).await?;
    let rows: Vec<Value> = found.iter().map(|(tenant, request)| row(*tenant, request)).collect();
    output.rows(COLUMNS, &rows, "No request matches.")?;
    Ok(Exit::Done)
}

fn print_receipt(report: &RequestReport, output: &mut Output) -> anyhow::Result<Exit> {
    let Some(receipt) = &report.receipt else {
        let message = format!("the request has no receipt yet; it is {}", report.request.state.as_str());
        return Err(Stop::new(Exit::NotFound, message, "a receipt is signed when the erasure is complete").into());
    };
    if output.is_json() {
        output.json(&json!({ "receipt": receipt }))?;
    } else {
        output.line(receipt)?;
    }
    Ok(Exit::Done)
}

fn show(report: &RequestReport, now: Timestamp, output: &mut Output) -> anyhow::Result<Exit> {
    let value = document(report, now);
    if output.is_json() {
        output.json(&value)?;
        return Ok(Exit::Done);
    }
    let part = |name: &str| value[name].as_array().cloned().unwrap_or_default();
    output.record(FIELDS, &value)?;
    output.section("Timeline", TIMELINE, &part("timeline"))?;
    output.section("Steps", STEPS, &part("steps"))?;
    let verification = &value["verification"];
    if !verification.is_null() {
        output.line("")?;
        output.line(&verified(verification))?;
        output.section("Verification", VERIFICATION, &findings(verification))?;
    }
    if !report.accounts.is_empty() {
        output.section("Accounts at identity providers", ACCOUNTS, &part("accounts"))?;
    }
    output.section("Jobs", jobs::COLUMNS, &part("jobs"))?;
    if report.receipt.is_some() {
        output.line("")?;
        output
            .line(&format!("The receipt: milestone-gateway requests show {} --receipt", report.request.request_id))?;
    }
    Ok(Exit::Done)
}

/// A request as a row of a list.
pub(super) fn row(tenant: TenantId, request: &RequestRow) -> Value {
    let subject = request.scope.subject();
    let (offboarding, run) = (request.offboarding.as_ref(), request.run.as_ref());
    let timeline = offboarding.map(|offboarding| offboarding.timeline);
    json!({
        "request_id": request.request_id,
        "tenant_id": tenant,
        "right": request.right,
        "scope": request.scope.as_str(),
        "subject_id": subject,
        "about": subject.map_or_else(|| "whole tenant".to_owned(), |id| id.to_string()),
        "origin": request.origin,
        "actor": request.actor,
        "origin_event_id": request.origin_event_id,
        "state": request.state,
        "received_at": request.received_at,
        "due_at": request.due_at,
        "extended_until": request.extended_until,
        "extension_reason": request.extension_reason,
        "refused_code": request.refused_code,
        "superseded_by": request.superseded_by,
        "ended_at": request.ended_at,
        "anchor_at": timeline.map(|due| due.anchor_at),
        "access_revoked_at": offboarding.and_then(|done| done.access_revoked_at),
        "flag_due_at": timeline.map(|due| due.flag_due_at),
        "flagged_at": offboarding.and_then(|done| done.flagged_at),
        "erasure_start_at": timeline.map(|due| due.erasure_start_at),
        "erasure_due_at": timeline.map(|due| due.erasure_due_at),
        "run_id": run.map(|run| run.run_id),
        "phase": request.phase(),
        "verification_failed_at": run.and_then(|run| run.phase.times().verification_failed_at),
    })
}

/// How a scheduled request stands, in words.
pub(super) fn scheduled(since: &str, request: &RequestRow) -> String {
    let Some(offboarding) = &request.offboarding else {
        return format!("to be erased; received {:.0}, gone by {:.0}", request.received_at, request.due_at);
    };
    let due = &offboarding.timeline;
    format!(
        "{since} since {:.0}: access {}, {} {:.0}, gone by {:.0}",
        due.anchor_at,
        offboarding.access_revoked_at.map_or("is revoked at once", |_| "is revoked"),
        offboarding.flagged_at.map_or("to be flagged for deletion", |_| "flagged for deletion, was due"),
        due.flag_due_at,
        due.erasure_due_at
    )
}

/// How a running request stands, in words: what is being done, and what `requests show` names when it has to wait.
pub(super) fn running(done: &str, named: &str, request: &RequestRow) -> String {
    if request.run.as_ref().is_some_and(|run| run.phase.has_failed_verification()) {
        return format!(
            "parked: verification still found something; `requests show` names the {named}, `jobs retry` tries again"
        );
    }
    let phase = request.phase().map_or(request.state.as_str(), Phase::as_str);
    format!("being {done} ({phase}), gone by {:.0}", request.due_at)
}

fn document(report: &RequestReport, now: Timestamp) -> Value {
    let mut value = row(report.tenant_id, &report.request);
    let steps = report.steps.iter();
    value["timeline"] = timeline(&report.request, now).into();
    value["steps"] =
        steps.map(|(table, disposal, rows)| json!({"table": table, "disposal": disposal, "rows": rows})).collect();
    let accounts = report.accounts.iter();
    value["accounts"] = accounts.map(|(state, count)| json!({"state": state.as_str(), "accounts": count})).collect();
    value["verification"] = json!(report.request.run.as_ref().and_then(|run| run.phase.report()));
    value["jobs"] = jobs::rows(&report.jobs).into();
    value["receipt"] = report.receipt.clone().into();
    value
}

/// Every step of the timeline in order, with what was promised and what was done.
fn timeline(request: &RequestRow, now: Timestamp) -> Vec<Value> {
    let due = request.offboarding.map(|offboarding| offboarding.timeline);
    let done = |at: fn(&Offboarding) -> Option<Timestamp>| request.offboarding.as_ref().and_then(at);
    let times = request.run.as_ref().map(|run| run.phase.times());
    let reached = |at: fn(PhaseTimes) -> Option<Timestamp>| times.and_then(at);
    let steps = [
        ("access revoked", due.map(|due| due.revoke_access_due_at), done(|done| done.access_revoked_at)),
        ("flagged for deletion", due.map(|due| due.flag_due_at), done(|done| done.flagged_at)),
        ("fenced, erasure begins", due.map(|due| due.erasure_start_at), reached(|times| times.fenced_at)),
        ("executed", None, reached(|times| times.executed_at)),
        ("verified", None, reached(|times| times.verified_at)),
        ("identity providers told", None, reached(|times| times.told_at)),
        ("key destroyed", None, reached(|times| times.key_destroyed_at)),
        ("gone, certified", Some(request.due_at), reached(|times| times.certified_at)),
    ];
    steps
        .into_iter()
        .map(|(step, due_at, done_at)| {
            let standing = standing(due_at, done_at, request.ended_at, now);
            json!({"step": step, "due_at": due_at, "done_at": done_at, "standing": standing})
        })
        .collect()
}

fn standing(
    due_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    now: Timestamp,
) -> &'static str {
    match (done_at, due_at) {
        (Some(_), _) => "done",
        (None, _) if ended_at.is_some() => "ended before",
        (None, Some(due_at)) if due_at < now => "due",
        (None, _) => "waiting",
    }
}

fn verified(report: &Value) -> String {
    if let Some(blind) = report["blind"].as_str() {
        return format!("Verification could not see: {}", super::table::printable(blind));
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
    fn a_step_stands_where_its_times_say() {
        let at = |second| Timestamp::from_second(second).ok();
        let now = Timestamp::from_second(100).expect("a time");
        assert_eq!(standing(at(1), at(2), None, now), "done");
        assert_eq!(standing(at(1), None, None, now), "due");
        assert_eq!(standing(at(101), None, None, now), "waiting");
        assert_eq!(standing(at(1), None, at(2), now), "ended before");
        assert_eq!(standing(None, None, None, now), "waiting");
    }

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
