//! The loops of the worker.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinSet},
};

use crate::{
    app::{
        self, AttemptEnd, Error, Gateway, JobFailure,
        interpretation::{
            dispatch,
            queue::{self as inbox, Setback},
        },
        jobs::run_job,
        polling::{budget, round},
        upkeep::{sweep, swept},
    },
    domain::{job::Lane, metric, reason::WorkReason},
};

/// How the worker works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Events interpreted at the same time.
    pub events_at_once: usize,
    /// Jobs run at the same time.
    pub jobs_at_once: usize,
    /// How often it looks for work when nobody wakes it.
    pub poll_every: Duration,
    /// How often it sweeps.
    pub sweep_every: Duration,
    /// How often it looks whether a source is due to be polled.
    pub ask_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            events_at_once: 8,
            jobs_at_once: 4,
            poll_every: Duration::from_millis(500),
            sweep_every: Duration::from_mins(1),
            ask_every: Duration::from_mins(1),
        }
    }
}

/// What one draining has done.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Events that ended.
    pub events: u64,
    /// Job attempts that were run.
    pub job_attempts: u64,
}

/// Works until `stop` resolves, then lets running work end.
///
/// Loops that never wait for one another: events, and each lane of jobs (revoking access must not stand behind a long
/// erasure); beside them the sweep, and polling.
pub async fn run(gateway: Gateway, settings: Settings, stop: impl Future<Output = ()>) {
    let (sender, stopped) = watch::channel(false);
    let lanes = async {
        tokio::join!(
            take_up(&gateway, settings, Queue::Events, stopped.clone()),
            join_all(Lane::ALL.map(|lane| take_up(&gateway, settings, Queue::Jobs(lane), stopped.clone()))),
            sweep_regularly(&gateway, settings, stopped.clone()),
            ask_regularly(&gateway, settings, stopped.clone()),
        );
    };
    tokio::pin!(lanes);
    tokio::select! {
        () = &mut lanes => return,
        () = stop => {}
    }
    let _ = sender.send(true);
    lanes.await;
}

/// What one loop takes up.
#[derive(Clone, Copy)]
enum Queue {
    Events,
    Jobs(Lane),
}

/// Keeps what is taken up from a queue as full as its bound allows. Ends, with nothing running, after `stopped` turns true.
async fn take_up(gateway: &Gateway, settings: Settings, queue: Queue, mut stopped: watch::Receiver<bool>) {
    let mut running = Running::default();
    let at_once = match queue {
        Queue::Events => settings.events_at_once,
        Queue::Jobs(_) => settings.jobs_at_once,
    };
    while !*stopped.borrow() {
        // The wake-up is asked for before looking, so that work which arrives while we look is not slept through.
        let woken = gateway.woken();
        let claimed = match claim(gateway, queue, at_once.saturating_sub(running.tasks.len()), &mut running).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %error.chain(), "work could not be claimed; it is tried again");
                0
            }
        };
        if claimed > 0 && running.tasks.len() < at_once {
            continue;
        }
        tokio::select! {
            Some(ended) = running.tasks.join_next_with_id() => running.settle(gateway, ended).await,
            () = woken => {}
            () = tokio::time::sleep(settings.poll_every) => {}
            _ = stopped.changed() => {}
        }
    }
    running.end(gateway).await;
}

/// What an attempt is about.
enum Work {
    Event(app::ClaimedEvent),
    Job(app::ClaimedJob),
}

/// Attempts under way, and what each is about: a panic takes everything with it but the id of its task.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    work: HashMap<task::Id, Work>,
}

impl Running {
    fn begin(&mut self, work: Work, attempt: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(attempt).id();
        self.work.insert(id, work);
    }

    /// Waits for everything that is under way.
    async fn end(&mut self, gateway: &Gateway) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.settle(gateway, ended).await;
        }
    }

    /// Forgets an attempt that has ended; gives its work back when it panicked. The panic hook has said where.
    async fn settle(&mut self, gateway: &Gateway, ended: Result<(task::Id, ()), JoinError>) {
        let error = match ended {
            Ok((id, ())) => {
                self.work.remove(&id);
                return;
            }
            Err(error) => error,
        };
        match self.work.remove(&error.id()) {
            Some(Work::Event(event)) if error.is_panic() => {
                tracing::error!(event = %event.event_id, attempt = event.attempt, "an attempt panicked");
                give_back(gateway, &event, Setback::Panicked).await;
            }
            Some(Work::Job(job)) if error.is_panic() => {
                tracing::error!(job = %job.job_id, kind = %job.kind, attempt = job.attempt, "an attempt panicked");
                count_job(&job, "panicked");
                if let Err(error) = run_job::leave_lost(gateway, &job).await {
                    tracing::warn!(job = %job.job_id, error = %error.chain(), "crashed; the job will be retried when its lease expires");
                }
            }
            Some(_) | None => tracing::error!("crashed; the work will be retried when its lease expires"),
        }
    }
}

async fn claim(gateway: &Gateway, queue: Queue, limit: usize, running: &mut Running) -> Result<usize, Error> {
    if limit == 0 {
        return Ok(0);
    }
    let bound = i64::try_from(limit).unwrap_or(1);
    match queue {
        Queue::Events => {
            let events = inbox::claim(gateway, bound).await?;
            let claimed = events.len();
            for event in events {
                let (gateway, work) = (gateway.clone(), Work::Event(event.clone()));
                running.begin(work, async move { attempt_event(&gateway, &event).await });
            }
            Ok(claimed)
        }
        Queue::Jobs(lane) => {
            let jobs = run_job::claim_in_lane(gateway, lane, bound).await?;
            let claimed = jobs.len();
            for job in jobs {
                let (gateway, work) = (gateway.clone(), Work::Job(job.clone()));
                running.begin(work, async move { attempt_job(&gateway, &job).await });
            }
            Ok(claimed)
        }
    }
}

