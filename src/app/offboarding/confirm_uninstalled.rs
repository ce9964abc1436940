//! What a person may say that no platform tells: that the app is uninstalled.

use jiff::Timestamp;

use crate::{
    app::{
        ground::{Ground, audit, error::Error, fence::tenant::standing},
        offboarding::{
            evidence::{evidence, weigh},
            timeline::OpenedBy,
        },
    },
    domain::{
        Actor, TenantId,
        event::Outcome,
        evidence::{Evidence, EvidenceKind},
        reason::InputReason,
        request::{RequestScope, Timeline},
    },
    mapping::{self, Installation},
    proof::{Word, audit::Fact},
    store::{self, TenantTx, tenant::EVIDENCE_READ_MAX},
};

/// What follows when a person says that the app is uninstalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The tenant's offboarding starts, with these due times.
    Starts(Timeline),
    /// Nothing: a later sign of life says otherwise.
    Outdated,
}

/// What [`confirm_uninstalled`] would do. Fails when it would be refused.
pub async fn preview_confirmation(gateway: &Ground, tenant: TenantId, since: Timestamp) -> Result<Confirmation, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let now = gateway.now();
    let said = evidence(EvidenceKind::Uninstalled, None, mapping::order_time(Some(since), now), now);
    may_be_confirmed(&tx, &said).await?;
    let rows = store::tenant::evidence(&tx, None, EVIDENCE_READ_MAX).await?;
    let all: Vec<Evidence> = rows.into_iter().map(|row| row.evidence).chain([said]).collect();
    let policy = gateway.policy();
    Ok(match mapping::installation(&all, &policy.offboarding, policy.tenant) {
        Installation::Present => Confirmation::Outdated,
        Installation::Leaving { anchor, .. } => Confirmation::Starts(mapping::timeline(&policy.offboarding, anchor)),
    })
}

/// Nobody has to confirm what is under way: that would move its deadlines, and the earliest one counts.
async fn may_be_confirmed(tx: &TenantTx<'_>, said: &Evidence) -> Result<(), Error> {
    if standing(tx, said.source_at).await?.is_gone() {
        return Err(Error::rejected(InputReason::TenantErased));
    }
    if store::request::living(tx, RequestScope::Tenant).await?.is_some() {
        return Err(Error::rejected(InputReason::TenantLeaving));
    }
    Ok(())
}

/// Records that a person knows the app to be uninstalled, since a time never later than now. No platform promises to tell of
/// it, and in production nobody can ask a site that has fallen silent. Counts like an uninstall that was told: it starts the
/// tenant's offboarding, and a later sign of life stops it. `reason` is a closed word (a ticket) for the audit. Fails when
/// the tenant is leaving already, or gone.
pub async fn confirm_uninstalled(
    gateway: &Ground,
    actor: &Actor,
    reason: &str,
    tenant: TenantId,
    since: Timestamp,
) -> Result<Outcome, Error> {
    let reason = Word::parse(reason).map_err(|_| Error::rejected(InputReason::ReasonNotAWord))?;
    let now = gateway.now();
    let at = mapping::order_time(Some(since), now);
    let evidence = evidence(EvidenceKind::Uninstalled, None, at, now);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    may_be_confirmed(&tx, &evidence).await?;
    let outcome = weigh(gateway, &tx, evidence, OpenedBy::operator(actor)).await?;
    if matches!(outcome, Outcome::Applied(_)) {
        let facts = [("since", Fact::At(at)), ("reason", Fact::Word(reason))];
        audit::record(gateway, &tx, actor, "tenant.uninstall_confirmed", tenant, facts).await?;
    }
    tx.commit().await?;
    gateway.wake_workers();
    Ok(outcome)
}
