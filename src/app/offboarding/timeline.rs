//! A timeline that is wanted, and what becomes of the one that runs: started, moved or stopped. The same for a person and
//! for a whole tenant.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::ground::{Ground, audit, error::Error},
    domain::{
        Actor, EventId, JobId, OffboardingId, RequestId,
        job::JobKind,
        request::{Origin, RequestScope, RequestState, Right, Timeline},
    },
    proof::{IdText, audit::Fact},
    store::{self, TenantTx, request::NewRequest},
};

/// What the evidence together asks for.
pub(in crate::app) struct Wanted<'a> {
    /// The due times.
    pub(in crate::app) timeline: Timeline,
    /// The latest departure in source time, which the fence has to cover.
    pub(in crate::app) latest: Timestamp,
    /// By whom and by what a request would be opened.
    pub(in crate::app) opened_by: OpenedBy<'a>,
}

/// By whom and by what a request is opened.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct OpenedBy<'a> {
    pub(in crate::app) origin: Origin,
    /// In the audit's words.
    pub(in crate::app) actor: &'a Actor,
    /// The event that has just been applied, if it was one.
    pub(in crate::app) event: Option<EventId>,
}

impl<'a> OpenedBy<'a> {
    /// By a signal, or by silence and probes.
    pub(in crate::app) const fn signal(event: Option<EventId>) -> Self {
        Self { origin: Origin::Signal, actor: audit::WORKER, event }
    }

    /// By somebody who runs the gateway.
    pub(in crate::app) const fn operator(actor: &'a Actor) -> Self {
        Self { origin: Origin::Operator, actor, event: None }
    }
}

/// What became of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Settled {
    /// It has begun.
    Started,
    /// It counts from another moment, or covers more.
    Moved,
    /// It was stopped before the fence.
    Stopped,
    /// It is as it was.
    Unchanged,
    /// The fence is committed: nothing can be moved any more.
    BehindFence,
    /// None is wanted and none can be stopped.
    NoneRuns,
}

/// Brings the living request of a person or tenant into line with what is wanted. Safe to repeat.
pub(in crate::app) async fn settle(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    scope: RequestScope,
    wanted: Option<Wanted<'_>>,
) -> Result<Settled, Error> {
    let living = match store::request::living(tx, scope).await? {
        Some(id) => store::request::read(tx, id).await?,
        None => None,
    };
    match (wanted, living) {
        (Some(wanted), None) => start(gateway, tx, scope, &wanted).await,
        (Some(wanted), Some(request)) => {
            if request.state == RequestState::Running {
                return Ok(Settled::BehindFence);
            }
            // One that no departure has opened has no timeline that could be moved.
            let Some(offboarding) = request.offboarding else { return Ok(Settled::Unchanged) };
            if wanted.timeline == offboarding.timeline && wanted.latest == offboarding.latest_departure_at {
                return Ok(Settled::Unchanged);
            }
            shift(gateway, tx, scope, request.request_id, &wanted).await
        }
        (None, Some(request)) if request.state == RequestState::Scheduled && request.offboarding.is_some() => {
            cancel(gateway, tx, scope, request.request_id).await
        }
        (None, _) => Ok(Settled::NoneRuns),
    }
}

async fn start(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    scope: RequestScope,
    wanted: &Wanted<'_>,
) -> Result<Settled, Error> {
    let (clock, entropy, now) = (gateway.clock(), gateway.entropy(), gateway.now());
    let Wanted { timeline, latest, opened_by } = wanted;
    let request = RequestId::new(clock, entropy);
    let new = NewRequest {
        request_id: request,
        right: Right::Erasure,
        scope,
        origin: opened_by.origin,
        actor: &opened_by.actor.to_string(),
        origin_event_id: opened_by.event,
        state: RequestState::Scheduled,
        received_at: now,
        opened_at: store::request::free_instant(tx, scope, now).await?,
        due_at: timeline.erasure_due_at,
    };
    store::request::insert(tx, &new).await?;
    store::offboarding::insert(tx, OffboardingId::new(clock, entropy), request, timeline, *latest).await?;
    for (kind, due_at) in due_jobs(timeline) {
        store::job::insert(tx, JobId::new(clock, entropy), kind, request, due_at, now).await?;
    }
    let action = scope.either("offboarding.started", "tenant.offboarding_started");
    let anchor_at = ("anchor_at", Fact::At(timeline.anchor_at));
    let erasure_due_at = ("erasure_due_at", Fact::At(timeline.erasure_due_at));
    match opened_by.event {
        Some(event) => {
            let facts = [("event", Fact::Id(IdText::of(event)?)), anchor_at, erasure_due_at];
            audit::record(gateway, tx, audit::WORKER, action, request, facts).await?;
        }
        None => {
            audit::record(gateway, tx, audit::WORKER, action, request, [anchor_at, erasure_due_at]).await?;
        }
    }
    Ok(Settled::Started)
}

fn due_jobs(timeline: &Timeline) -> [(JobKind, Timestamp); 3] {
    [
        (JobKind::RevokeAccess, timeline.revoke_access_due_at),
        (JobKind::FlagForDeletion, timeline.flag_due_at),
        (JobKind::Erasure, timeline.erasure_start_at),
    ]
}

async fn shift(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    scope: RequestScope,
    request: RequestId,
    wanted: &Wanted<'_>,
) -> Result<Settled, Error> {
    let timeline = &wanted.timeline;
    store::offboarding::move_timeline(tx, request, timeline, wanted.latest).await?;
    for (kind, due_at) in due_jobs(timeline) {
        store::job::reschedule(tx, request, kind, due_at).await?;
    }
    let facts = [("anchor_at", Fact::At(timeline.anchor_at)), ("erasure_due_at", Fact::At(timeline.erasure_due_at))];
    let action = scope.either("offboarding.moved", "tenant.offboarding_moved");
    audit::record(gateway, tx, audit::WORKER, action, request, facts).await?;
    Ok(Settled::Moved)
}

async fn cancel(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    scope: RequestScope,
    request: RequestId,
) -> Result<Settled, Error> {
    let now = gateway.now();
    store::request::advance(tx, request, (RequestState::Scheduled, RequestState::Cancelled), now).await?;
    // A job that runs at this moment may still reach the product: access is restored when its lease is over, because before
    // that nobody can know what it will have done.
    let wait = store::job::leased_seconds(tx, request).await?.unwrap_or(0.0).max(0.0);
    store::job::cancel(tx, request, now).await?;
    // The job that would have found it out is cancelled with the others; a call that is under way ends as it ends.
    store::provider_call::withdraw(tx, request, now).await?;
    let job = JobId::new(gateway.clock(), gateway.entropy());
    let run_at = now + SignedDuration::try_from_secs_f64(wait).unwrap_or(SignedDuration::ZERO);
    store::job::insert(tx, job, JobKind::RestoreAccess, request, run_at, now).await?;
    let action = scope.either("offboarding.cancelled", "tenant.offboarding_stopped");
    audit::record(gateway, tx, audit::WORKER, action, request, []).await?;
    Ok(Settled::Stopped)
}
