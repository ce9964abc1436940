//! Group commit: deliveries that arrive while a commit is in flight share the next one. There is never an artificial wait.
//!
//! A few tasks on the main runtime own intake's writes. A delivery waits in a bounded queue; when the queue is full the
//! sender is told to come back, which is better than a memory that grows.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Error, Gateway};
use crate::{
    domain::{EventId, SourceId, metric},
    store::{
        self, StoreError,
        intake::{CommittedKey, IncomingEvent, Stored},
    },
};

/// Deliveries that may wait for a commit.
const QUEUE_DELIVERIES_MAX: usize = 1_024;
/// Deliveries in one commit.
const BATCH_DELIVERIES_MAX: usize = 128;
/// Sealed bytes in one commit; a larger single delivery goes alone.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What became of a delivery that was given to the committer.
#[derive(Debug)]
pub(super) enum Committed {
    /// It is a new event.
    New,
    /// The same delivery was committed before, as this event.
    Duplicate(EventId),
    /// The same identifier was committed before with another body. The delivery is given back: it was not committed.
    Conflict(Box<IncomingEvent>),
    /// Its token had been used before; it was not committed.
    Replayed,
}

impl Committed {
    fn of(stored: Stored, event: IncomingEvent) -> Self {
        match stored {
            Stored::New => Self::New,
            Stored::Duplicate(before) => Self::Duplicate(before),
            Stored::Conflict(_) => Self::Conflict(Box::new(event)),
            Stored::Replayed => Self::Replayed,
        }
    }
}

/// A delivery waiting for its commit.
struct Waiting {
    event: IncomingEvent,
    reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// Where deliveries wait. Cheap to clone.
#[derive(Clone)]
pub struct CommitQueue {
    sender: mpsc::Sender<Waiting>,
    receiver: Arc<Mutex<mpsc::Receiver<Waiting>>>,
}

impl Default for CommitQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_DELIVERIES_MAX);
        Self { sender, receiver: Arc::new(Mutex::new(receiver)) }
    }
}

/// Why a delivery was not committed. In every case the sender must repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotCommitted {
    /// Too many are waiting.
    QueueFull,
    /// The database refused or was away.
    Database,
}

/// Commits a delivery together with whatever else is waiting. Returns once it is durable.
pub(super) async fn commit(gateway: &Gateway, event: IncomingEvent) -> Result<Committed, NotCommitted> {
    let (reply, committed) = oneshot::channel();
    gateway.commit_queue().sender.try_send(Waiting { event, reply }).map_err(|_| NotCommitted::QueueFull)?;
    match committed.await {
        Ok(Ok(committed)) => Ok(committed),
        Ok(Err(_)) | Err(_) => Err(NotCommitted::Database),
    }
}

/// Empties the queue for ever. Several may run at once: while one waits for its commit to reach the disk, the next takes
/// what has arrived. Whoever starts one must start it again should it panic; nothing acknowledged is lost then.
pub async fn run_committer(gateway: Gateway) {
    let receiver = Arc::clone(&gateway.commit_queue().receiver);
    let mut held_back: Vec<Waiting> = Vec::new();
    loop {
        let batch = if held_back.is_empty() {
            next_batch(Some(&mut *receiver.lock().await), &mut held_back).await
        } else {
            // What is held back must not wait for another committer that waits for something to arrive.
            next_batch(receiver.try_lock().ok().as_deref_mut(), &mut held_back).await
        };
        if batch.is_empty() {
            return;
        }
        metrics::histogram!(metric::INTAKE_BATCH_SIZE)
            .record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        commit_batch(&gateway, batch).await;
    }
}

/// Takes what is waiting, up to the bounds. A delivery whose key or token is already in the batch is held back for the next
/// one: one statement cannot meet the same key twice. Waits only when nothing is held back, which needs the receiver. Empty only
/// when every sender is gone.
async fn next_batch(mut receiver: Option<&mut mpsc::Receiver<Waiting>>, held_back: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut batch = Vec::with_capacity(BATCH_DELIVERIES_MAX);
    let mut keys = HashSet::new();
    let mut bytes = 0;
    let mut waiting = std::mem::take(held_back).into_iter();
    loop {
        let next = match waiting.next() {
            Some(next) => Some(next),
            None => match receiver.as_deref_mut() {
                Some(receiver) if batch.is_empty() => receiver.recv().await,
                Some(receiver) => receiver.try_recv().ok(),
                None => None,
            },
        };
        let Some(next) = next else { break };
        bytes += next.event.sealed.len();
        let is_over = batch.len() >= BATCH_DELIVERIES_MAX || (bytes > BATCH_BYTES_MAX && !batch.is_empty());
        let source = next.event.source_id;
        let is_met = keys.contains(&(source, next.event.key_digest))
            || next.event.token.is_some_and(|token| keys.contains(&(source, token.digest)));
        if is_over || is_met {
            held_back.push(next);
            if is_over {
                break;
            }
        } else {
            keys.insert((source, next.event.key_digest));
            keys.extend(next.event.token.map(|token| (source, token.digest)));
            batch.push(next);
        }
    }
    held_back.extend(waiting);
    batch
}

async fn commit_batch(gateway: &Gateway, batch: Vec<Waiting>) {
    let (events, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.event, waiting.reply)).unzip();
    gateway.crash().reach("intake.before_commit");
    let result = insert(gateway, &events).await;
    gateway.crash().reach("intake.after_commit");
    match result {
        Ok(stored) => {
            for ((event, reply), stored) in events.into_iter().zip(replies).zip(stored) {
                // A sender that hung up is no concern: what it sent is committed.
                let _ = reply.send(Ok(Committed::of(stored, event)));
            }
        }
        Err(error) if error.is_transient() || events.len() == 1 => {
            tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "deliveries were not committed");
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
        // One bad delivery must not refuse its neighbours: each goes alone, and only the bad one fails.
        Err(_) => {
            for (event, reply) in events.into_iter().zip(replies) {
                let alone = insert(gateway, std::slice::from_ref(&event)).await;
                let stored = alone.and_then(|mut stored| {
                    stored.pop().ok_or(StoreError::RowCount { statement: "insert_events", expected: 1, actual: 0 })
                });
                let _ = reply.send(stored.map(|stored| Committed::of(stored, event)));
            }
        }
    }
    gateway.wake_workers();
}

async fn insert(gateway: &Gateway, events: &[IncomingEvent]) -> Result<Vec<Stored>, StoreError> {
    let client = gateway.databases().commit.client().await?;
    store::intake::insert_events(&client, events).await
}

/// What was committed before under one of these keys, made with older digest keys.
pub(super) async fn find_older(gateway: &Gateway, wanted: &[(SourceId, [u8; 32])]) -> Result<Vec<CommittedKey>, Error> {
    let client = gateway.databases().intake.client().await?;
    Ok(store::intake::find_keys(&client, wanted).await?)
}
