//! A sign for or against a customer's installation: the timeline of the whole tenant that it starts, moves or stops.
//!
//! The decision is made anew from all evidence, by source time, under the tenant's lock, so neither the order of arrival nor a
//! repetition changes it (see `mapping::installation`). Behind the tenant's fence nothing counts but a later installation,
//! which opens a new generation.
//!
//! **The lock.** Whoever is about to write something about anybody of a tenant takes the tenant's lock beside others, by
//! [`standing`], in the transaction that writes. Evidence and fence take it alone. So a writer either commits before the
//! fence, and the purge that follows finds what it wrote, or it learns that the tenant is gone.

use jiff::{SignedDuration, Timestamp};

use super::{
    Error, Gateway, audit,
    interpret::{finish, finish_plain},
    replay,
    timeline::{Settled, Wanted, settle},
};
use crate::{
    domain::{
        EventId, EvidenceId, FenceKind, TenantId,
        event::{IgnoreReason, LifecycleEvent, Outcome, TenantSignal},
        evidence::{Evidence, EvidenceKind},
        request::{RequestScope, RequestState, Timeline},
    },
    mapping::{self, Installation},
    product,
    proof::{Word, audit::Fact},
    store::{
        self, TenantTx,
        event::ClaimedEvent,
        fence::Fence,
        tenant::{EVIDENCE_READ_MAX, EvidenceRow},
    },
};

/// How long after its arrival an event that may be a returned customer's waits for the installation that says so.
const RETURN_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// Why an installation waits, and what to do when it has waited for too long.
const NOT_FINISHED: &str = "the purge before this return is not finished: help its held job, then replay this event";
/// The longest name of an installation that is kept, in bytes.
const INSTALLATION_BYTES_MAX: usize = 128;

/// Where a source time stands with regard to the tenant's own fence.
#[derive(Debug, Clone)]
pub enum TenantStanding {
    /// Nothing is in the way.
    Here,
    /// Everything of the tenant was deleted, or is being deleted, and it had not come back by then.
    Gone(Option<Box<Fence>>),
}

impl TenantStanding {
    /// True when whatever happened at this source time must be ignored with [`IgnoreReason::TenantGone`].
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

/// What becomes of an event in whose way the tenant's fence stands: it is ignored; but when it has happened after the
/// departure that the fence covers, and no return is known, the installation may only be late, and the event is given back
/// for [`RETURN_WAIT`].
pub(super) fn outcome_of_gone(
    gateway: &Gateway,
    event: &ClaimedEvent,
    standing: &TenantStanding,
    source_at: Timestamp,
) -> Result<Outcome, Error> {
    if let TenantStanding::Gone(Some(fence)) = standing
        && fence.returned_at.is_none()
        && source_at > fence.covers_until
        && gateway.now().duration_since(event.original_received_at) < RETURN_WAIT
    {
        return Err(Error::Busy("the customer is gone, and an installation that brings it back may only be late"));
    }
    Ok(Outcome::Ignored(IgnoreReason::TenantGone))
}

/// Asks the tenant's fence about a source time, and keeps that fence away until the transaction ends. Whoever writes about
/// anybody of the tenant asks first, before taking any lock of a person.
pub async fn standing(tx: &TenantTx<'_>, source_at: Timestamp) -> Result<TenantStanding, Error> {
    tx.lock_shared(lock_name(tx.tenant())).await?;
    look(tx, source_at).await
}

/// Waits for every writer about the tenant, and keeps them away until the transaction ends.
pub(super) async fn lock_alone(tx: &TenantTx<'_>) -> Result<(), Error> {
    Ok(tx.lock(lock_name(tx.tenant())).await?)
}

fn lock_name(tenant: TenantId) -> i64 {
    let (high, low) = tenant.uuid().as_u64_pair();
    i64::from_be_bytes(*b"tenantof") ^ i64::from_be_bytes((high ^ low).to_be_bytes())
}

async fn look(tx: &TenantTx<'_>, source_at: Timestamp) -> Result<TenantStanding, Error> {
    Ok(match store::fence::of_tenant(tx).await? {
        Some(fence) if fence.returned_at.is_some_and(|returned_at| source_at >= returned_at) => TenantStanding::Here,
        Some(fence) => TenantStanding::Gone(Some(Box::new(fence))),
        None if store::tenant::purged_at(tx).await?.is_some() => TenantStanding::Gone(None),
        None => TenantStanding::Here,
    })
}

/// Applies a signal about the customer in one commit. `None` when another worker has taken the event.
pub(super) async fn apply(
    gateway: &Gateway,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    signal: TenantSignal,
    installation: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let arrived_at = event.original_received_at;
    let at = mapping::order_time(source_at, arrived_at);
    let evidence = evidence(signal.into(), installation, at, arrived_at);
    let standing = enter(gateway, event.tenant_id, &evidence).await?;
    if standing.is_gone() {
        let outcome = outcome_of_gone(gateway, event, &standing, at)?;
        return finish_plain(gateway, event, type_word, outcome).await;
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let outcome = weigh(gateway, &tx, evidence, Some(event.body_event_id)).await?;
    finish(gateway, tx, event, type_word, outcome).await
}

/// Records what was learned about a customer by other ways than an event (silence, probes), with its consequences, in one
/// commit. `observed_at` is when that was, never later than now. Safe to repeat.
pub async fn record_evidence(
    gateway: &Gateway,
    tenant: TenantId,
    kind: EvidenceKind,
    installation: Option<&str>,
    observed_at: Timestamp,
) -> Result<Outcome, Error> {
    let now = gateway.now();
    let evidence = evidence(kind, installation, mapping::order_time(Some(observed_at), now), now);
    if enter(gateway, tenant, &evidence).await?.is_gone() {
        return Ok(Outcome::Ignored(IgnoreReason::TenantGone));
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let outcome = weigh(gateway, &tx, evidence, None).await?;
    tx.commit().await?;
    gateway.wake_workers();
    Ok(outcome)
}

/// What follows when a person says that the app is uninstalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The customer's offboarding starts, with these due times.
    Starts(Timeline),
    /// Nothing: a later sign of life says otherwise.
    Outdated,
}

/// What [`confirm_uninstalled`] would do. Fails when it would be refused.
pub async fn preview_confirmation(
    gateway: &Gateway,
    tenant: TenantId,
    since: Timestamp,
) -> Result<Confirmation, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let now = gateway.now();
    let said = evidence(EvidenceKind::Uninstalled, None, mapping::order_time(Some(since), now), now);
    may_be_confirmed(&tx, &said).await?;
    let rows = store::tenant::evidence(&tx, EVIDENCE_READ_MAX).await?;
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
        return Err(Error::Refused("everything of the customer was deleted already".to_owned()));
    }
    if store::request::living(tx, RequestScope::Tenant).await?.is_some() {
        return Err(Error::Refused("the customer is leaving already; `tenants show` tells since when".to_owned()));
    }
    Ok(())
}

