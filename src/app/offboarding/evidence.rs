//! A sign for or against a tenant's installation: the timeline of the whole tenant that it starts, moves or stops.
//!
//! The decision is made anew from all evidence, by source time, under the tenant's lock, so neither the order of arrival nor a
//! repetition changes it (see `mapping::installation`). Behind the tenant's fence nothing counts but a later installation,
//! which opens a new generation.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::{
            Ground, audit,
            error::Error,
            fence::tenant::{TenantStanding, lock_alone, standing, standing_under_lock},
        },
        offboarding::timeline::{OpenedBy, Settled, Wanted, settle},
    },
    domain::{
        EvidenceId, FenceKind, TenantId,
        event::{IgnoreReason, Outcome},
        evidence::{Evidence, EvidenceKind},
        reason::WaitReason,
        request::{RequestScope, RequestState},
    },
    mapping::{self, Installation},
    product,
    proof::audit::Fact,
    store::{
        self, TenantTx,
        fence::Fence,
        tenant::{EVIDENCE_READ_MAX, EvidenceRow},
    },
};

/// Why an installation waits, and what to do when it has waited for too long.
const NOT_FINISHED: WaitReason = WaitReason::TenantErasureUnfinished;

/// The longest name of an installation that is kept, in bytes.
const INSTALLATION_BYTES_MAX: usize = 128;

/// Records what was learned about a tenant by other ways than an event (silence, probes), with its consequences, in one
/// commit. `observed_at` is when that was, never later than now. Safe to repeat.
pub async fn record_evidence(
    gateway: &Ground,
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
    let outcome = weigh(gateway, &tx, evidence, OpenedBy::signal(None)).await?;
    tx.commit().await?;
    gateway.wake_workers();
    Ok(outcome)
}

/// Records silence of a tenant that has sent signs of life and has sent none for as long as the policy says. It starts
/// nothing by itself: whoever asks the site records what came of that. True when silence was recorded now.
pub(in crate::app) async fn watch_silence(gateway: &Ground, tenant: TenantId) -> Result<bool, Error> {
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
    tracing::warn!(%tenant, "no sign of life of a tenant for as long as the policy waits; ask whether it is still there");
    Ok(true)
}

pub(in crate::app) fn evidence(
    kind: EvidenceKind,
    installation: Option<&str>,
    source_at: Timestamp,
    arrived_at: Timestamp,
) -> Evidence {
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
/// That installation waits for the erasure to end, as events wait for databases: after
/// [`EVENT_RETRY_AGE_MAX`](crate::domain::job::EVENT_RETRY_AGE_MAX) it becomes a dead letter with [`NOT_FINISHED`] as its
/// reason, and is replayed by whoever has helped the erasure to its end.
pub(in crate::app) async fn enter(
    gateway: &Ground,
    tenant: TenantId,
    evidence: &Evidence,
) -> Result<TenantStanding, Error> {
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
        return Err(Error::later(NOT_FINISHED));
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
async fn open_generation(gateway: &Ground, tenant: TenantId, fence: &Fence, at: Timestamp) -> Result<(), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    drop(tx);
    let digests: Vec<product::Digest> = gateway
        .vault()
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
        store::tenant::set_erased(&tx, None).await?;
        let facts = [("returned_at", Fact::At(at))];
        audit::record(gateway, &tx, audit::WORKER, "tenant.returned", fence.fence_id, facts).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Adds the evidence and brings the tenant's timeline into line with all of it.
pub(in crate::app) async fn weigh(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    evidence: Evidence,
    said_by: OpenedBy<'_>,
) -> Result<Outcome, Error> {
    lock_alone(tx).await?;
    match standing_under_lock(tx, evidence.source_at).await? {
        TenantStanding::Here => {}
        // The fence was committed after the evidence had been let in.
        TenantStanding::Gone(Some(fence)) if opens(&evidence, &fence) => return Err(Error::later(NOT_FINISHED)),
        TenantStanding::Gone(_) => return Ok(Outcome::Ignored(IgnoreReason::TenantGone)),
    }
    let kind = evidence.kind;
    let row = EvidenceRow {
        evidence_id: EvidenceId::new(gateway.clock(), gateway.entropy()),
        evidence,
        event_id: said_by.event,
    };
    let is_new = store::tenant::insert_evidence(tx, &row).await?;
    let wanted = wanted(gateway, tx, said_by).await?;
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

async fn wanted<'a>(gateway: &Ground, tx: &TenantTx<'_>, opened_by: OpenedBy<'a>) -> Result<Option<Wanted<'a>>, Error> {
    let policy = gateway.policy();
    let rows = store::tenant::evidence(tx, None, EVIDENCE_READ_MAX).await?;
    let all: Vec<Evidence> = rows.into_iter().map(|row| row.evidence).collect();
    Ok(match mapping::installation(&all, &policy.offboarding, policy.tenant) {
        Installation::Present => None,
        Installation::Leaving { anchor, latest, grade: _ } => {
            Some(Wanted { timeline: mapping::timeline(&policy.offboarding, anchor), latest, opened_by })
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
