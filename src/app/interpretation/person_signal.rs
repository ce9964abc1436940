//! A signal about a person: the timeline it starts, moves or stops.
//!
//! The decision is made anew from all signals of the person, by source time, so neither the order of arrival nor a
//! duplicate changes it. Behind a committed fence nothing is cancellable; only an explicit return opens a new generation.

use crate::app::ground::fence;

use jiff::Timestamp;

use crate::{
    app::{
        ground::{
            Ground, audit,
            error::Error,
            fence::{person::Standing, tenant::TenantStanding},
            identities::{self, Named},
        },
        interpretation::{
            correction,
            ending::{self, finish, finish_plain},
            reading::keep_minimized,
        },
        offboarding::timeline::{OpenedBy, Settled, Wanted, settle},
    },
    datamap::policy::{Consequence, Policy},
    domain::{
        IdentityKind, SubjectId, SubjectKind, TenantId,
        event::{IgnoreReason, LifecycleEvent, Malformed, NamedIdentity, Outcome, PersonSignal},
        reason::{EventReason, WaitReason},
        request::{RequestScope, Timeline},
    },
    mapping::{self, Desired},
    product,
    proof::audit::Fact,
    sealing::normalise,
    store::{self, TenantTx, event::ClaimedEvent, fence::Fence, subject::SignalRow},
};

/// Applies a signal in one commit.
pub(in crate::app) async fn apply_signal(
    gateway: &Ground,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    signal: PersonSignal,
    identity: &NamedIdentity,
    source_at: Option<Timestamp>,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("normalisation")) else {
        let outcome = Outcome::dead_lettered(Malformed::InvalidField("identity"));
        return finish_plain(gateway, event, type_word, outcome).await;
    };
    let named = Named::new(gateway, event.tenant_id, identity.kind, &identity.issuer, normalised);
    let arrived_at = event.original_received_at;
    let at = mapping::order_time(source_at, arrived_at);
    let (standing, fence) = in_the_way(gateway, event.tenant_id, &named, at).await?;
    if standing.is_gone() {
        let outcome = ending::outcome_of_gone(gateway, event, &standing, at)?;
        return finish_plain(gateway, event, type_word, outcome).await;
    }
    if let Some(fence) = fence {
        if !mapping::returns(fence.covers_until, signal, source_at.map(|_| at)) {
            return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::Fenced)).await;
        }
        open_generation(gateway, event.tenant_id, &named, &fence, at).await?;
    }
    // An account may be added to a site although it is deactivated.
    let is_inactive = matches!(meaning, LifecycleEvent::Person { profile, .. } if profile.is_active == Some(false));
    if signal == PersonSignal::UserCreated && !is_inactive {
        correction::lift(gateway, event.tenant_id, &named, identity, at).await?;
    }
    let candidates = candidates(gateway, event.tenant_id, identity).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let standing = fence::tenant::standing(&tx, at).await?;
    if standing.is_gone() {
        let outcome = ending::outcome_of_gone(gateway, event, &standing, at)?;
        return finish(gateway, tx, event, type_word, outcome).await;
    }
    let Standing::Free { generation } = fence::person::lock(&tx, &named, at).await? else {
        return finish(gateway, tx, event, type_word, Outcome::Ignored(IgnoreReason::Fenced)).await;
    };
    let known = identities::known_kind(&tx, &named).await?;
    let kind = match (known, candidates.as_slice()) {
        (Some(known), _) => known,
        (None, [only]) => only.clone(),
        (None, []) => {
            return finish(gateway, tx, event, type_word, Outcome::Ignored(IgnoreReason::NobodyKnown)).await;
        }
        (None, [_, _, ..]) => {
            drop(tx);
            let outcome = Outcome::dead_lettered(EventReason::AmbiguousIdentity);
            return finish_plain(gateway, event, type_word, outcome).await;
        }
    };
    let (subject, key) = identities::find_or_make(gateway, &tx, &named, &kind, generation).await?;
    let row = SignalRow { signal, source_at: at, arrived_at };
    store::subject::insert_signal(&tx, subject, row, event.body_event_id).await?;
    keep_minimized(gateway, &tx, event, subject, &key, meaning).await?;
    let outcome = decide(gateway, &tx, event, subject, signal).await?;
    finish(gateway, tx, event, type_word, outcome).await
}

