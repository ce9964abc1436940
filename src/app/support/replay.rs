//! Replaying events: counted first, a dry run until confirmed, the ordinary way, audited with a reason.
//!
//! The original is never altered. A replay is a new event that repeats it; like every event it asks the fence.

use crate::{
    app::{
        ground::{Ground, audit, error::Error},
        intake::delivery::IDENTIFIER_REUSED,
    },
    domain::{Actor, EventId, JobId, reason::InputReason},
    proof::{IdText, Word, audit::Fact},
    store::{
        self, TenantTx,
        event::{EventFilter, EventRow},
        job::JobFilter,
    },
};

/// The most events one replay may repeat.
pub const REPLAY_EVENTS_MAX: i64 = 10_000;

/// What a replay concerns, before it is done.
#[derive(Debug)]
pub struct Preview {
    /// How many events match.
    pub matching: i64,
    /// The first of them, newest first.
    pub sample: Vec<EventRow>,
}

/// Counts what would be replayed; changes nothing.
pub async fn preview(gateway: &Ground, filter: &EventFilter) -> Result<Preview, Error> {
    let queue = gateway.databases().queue.client().await?;
    let matching = store::event::count(&queue, filter).await?;
    let sample = store::event::select(&queue, filter, 20).await?;
    Ok(Preview { matching, sample })
}

/// Repeats every matching event. `reason` is a closed word (a ticket number) that goes into the audit. Returns pairs of
/// original and replay. Events that reused an identifier with another body never run: they are left out, and it fails when
/// nothing else matches. Fails when more match than [`REPLAY_EVENTS_MAX`].
pub async fn execute(
    gateway: &Ground,
    actor: &Actor,
    reason: &str,
    filter: &EventFilter,
) -> Result<Vec<(EventId, EventId)>, Error> {
    let reason = Word::parse(reason).map_err(|_| Error::rejected(InputReason::ReasonNotAWord))?;
    let queue = gateway.databases().queue.client().await?;
    let matching = store::event::select(&queue, filter, REPLAY_EVENTS_MAX + 1).await?;
    drop(queue);
    if i64::try_from(matching.len()).unwrap_or(i64::MAX) > REPLAY_EVENTS_MAX {
        return Err(Error::rejected(InputReason::TooManyEvents { count_max: REPLAY_EVENTS_MAX }));
    }
    let count = matching.len();
    let matching: Vec<EventRow> = matching.into_iter().filter(may_run).collect();
    if matching.is_empty() && count > 0 {
        return Err(Error::rejected(InputReason::NothingToReplay { reason: IDENTIFIER_REUSED }));
    }
    let mut client = gateway.databases().tenant.client().await?;
    let mut replayed = Vec::with_capacity(matching.len());
    // Oldest first: the order in which they came the first time.
    for original in matching.iter().rev() {
        let new_id = EventId::new(gateway.clock(), gateway.entropy());
        let tx = TenantTx::begin(&mut client, original.tenant_id).await?;
        store::event::replay(&tx, original.event_id, new_id, gateway.now()).await?;
        let facts = [("replay", Fact::Id(IdText::of(new_id)?)), ("reason", Fact::Word(reason.clone()))];
        audit::record(gateway, &tx, actor, "event.replayed", original.event_id, facts).await?;
        tx.commit().await?;
        replayed.push((original.event_id, new_id));
    }
    gateway.wake_workers();
    Ok(replayed)
}

fn may_run(event: &EventRow) -> bool {
    event.outcome_reason.as_deref() != Some(IDENTIFIER_REUSED)
}

/// Lets a parked job run again. Fails when it is not parked.
pub async fn retry_job(gateway: &Ground, actor: &Actor, job: JobId) -> Result<(), Error> {
    let queue = gateway.databases().queue.client().await?;
    let filter = JobFilter { job_id: Some(job), ..JobFilter::default() };
    let row = store::job::select(&queue, &filter, 1).await?.pop().ok_or(Error::NotFound("job"))?;
    drop(queue);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, row.tenant_id).await?;
    if !store::job::revive(&tx, job, gateway.now()).await? {
        return Err(Error::rejected(InputReason::JobNotParked { state: row.state }));
    }
    audit::record(gateway, &tx, actor, "job.retried", job, []).await?;
    tx.commit().await?;
    gateway.wake_workers();
    Ok(())
}
