//! Privacy requests.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::job::JobView;
use crate::{
    app::support::report::RequestReport,
    domain::{
        EventId, RequestId, SubjectId, TenantId,
        request::{RequestState, Timeline},
    },
    store::request::RequestRow,
};

/// A request in a list.
#[derive(Debug, Serialize)]
pub struct RequestView {
    request_id: RequestId,
    tenant_id: TenantId,
    scope: &'static str,
    subject_id: Option<SubjectId>,
    about: String,
    state: RequestState,
    opened_at: Timestamp,
    origin_event_id: Option<EventId>,
    anchor_at: Timestamp,
    access_off_at: Option<Timestamp>,
    mark_due_at: Timestamp,
    marked_at: Option<Timestamp>,
    purge_start_at: Timestamp,
    purge_due_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
}

impl RequestView {
    /// A request of this tenant.
    pub fn new(tenant_id: TenantId, request: &RequestRow) -> Self {
        let subject_id = request.scope.subject();
        let Timeline { anchor_at, mark_due_at, purge_start_at, purge_due_at, .. } = request.timeline;
        Self {
            request_id: request.request_id,
            tenant_id,
            scope: request.scope.as_str(),
            subject_id,
            about: subject_id.map_or_else(|| "whole tenant".to_owned(), |id| id.to_string()),
            state: request.state,
            opened_at: request.opened_at,
            origin_event_id: request.origin_event_id,
            anchor_at,
            access_off_at: request.access_off_at,
            mark_due_at,
            marked_at: request.marked_at,
            purge_start_at,
            purge_due_at,
            cancelled_at: request.cancelled_at,
            completed_at: request.completed_at,
        }
    }
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
    pub verification: Option<Value>,
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
            verification: report.request.verification.clone(),
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
    let due = &request.timeline;
    let steps = [
        ("access off", Some(due.access_off_due_at), request.access_off_at),
        ("marked", Some(due.mark_due_at), request.marked_at),
        ("fenced, purge begins", Some(due.purge_start_at), request.fenced_at),
        ("executed", None, request.executed_at),
        ("verified", None, request.verified_at),
        ("key destroyed", None, request.key_destroyed_at),
        ("gone, certified", Some(due.purge_due_at), request.completed_at),
    ];
    steps
        .into_iter()
        .map(|(step, due_at, done_at)| {
            let standing = standing(due_at, done_at, request.cancelled_at, now);
            TimelineView { step, due_at, done_at, standing }
        })
        .collect()
}

fn standing(
    due_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    now: Timestamp,
) -> &'static str {
    match (done_at, due_at) {
        (Some(_), _) => "done",
        (None, _) if cancelled_at.is_some() => "cancelled",
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
        assert_eq!(standing(at(1), None, at(2), now), "cancelled");
        assert_eq!(standing(None, None, None, now), "waiting");
    }
}
