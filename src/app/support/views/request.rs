//! Privacy requests.

use jiff::Timestamp;
use serde::Serialize;

use super::job::JobView;
use crate::{
    app::support::report::RequestReport,
    domain::{
        EventId, RequestId, RunId, SubjectId, TenantId,
        request::{Origin, RequestState, Right},
        run::{Phase, PhaseTimes},
        verification::VerificationReport,
    },
    store::{offboarding::Offboarding, request::RequestRow},
};

/// A request in a list.
#[derive(Debug, Serialize)]
pub struct RequestView {
    request_id: RequestId,
    tenant_id: TenantId,
    right: Right,
    scope: &'static str,
    subject_id: Option<SubjectId>,
    about: String,
    origin: Origin,
    actor: String,
    origin_event_id: Option<EventId>,
    state: RequestState,
    received_at: Timestamp,
    due_at: Timestamp,
    extended_until: Option<Timestamp>,
    extension_reason: Option<String>,
    refused_code: Option<String>,
    superseded_by: Option<RequestId>,
    ended_at: Option<Timestamp>,
    anchor_at: Option<Timestamp>,
    access_revoked_at: Option<Timestamp>,
    flag_due_at: Option<Timestamp>,
    flagged_at: Option<Timestamp>,
    erasure_start_at: Option<Timestamp>,
    erasure_due_at: Option<Timestamp>,
    run_id: Option<RunId>,
    phase: Option<Phase>,
    verification_failed_at: Option<Timestamp>,
}

impl RequestView {
    /// A request of this tenant.
    pub fn new(tenant_id: TenantId, request: &RequestRow) -> Self {
        let subject_id = request.scope.subject();
        let (offboarding, run) = (request.offboarding.as_ref(), request.run.as_ref());
        let timeline = offboarding.map(|offboarding| offboarding.timeline);
        Self {
            request_id: request.request_id,
            tenant_id,
            right: request.right,
            scope: request.scope.as_str(),
            subject_id,
            about: subject_id.map_or_else(|| "whole tenant".to_owned(), |id| id.to_string()),
            origin: request.origin,
            actor: request.actor.clone(),
            origin_event_id: request.origin_event_id,
            state: request.state,
            received_at: request.received_at,
            due_at: request.due_at,
            extended_until: request.extended_until,
            extension_reason: request.extension_reason.clone(),
            refused_code: request.refused_code.clone(),
            superseded_by: request.superseded_by,
            ended_at: request.ended_at,
            anchor_at: timeline.map(|due| due.anchor_at),
            access_revoked_at: offboarding.and_then(|done| done.access_revoked_at),
            flag_due_at: timeline.map(|due| due.flag_due_at),
            flagged_at: offboarding.and_then(|done| done.flagged_at),
            erasure_start_at: timeline.map(|due| due.erasure_start_at),
            erasure_due_at: timeline.map(|due| due.erasure_due_at),
            run_id: run.map(|run| run.run_id),
            phase: request.phase(),
            verification_failed_at: run.and_then(|run| run.phase.times().verification_failed_at),
        }
    }
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

/// A step of a request's timeline: what was promised, and what was done.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct TimelineView {
    step: &'static str,
    due_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    standing: &'static str,
}

/// What a finished step has done.
#[derive(Debug, Serialize)]
pub struct StepView {
    table: String,
    disposal: String,
    rows: i64,
}

/// How many accounts at identity providers are in one state.
#[derive(Debug, Serialize)]
pub struct AccountsView {
    state: &'static str,
    accounts: u64,
}

/// One request with everything that is known about it.
#[derive(Debug, Serialize)]
pub struct RequestDetails {
    #[serde(flatten)]
    request: RequestView,
    /// Every step in order.
    pub timeline: Vec<TimelineView>,
    /// What was done to which table.
    pub steps: Vec<StepView>,
    /// Accounts of a leaving tenant's people.
    pub accounts: Vec<AccountsView>,
    /// The last verification report: tables, columns and counts.
    pub verification: Option<VerificationReport>,
    /// Its jobs.
    pub jobs: Vec<JobView>,
    /// Its signed receipt.
    pub receipt: Option<String>,
}

impl RequestDetails {
    /// As it stands at `now`.
    pub fn new(report: &RequestReport, now: Timestamp) -> Self {
        let steps = report.steps.iter().cloned();
        let accounts = report.accounts.iter();
        Self {
            request: RequestView::new(report.tenant_id, &report.request),
            timeline: timeline(&report.request, now),
            steps: steps.map(|(table, disposal, rows)| StepView { table, disposal, rows }).collect(),
            accounts: accounts.map(|(state, count)| AccountsView { state: state.as_str(), accounts: *count }).collect(),
            verification: report.request.run.as_ref().and_then(|run| run.phase.report()).cloned(),
            jobs: report.jobs.iter().map(JobView::from).collect(),
            receipt: report.receipt.clone(),
        }
    }
}

/// What became of calls to an identity provider that nobody can make any more.
#[derive(Debug, Serialize)]
pub struct GivenUpView {
    /// True when nothing was changed.
    pub is_dry_run: bool,
    /// The request.
    pub request_id: RequestId,
    /// How many calls.
    pub calls: u64,
}

fn timeline(request: &RequestRow, now: Timestamp) -> Vec<TimelineView> {
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
            TimelineView { step, due_at, done_at, standing }
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
}