/// What kind of person the identity may denote. Atlassian names team members, whether or not the product knows them yet; a
/// Firebase uid denotes whoever the product says.
async fn candidates(gateway: &Ground, tenant: TenantId, identity: &NamedIdentity) -> Result<Vec<SubjectKind>, Error> {
    match identity.kind {
        IdentityKind::AtlassianAccountId => Ok(vec![gateway.policy().jira_subject.clone()]),
        IdentityKind::FirebaseUid | IdentityKind::Email => {
            let mut client = gateway.databases().tenant.client().await?;
            let tenant_key = store::tenant::stable_key(&TenantTx::begin(&mut client, tenant).await?).await?;
            drop(client);
            let mut product_client = gateway.databases().product.client().await?;
            let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant_key };
            Ok(product::kinds_known(&mut product_client, scope, identity.kind, &identity.value).await?)
        }
    }
}

/// The tenant's standing, and the fence of the person. Nobody returns to a tenant that is gone.
async fn in_the_way(
    gateway: &Ground,
    tenant: TenantId,
    named: &Named,
    at: Timestamp,
) -> Result<(TenantStanding, Option<Box<Fence>>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let standing = fence::tenant::standing(&tx, at).await?;
    Ok((standing, fence::person::lock(&tx, named, at).await?.fence()))
}

/// Lets the person back. The product database first: should we die between the two, the event runs again and nothing was lost.
async fn open_generation(
    gateway: &Ground,
    tenant: TenantId,
    named: &Named,
    fence: &Fence,
    at: Timestamp,
) -> Result<(), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    // One that was superseded behind its fence has ended with the tenant's own, before which nobody returns.
    if store::request::read(&tx, fence.request_id).await?.is_some_and(|row| !row.state.is_ended()) {
        return Err(Error::later(WaitReason::ErasureUnfinished));
    }
    drop(tx);
    let mut product_client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant_key };
    product::open_generation(&mut product_client, scope, named.kind.into(), &named.product_digests(), at).await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    if store::fence::open_generation(&tx, fence.request_id, at).await? {
        let facts = [("returned_at", Fact::At(at))];
        audit::record(gateway, &tx, audit::WORKER, "fence.opened", fence.fence_id, facts).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What follows from all signals of the person together.
async fn decide(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    event: &ClaimedEvent,
    subject: SubjectId,
    signal: PersonSignal,
) -> Result<Outcome, Error> {
    let policy = gateway.policy();
    let consequence = policy.signals.get(&signal).copied().unwrap_or(Consequence::Nothing);
    if consequence == Consequence::Nothing {
        return Ok(Outcome::Ignored(IgnoreReason::PolicyNothingFollows));
    }
    let signals = store::subject::signals(tx, subject).await?;
    let wanted = wanted(policy, &signals).map(|(timeline, latest)| Wanted {
        timeline,
        latest,
        opened_by: OpenedBy::signal(Some(event.event_id)),
    });
    Ok(match settle(gateway, tx, RequestScope::Subject(subject), wanted).await? {
        Settled::Started => Outcome::Applied("offboarding_started"),
        Settled::Moved => Outcome::Applied("offboarding_moved"),
        Settled::Stopped => Outcome::Applied("offboarding_cancelled"),
        Settled::Unchanged => Outcome::Ignored(IgnoreReason::Superseded),
        Settled::BehindFence => Outcome::Ignored(IgnoreReason::Fenced),
        Settled::NoneRuns if consequence == Consequence::StartOffboarding => Outcome::Ignored(IgnoreReason::Superseded),
        Settled::NoneRuns => Outcome::Applied("presence_recorded"),
    })
}

/// What the signals together ask for: the due times and the latest departure that the fence has to cover; `None` when the
/// person should be present. The order is decided by source time alone; how far back the deadlines count is bounded by each
/// signal's own arrival, so that a broken clock cannot bring the erasure forward.
fn wanted(policy: &Policy, signals: &[SignalRow]) -> Option<(Timeline, Timestamp)> {
    let consequence = |row: &SignalRow| policy.signals.get(&row.signal).copied().unwrap_or(Consequence::Nothing);
    let timed: Vec<_> = signals.iter().map(|row| (consequence(row), row.source_at)).collect();
    let bounded = |wanted: Consequence, since: Timestamp| {
        signals
            .iter()
            .filter(|row| consequence(row) == wanted && row.source_at >= since)
            .map(|row| mapping::anchor_time(Some(row.source_at), row.arrived_at, &policy.offboarding))
            .min()
            .unwrap_or(since)
    };
    match mapping::desired(&mapping::summarize(&timed)) {
        Desired::Present => None,
        Desired::Leaving { anchor, latest } => {
            let anchor = bounded(Consequence::StartOffboarding, anchor);
            Some((mapping::timeline(&policy.offboarding, anchor), latest))
        }
        Desired::Ordered { anchor, latest } => {
            let anchor = bounded(Consequence::Erase, anchor);
            Some((mapping::ordered_timeline(policy.deadlines, anchor), latest))
        }
    }
}
