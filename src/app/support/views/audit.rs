//! Audit entries and the chain that binds them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::support::verify_audit::AuditChain,
    domain::{AuditId, TenantId},
    store::audit::AuditRow,
};

/// An audit entry.
#[derive(Debug, Serialize)]
pub struct AuditView {
    audit_id: AuditId,
    at: Timestamp,
    actor: String,
    action: String,
    object: Value,
    detail: Value,
}

impl From<&AuditRow> for AuditView {
    fn from(entry: &AuditRow) -> Self {
        // The entry was written by us; one that is no JSON any more is shown without its parts.
        let mut parts: Value = serde_json::from_str(&entry.entry).unwrap_or_default();
        let mut part = |name: &str| parts.get_mut(name).map(Value::take).unwrap_or_default();
        Self {
            audit_id: entry.audit_id,
            at: entry.at,
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            object: part("object"),
            detail: part("detail"),
        }
    }
}

/// What a check of a tenant's chain found.
#[derive(Debug, Serialize)]
pub struct ChainView {
    tenant_id: TenantId,
    conclusion: &'static str,
    /// True when nothing was changed, removed or moved.
    pub is_intact: bool,
    verified: i64,
    gone: i64,
    broken_at_place: Option<i64>,
    waiting: usize,
    head: String,
}

impl ChainView {
    /// The chain of this tenant.
    pub fn new(tenant_id: TenantId, chain: &AuditChain) -> Self {
        let is_intact = chain.broken_at.is_none();
        Self {
            tenant_id,
            conclusion: if is_intact { "holds" } else { "BROKEN" },
            is_intact,
            verified: chain.verified,
            gone: chain.gone,
            broken_at_place: chain.broken_at,
            waiting: chain.waiting,
            head: hex::encode(chain.head),
        }
    }
}