/// Records that a person knows the app to be uninstalled, since a time never later than now. No platform promises to tell of
/// it, and in production nobody can ask a site that has fallen silent. Counts like an uninstall that was told: it starts the
/// customer's offboarding, and a later sign of life stops it. `reason` is a closed word (a ticket) for the audit. Fails when
/// the customer is leaving already, or gone.
pub async fn confirm_uninstalled(
    gateway: &Gateway,
    actor: &str,
    reason: &str,
    tenant: TenantId,
    since: Timestamp,
) -> Result<Outcome, Error> {
    let reason = Word::parse(reason).map_err(|_| Error::Refused(replay::REASON_RULE.to_owned()))?;
    let now = gateway.now();
    let at = mapping::order_time(Some(since), now);
    let evidence = evidence(EvidenceKind::Uninstalled, None, at, now);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    may_be_confirmed(&tx, &evidence).await?;
    let outcome = weigh(gateway, &tx, evidence, None).await?;
    if matches!(outcome, Outcome::Applied(_)) {
        let facts = [("since", Fact::At(at)), ("reason", Fact::Word(reason))];
        audit::record(gateway, &tx, actor, "tenant.uninstall_confirmed", tenant, facts).await?;
    }
    tx.commit().await?;
    gateway.wake_workers();
    Ok(outcome)
}

/// Records silence of a tenant that has sent signs of life and has sent none for as long as the policy says. It starts
/// nothing by itself: whoever asks the site records what came of that. True when silence was recorded now.
pub(super) async fn watch_silence(gateway: &Gateway, tenant: TenantId) -> Result<bool, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let last_heard = store::tenant::last_heard(&tx).await?;
    drop(tx);
    drop(client);
    let Some((heard, recorded)) = last_heard else { return Ok(false) };
    let silent_since = heard + SignedDuration::from_hours(i64::from(gateway.policy().tenant.silence_hours));
    if gateway.now() < silent_since || recorded >= Some(silent_since) {
        return Ok(false);
    }
    // The same instant in every process, so that it is recorded once.
    record_evidence(gateway, tenant, EvidenceKind::Silence, None, silent_since).await?;
    tracing::warn!(%tenant, "no sign of life of a customer for as long as the policy waits; ask whether it is still there");
    Ok(true)
}

fn evidence(kind: EvidenceKind, installation: Option<&str>, source_at: Timestamp, arrived_at: Timestamp) -> Evidence {
    // Whatever is not a plain id is not kept: the evidence counts without it.
    let installation = installation.filter(|name| is_bare_id(name)).map(str::to_owned);
    Evidence { kind, installation, source_at, arrived_at }
}

