//! Recording what was done, in the transaction that did it.

use crate::{
    app::ground::{Ground, error::Error},
    domain::{Actor, AuditId},
    proof::{
        IdText, Word,
        audit::{AuditEntry, Fact, entry_digest},
    },
    store::{self, TenantTx, audit::AuditRow},
};

/// The actor of everything that jobs and interpretation do.
pub(in crate::app) const WORKER: &Actor = &Actor::Worker;
/// The actor of everything that the sweep does.
pub(in crate::app) const SWEEP: &Actor = &Actor::Sweep;

/// Records one entry and returns its id and digest. Facts are ids, counts, times and closed words; the type admits
/// nothing else, so no personal value can slip in.
pub(in crate::app) async fn record<const N: usize>(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    actor: &Actor,
    action: &'static str,
    object: impl std::fmt::Display,
    facts: [(&'static str, Fact); N],
) -> Result<(AuditId, [u8; 32]), Error> {
    let actor = actor.to_string();
    let id = AuditId::new(gateway.clock(), gateway.entropy());
    // PostgreSQL keeps microseconds; what is hashed must be what can be read back.
    let now = gateway.now();
    let at = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    let detail = facts.into_iter().map(|(name, fact)| Ok((Word::parse(name)?, fact))).collect::<Result<_, Error>>()?;
    let entry = AuditEntry {
        id,
        tenant: tx.tenant(),
        at,
        action: Word::parse(action)?,
        actor: Word::parse(&actor)?,
        object: IdText::of(object)?,
        detail,
    };
    let canonical = entry.canonical()?;
    let digest = entry_digest(&canonical);
    let text = String::from_utf8(canonical).map_err(|_| Error::Unserializable { what: "the audit entry" })?;
    let row = AuditRow { audit_id: id, at, actor, action: action.to_owned(), entry: text };
    store::audit::insert(tx, &row, &digest).await?;
    Ok((id, digest))
}