/// Every so many sweeps, beginning with the first, one looks at the whole history.
const SWEEPS_PER_WHOLE_ONE: usize = 60;

async fn sweep_regularly(gateway: &Gateway, settings: Settings, mut stopped: watch::Receiver<bool>) {
    for round in 0_usize.. {
        if *stopped.borrow() {
            return;
        }
        let is_whole = round.is_multiple_of(SWEEPS_PER_WHOLE_ONE);
        sweep::run(gateway, if is_whole { swept::Depth::Whole } else { swept::Depth::Recent }).await;
        tokio::select! {
            () = tokio::time::sleep(settings.sweep_every) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Each round is bounded, and ends early when the process does; a call under way is never cut off, since the answer may be
/// the only copy of a token.
async fn ask_regularly(gateway: &Gateway, settings: Settings, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let budget = budget::Budget::of(budget::ROUND_MAX).unless(stopped.clone());
        match round::run(gateway.polling(), round::Round::DUE, &budget).await {
            Ok(polled) if polled == round::Polled::default() => {}
            Ok(polled) => tracing::info!(?polled, "sources were polled"),
            Err(error) => tracing::warn!(error = %error.chain(), "senders could not be asked; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(settings.ask_every) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Works until nothing is due; for tests. Fails when work cannot be claimed.
#[cfg(feature = "testing")]
pub async fn drain(gateway: &Gateway, settings: Settings) -> Result<Drained, Error> {
    let mut total = Drained::default();
    loop {
        let mut running = Running::default();
        let mut jobs = 0;
        for lane in Lane::ALL {
            jobs += claim(gateway, Queue::Jobs(lane), settings.jobs_at_once, &mut running).await?;
        }
        let events = claim(gateway, Queue::Events, settings.events_at_once, &mut running).await?;
        running.end(gateway).await;
        if jobs + events == 0 {
            return Ok(total);
        }
        total.events += events as u64;
        total.job_attempts += jobs as u64;
    }
}

async fn attempt_event(gateway: &Gateway, event: &app::ClaimedEvent) {
    let ended = tokio::select! {
        ended = dispatch::interpret(gateway.polling(), event) => ended,
        () = keep_event_lease(gateway, event) => Ok(None),
    };
    match ended {
        Ok(Some(outcome)) => tracing::debug!(
            event = %event.event_id,
            outcome = outcome.word(),
            reason = %outcome.reason(),
            "event ended"
        ),
        Ok(None) => tracing::info!(event = %event.event_id, "another worker has taken the event"),
        Err(error) => {
            tracing::warn!(event = %event.event_id, attempt = event.attempt, error = %error.chain(), "event not interpreted");
            give_back(gateway, event, Setback::Failed(&error)).await;
        }
    }
}

async fn give_back(gateway: &Gateway, event: &app::ClaimedEvent, why: Setback<'_>) {
    match inbox::give_back(gateway, event, why).await {
        Ok(true) => tracing::error!(event = %event.event_id, "the event is a dead letter now"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(event = %event.event_id, error = %error.chain(), "crashed; the event will be retried when its lease expires");
        }
    }
}

fn count_job(job: &app::ClaimedJob, outcome: &'static str) {
    metrics::counter!(metric::JOBS_TOTAL, "kind" => job.kind.as_str(), "outcome" => outcome).increment(1);
}

async fn attempt_job(gateway: &Gateway, job: &app::ClaimedJob) {
    let started = Instant::now();
    let result = tokio::select! {
        result = run_job::run(gateway, job) => result,
        () = keep_lease(gateway, job) => Err(JobFailure::discard(WorkReason::LeaseLost)),
    };
    metrics::histogram!(metric::JOB_SECONDS, "kind" => job.kind.as_str()).record(started.elapsed().as_secs_f64());
    let outcome = match &result {
        Ok(()) => "completed",
        Err(failure) => match failure.end {
            AttemptEnd::Retry => "retry",
            AttemptEnd::Park(_) => "parked",
            AttemptEnd::Discard => "discarded",
        },
    };
    count_job(job, outcome);
    match result {
        Ok(()) => tracing::info!(job = %job.job_id, kind = %job.kind, subject = %job.subject, "job completed"),
        Err(failure) => {
            tracing::warn!(job = %job.job_id, kind = %job.kind, subject = %job.subject, outcome, reason = %failure.reason, "job not completed");
            if let Err(error) = run_job::leave_unfinished(gateway, job, &failure).await {
                tracing::warn!(job = %job.job_id, error = %error.chain(), "crashed; the job will be retried when its lease expires");
            }
        }
    }
}

/// As [`keep_lease`], for an event.
async fn keep_event_lease(gateway: &Gateway, event: &app::ClaimedEvent) {
    let every = Duration::from_secs_f64((gateway.leases().event_seconds / 3.0).max(0.05));
    loop {
        tokio::time::sleep(every).await;
        match inbox::heartbeat(gateway, event).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(event = %event.event_id, error = %error.chain(), "heartbeat failed"),
        }
    }
}

/// Renews the lease at a third of its length. Resolves when the lease is lost.
async fn keep_lease(gateway: &Gateway, job: &app::ClaimedJob) {
    let every = Duration::from_secs_f64((gateway.leases().job_seconds / 3.0).max(0.05));
    loop {
        tokio::time::sleep(every).await;
        match run_job::heartbeat(gateway, job).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(job = %job.job_id, error = %error.chain(), "heartbeat failed"),
        }
    }
}
