//! Group commit: deliveries that arrive while a commit is in flight share the next one. There is never an artificial wait.
//!
//! A few tasks on the main runtime own intake's writes. A delivery waits in a bounded queue; when the queue is full the
//! sender is told to come back, which is better than a memory that grows.

use crate::{
    domain::EventId,
    store::{
        StoreError,
        intake::{IncomingEvent, Stored},
    },
};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Deliveries that may wait for a commit.
const QUEUE_DELIVERIES_MAX: usize = 1_024;

/// What became of a delivery that was given to the committer.
#[derive(Debug)]
pub(in crate::app) enum Committed {
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
    pub(super) fn of(stored: Stored, event: IncomingEvent) -> Self {
        match stored {
            Stored::New => Self::New,
            Stored::Duplicate(before) => Self::Duplicate(before),
            Stored::Conflict(_) => Self::Conflict(Box::new(event)),
            Stored::Replayed => Self::Replayed,
        }
    }
}

/// A delivery waiting for its commit.
pub(super) struct Waiting {
    pub(super) event: IncomingEvent,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// Where deliveries wait. Cheap to clone.
#[derive(Clone)]
pub struct CommitQueue {
    pub(super) sender: mpsc::Sender<Waiting>,
    pub(super) receiver: Arc<Mutex<mpsc::Receiver<Waiting>>>,
}

impl Default for CommitQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_DELIVERIES_MAX);
        Self { sender, receiver: Arc::new(Mutex::new(receiver)) }
    }
}

/// Why a delivery was not committed. In every case the sender must repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum NotCommitted {
    /// Too many are waiting.
    QueueFull,
    /// The database refused or was away.
    Database,
}
