//! The committers: each takes everything that waits and commits it in one statement, for ever.
//!
//! Several may run at once: while one waits for its commit to reach the disk, the next takes what has arrived.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::mpsc;

use crate::{
    app::intake::{
        Intake,
        commit_queue::{Committed, Waiting},
    },
    domain::metric,
    store::{
        self, StoreError,
        intake::{IncomingEvent, Stored},
    },
};

/// Deliveries in one commit.
const BATCH_DELIVERIES_MAX: usize = 128;

/// Sealed bytes in one commit; a larger single delivery goes alone.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Empties the queue for ever. Several may run at once: while one waits for its commit to reach the disk, the next takes
/// what has arrived. Whoever starts one must start it again should it panic; nothing acknowledged is lost then.
pub async fn run_committer(gateway: Intake) {
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

async fn commit_batch(gateway: &Intake, batch: Vec<Waiting>) {
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

async fn insert(gateway: &Intake, events: &[IncomingEvent]) -> Result<Vec<Stored>, StoreError> {
    let client = gateway.commit_pool().client().await?;
    store::intake::insert_events(&client, events).await
}