fn is_bare_id(text: &str) -> bool {
    (1..=INSTALLATION_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

/// Where the evidence stands once the fence was opened, if it is the installation that opens it.
///
/// That installation waits for the purge to end, as events wait for databases: after
/// [`EVENT_RETRY_AGE_MAX`](crate::domain::job::EVENT_RETRY_AGE_MAX) it becomes a dead letter with [`NOT_FINISHED`] as its
/// reason, and is replayed by whoever has helped the purge to its end.
async fn enter(gateway: &Gateway, tenant: TenantId, evidence: &Evidence) -> Result<TenantStanding, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let fence = match standing(&tx, evidence.source_at).await? {
        TenantStanding::Here => return Ok(TenantStanding::Here),
        TenantStanding::Gone(None) => return Ok(TenantStanding::Gone(None)),
        TenantStanding::Gone(Some(fence)) => fence,
    };
    if !opens(evidence, &fence) {
        return Ok(TenantStanding::Gone(Some(fence)));
    }
    if store::request::read(&tx, fence.request_id).await?.is_some_and(|row| row.state != RequestState::Completed) {
        return Err(Error::Busy(NOT_FINISHED));
    }
    drop(tx);
    drop(client);
    open_generation(gateway, tenant, &fence, evidence.source_at).await?;
    Ok(TenantStanding::Here)
}

/// True when the evidence is an installation after the departure that the fence covers.
fn opens(evidence: &Evidence, fence: &Fence) -> bool {
    evidence.kind == EvidenceKind::Installed && evidence.source_at > fence.covers_until
}

/// Lets the tenant back. The product database first: should we die between the two, the event runs again and nothing was lost.
async fn open_generation(gateway: &Gateway, tenant: TenantId, fence: &Fence, at: Timestamp) -> Result<(), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    drop(tx);
    let digests: Vec<product::Digest> = gateway
        .ring()
        .digest_tenant_all(tenant, &tenant_key)
        .iter()
        .map(|digest| (digest.key_id, digest.digest))
        .collect();
    let mut product_client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant_key };
    product::open_generation(&mut product_client, scope, FenceKind::Tenant, &digests, at).await?;
    drop(product_client);
    let tx = TenantTx::begin(&mut client, tenant).await?;
    lock_alone(&tx).await?;
    if store::fence::open_generation(&tx, fence.request_id, at).await? {
        store::tenant::set_purged(&tx, None).await?;
        let facts = [("returned_at", Fact::At(at))];
        audit::record(gateway, &tx, audit::WORKER, "tenant.returned", fence.fence_id, facts).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Adds the evidence and brings the tenant's timeline into line with all of it.
async fn weigh(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    evidence: Evidence,
    event_id: Option<EventId>,
) -> Result<Outcome, Error> {
    lock_alone(tx).await?;
    match look(tx, evidence.source_at).await? {
        TenantStanding::Here => {}
        // The fence was committed after the evidence had been let in.
        TenantStanding::Gone(Some(fence)) if opens(&evidence, &fence) => return Err(Error::Busy(NOT_FINISHED)),
        TenantStanding::Gone(_) => return Ok(Outcome::Ignored(IgnoreReason::TenantGone)),
    }
    let kind = evidence.kind;
    let row = EvidenceRow { evidence_id: EvidenceId::new(gateway.clock(), gateway.entropy()), evidence, event_id };
    let is_new = store::tenant::insert_evidence(tx, &row).await?;
    let wanted = wanted(gateway, tx, event_id).await?;
    Ok(match settle(gateway, tx, RequestScope::Tenant, wanted).await? {
        Settled::Started => Outcome::Applied("tenant_offboarding_started"),
        Settled::Moved => Outcome::Applied("tenant_offboarding_moved"),
        Settled::Stopped => Outcome::Applied("tenant_offboarding_stopped"),
        Settled::BehindFence => Outcome::Ignored(IgnoreReason::TenantGone),
        Settled::Unchanged | Settled::NoneRuns if !is_new => Outcome::Ignored(IgnoreReason::Superseded),
        // An administrator may enable the app again: nothing is taken away for that.
        Settled::Unchanged | Settled::NoneRuns if kind == EvidenceKind::Disabled => {
            Outcome::Applied("tenant_disabled_recorded_only")
        }
        Settled::Unchanged | Settled::NoneRuns => Outcome::Applied("tenant_evidence_recorded"),
    })
}

async fn wanted(gateway: &Gateway, tx: &TenantTx<'_>, origin: Option<EventId>) -> Result<Option<Wanted>, Error> {
    let policy = gateway.policy();
    let rows = store::tenant::evidence(tx, EVIDENCE_READ_MAX).await?;
    let all: Vec<Evidence> = rows.into_iter().map(|row| row.evidence).collect();
    Ok(match mapping::installation(&all, &policy.offboarding, policy.tenant) {
        Installation::Present => None,
        Installation::Leaving { anchor, latest, grade: _ } => {
            Some(Wanted { timeline: mapping::timeline(&policy.offboarding, anchor), latest, origin })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_id_is_kept_as_the_name_of_an_installation() {
        let at = Timestamp::UNIX_EPOCH;
        let kept = |name| evidence(EvidenceKind::Installed, Some(name), at, at).installation;
        assert_eq!(
            kept("0f9d1c3e-1111-4222-8333-444455556666").as_deref(),
            Some("0f9d1c3e-1111-4222-8333-444455556666")
        );
        for refused in ["", "ari:cloud:ecosystem::installation/1", "two words", &"x".repeat(129)] {
            assert_eq!(kept(refused), None, "{refused:?}");
        }
    }
}
