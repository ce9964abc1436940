//! Deadlines that nobody works for any more: lost jobs are given back, and what waits or is late is told.

use jiff::Timestamp;

use crate::{
    app::ground::{Ground, audit, error::Error},
    domain::{JobId, TenantId, metric},
    proof::{IdText, Word, audit::Fact},
    store::{self, TenantTx},
};

/// Jobs given back to one tenant in one sweep.
const RESTORED_MAX: i64 = 500;

/// Gives every unfinished request the job that must come next, where none is pending or parked. A verification that failed
/// is left out: there a person has to look first.
pub(in crate::app) async fn restore(gateway: &Ground, tenant: TenantId) -> Result<u64, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let mut restored = 0;
    for missing in store::job::missing(&tx, RESTORED_MAX).await? {
        let job = JobId::new(gateway.clock(), gateway.entropy());
        if store::job::restore(&tx, job, &missing, gateway.now()).await? {
            let facts = [
                ("request", Fact::Id(IdText::of(missing.request_id)?)),
                ("kind", Fact::Word(Word::parse(missing.kind.as_str())?)),
            ];
            audit::record(gateway, &tx, audit::SWEEP, "job.restored", job, facts).await?;
            restored += 1;
        }
    }
    tx.commit().await?;
    if restored > 0 {
        tracing::warn!(%tenant, restored, "requests had lost their jobs");
        gateway.wake_workers();
    }
    Ok(restored)
}

/// Requests that were due and have not ended.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::app) struct Overdue {
    requests: i64,
    oldest_due_at: Option<Timestamp>,
}

impl Overdue {
    pub(in crate::app) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.oldest_due_at = [self.oldest_due_at, other.oldest_due_at].into_iter().flatten().min();
    }
}

/// Those of one tenant.
pub(in crate::app) async fn overdue(gateway: &Ground, tenant: TenantId) -> Result<Overdue, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let (requests, oldest_due_at) = store::job::overdue(&tx, gateway.now()).await?;
    Ok(Overdue { requests, oldest_due_at })
}

/// Sets the gauges that an operator is woken by.
pub(in crate::app) async fn tell(gateway: &Ground, overdue: Overdue) -> Result<(), Error> {
    let late = overdue.oldest_due_at.map_or(0.0, |due_at| gateway.now().duration_since(due_at).as_secs_f64());
    metrics::gauge!(metric::REQUESTS_OVERDUE).set(number(overdue.requests));
    metrics::gauge!(metric::REQUEST_OVERDUE_SECONDS_MAX).set(late);
    let queue = gateway.databases().queue.client().await?;
    metrics::gauge!(metric::JOBS_PARKED).set(number(store::job::count_parked(&queue).await?));
    Ok(())
}

fn number(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
