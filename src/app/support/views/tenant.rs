//! Tenants and what is known of their installations.

use jiff::Timestamp;
use serde::Serialize;

use super::request::{RequestView, running, scheduled};
use crate::{
    app::support::report::TenantReport,
    domain::{
        EventId, EvidenceId, TenantId,
        event::Outcome,
        evidence::EvidenceKind,
        request::{RequestState, Timeline},
    },
    store::tenant::{EvidenceRow, Tenant},
};

/// A tenant in a list.
#[derive(Debug, Serialize)]
pub struct TenantView {
    tenant_id: TenantId,
    stable_key: String,
    erased_at: Option<Timestamp>,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self { tenant_id: tenant.tenant_id, stable_key: tenant.stable_key.clone(), erased_at: tenant.erased_at }
    }
}

/// A sign for or against an installation.
#[derive(Debug, Serialize)]
pub struct EvidenceView {
    evidence_id: EvidenceId,
    kind: EvidenceKind,
    installation: Option<String>,
    source_at: Timestamp,
    arrived_at: Timestamp,
    event_id: Option<EventId>,
}

impl From<&EvidenceRow> for EvidenceView {
    fn from(row: &EvidenceRow) -> Self {
        Self {
            evidence_id: row.evidence_id,
            kind: row.evidence.kind,
            installation: row.evidence.installation.clone(),
            source_at: row.evidence.source_at,
            arrived_at: row.evidence.arrived_at,
            event_id: row.event_id,
        }
    }
}

/// One tenant: how it stands, and what that rests on.
#[derive(Debug, Serialize)]
pub struct TenantDetails {
    #[serde(flatten)]
    tenant: TenantView,
    standing: String,
    /// Requests about the tenant itself.
    pub requests: Vec<RequestView>,
    /// What speaks for or against its installation.
    pub evidence: Vec<EvidenceView>,
}

impl From<&TenantReport> for TenantDetails {
    fn from(report: &TenantReport) -> Self {
        let tenant_id = report.tenant.tenant_id;
        Self {
            tenant: (&report.tenant).into(),
            standing: standing(report),
            requests: report.requests.iter().map(|request| RequestView::new(tenant_id, request)).collect(),
            evidence: report.evidence.iter().map(EvidenceView::from).collect(),
        }
    }
}

/// What would follow if somebody said that the app is uninstalled.
#[derive(Debug, Serialize)]
pub struct ConfirmationPreview {
    is_dry_run: bool,
    tenant_id: TenantId,
    starts: bool,
    flag_due_at: Option<Timestamp>,
    erasure_due_at: Option<Timestamp>,
}

impl ConfirmationPreview {
    /// The timeline that would start, if one would.
    pub fn new(tenant_id: TenantId, timeline: Option<&Timeline>) -> Self {
        Self {
            is_dry_run: true,
            tenant_id,
            starts: timeline.is_some(),
            flag_due_at: timeline.map(|due| due.flag_due_at),
            erasure_due_at: timeline.map(|due| due.erasure_due_at),
        }
    }
}

/// What has followed from somebody's word that the app is uninstalled.
#[derive(Debug, Serialize)]
pub struct ConfirmationView {
    is_dry_run: bool,
    tenant_id: TenantId,
    since: Timestamp,
    outcome: String,
}

impl ConfirmationView {
    /// What became of it.
    pub fn new(tenant_id: TenantId, since: Timestamp, outcome: &Outcome) -> Self {
        Self { is_dry_run: false, tenant_id, since, outcome: outcome.reason().to_string() }
    }
}

/// How the tenant stands, in words. Requests come newest first.
fn standing(report: &TenantReport) -> String {
    if let Some(erased_at) = report.tenant.erased_at {
        return format!(
            "gone: everything was deleted and certified at {erased_at:.0}; only a new installation opens the door"
        );
    }
    let Some(request) = report.requests.first() else { return "present".to_owned() };
    match request.state {
        RequestState::Received | RequestState::AwaitingIdentity | RequestState::AwaitingApproval => {
            format!("present; a request of {:.0} waits to be decided, due {:.0}", request.received_at, request.due_at)
        }
        RequestState::Scheduled => scheduled("leaving", request),
        RequestState::Running => running("deleted", "tables", request),
        RequestState::Refused | RequestState::Withdrawn => format!("present; a request was {}", request.state),
        RequestState::Cancelled | RequestState::Superseded => {
            "present; an offboarding was stopped because the app was installed again".to_owned()
        }
        RequestState::Completed => "present; the app was installed again after everything was deleted".to_owned(),
    }
}
