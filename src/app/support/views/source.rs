//! Sources and rejected calls. No secret, and nothing that a caller wrote.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{SourceId, TenantId},
    sources::contract,
    store::{
        rejection::{CountRow, RejectionRow},
        source::{CredentialDates, HolderRow, SourceRow},
    },
};

/// A source in a list.
#[derive(Debug, Serialize)]
pub struct SourceView {
    source_id: SourceId,
    name: String,
    kind: &'static str,
    route: Option<String>,
    tenant_id: TenantId,
    last_seen_at: Option<Timestamp>,
    expected_by: Option<Timestamp>,
    is_late: bool,
    is_disabled: bool,
}

impl SourceView {
    /// As it stands at `now`.
    pub fn new(source: &SourceRow, now: Timestamp) -> Self {
        let facts = &source.facts;
        let expected_by = expected_by(source);
        Self {
            source_id: source.source_id,
            name: facts.name.clone(),
            kind: facts.kind.as_str(),
            route: contract(facts.kind).inbound.as_ref().map(|inbound| inbound.path(&facts.name)),
            tenant_id: facts.tenant_id,
            last_seen_at: source.last_seen_at,
            expected_by,
            is_late: expected_by.is_some_and(|by| by < now),
            is_disabled: source.disabled_at.is_some(),
        }
    }
}

fn expected_by(source: &SourceRow) -> Option<Timestamp> {
    let every = SignedDuration::from_secs(source.expected_every_seconds?.into());
    source.last_seen_at.unwrap_or(source.created_at).checked_add(every).ok()
}

/// The dates of a credential.
#[derive(Debug, Serialize)]
pub struct CredentialView {
    purpose: String,
    installation: String,
    created_at: Timestamp,
    valid_until: Option<Timestamp>,
    credential: &'static str,
}

impl From<&CredentialDates> for CredentialView {
    fn from(dates: &CredentialDates) -> Self {
        Self {
            purpose: dates.purpose.clone(),
            installation: dates.holder.clone(),
            created_at: dates.created_at,
            valid_until: dates.valid_until,
            credential: "[sealed]",
        }
    }
}

/// The tenant that an installation of a shared source is assigned to.
#[derive(Debug, Serialize)]
pub struct InstallationView {
    installation: String,
    tenant_id: TenantId,
    bound_at: Timestamp,
}

impl From<&HolderRow> for InstallationView {
    fn from(row: &HolderRow) -> Self {
        Self { installation: row.holder.clone(), tenant_id: row.tenant_id, bound_at: row.bound_at }
    }
}

/// How often one rule rejected calls on one day.
#[derive(Debug, Serialize)]
pub struct RejectionCountView {
    day: Date,
    reason: String,
    refused: i64,
    last_at: Timestamp,
}

impl From<&CountRow> for RejectionCountView {
    fn from(row: &CountRow) -> Self {
        Self { day: row.day, reason: row.reason.clone(), refused: row.refused, last_at: row.last_at }
    }
}

/// One source with all that is known of it.
#[derive(Debug, Serialize)]
pub struct SourceDetails {
    #[serde(flatten)]
    source: SourceView,
    scheme: &'static str,
    site_host: Option<String>,
    settings: Value,
    replay_window_seconds: Option<i32>,
    created_at: Timestamp,
    disabled_at: Option<Timestamp>,
    /// The dates of its credentials.
    pub credentials: Vec<CredentialView>,
    /// Installations that are known to be a tenant.
    pub installations: Vec<InstallationView>,
    /// Rejected calls by day and rule.
    pub refused: Vec<RejectionCountView>,
}

impl SourceDetails {
    /// As it stands at `now`.
    pub fn new(
        source: &SourceRow,
        credentials: &[CredentialDates],
        holders: &[HolderRow],
        counts: &[CountRow],
        now: Timestamp,
    ) -> Self {
        Self {
            source: SourceView::new(source, now),
            scheme: contract(source.facts.kind).scheme,
            site_host: source.facts.site_host.clone(),
            settings: source.facts.settings.clone(),
            replay_window_seconds: source.replay_window_seconds,
            created_at: source.created_at,
            disabled_at: source.disabled_at,
            credentials: credentials.iter().map(CredentialView::from).collect(),
            installations: holders.iter().map(InstallationView::from).collect(),
            refused: counts.iter().map(RejectionCountView::from).collect(),
        }
    }
}

/// One rejected call.
#[derive(Debug, Serialize)]
pub struct RejectionView {
    at: Timestamp,
    source_name: String,
    source_kind: String,
    reason: String,
    reply: String,
}

impl From<&RejectionRow> for RejectionView {
    fn from(row: &RejectionRow) -> Self {
        Self {
            at: row.at,
            source_name: row.source_name.clone(),
            source_kind: row.source_kind.clone(),
            reason: row.reason.clone(),
            reply: row.reply.clone(),
        }
    }
}
