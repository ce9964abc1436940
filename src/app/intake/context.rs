//! What intake may touch beside the registry: the committers' connections and queue, senders' published keys, rejections.

use std::{ops::Deref, sync::Arc};

use super::{commit_queue::CommitQueue, waiting_rejections::Rejections};

use crate::{app::registry::Registry, outbound::KeySets, store};

/// Intake's context. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    registry: Registry,
    /// Role `gw_intake` on our database, for the committers alone: whoever asks for sources that do not exist must not take
    /// the connection by which verified deliveries are committed.
    commit: store::Pool,
    queue: CommitQueue,
    keys: Arc<KeySets>,
    rejections: Arc<Rejections>,
}

impl Intake {
    pub(in crate::app) fn new(registry: Registry, commit: store::Pool, keys: KeySets) -> Self {
        Self { registry, commit, queue: CommitQueue::default(), keys: Arc::new(keys), rejections: Arc::default() }
    }

    pub(super) fn commit_pool(&self) -> &store::Pool {
        &self.commit
    }

    pub(super) fn commit_queue(&self) -> &CommitQueue {
        &self.queue
    }

    /// Keys that senders' parties publish.
    pub(super) fn keys(&self) -> &KeySets {
        &self.keys
    }

    pub(super) fn rejections(&self) -> &Rejections {
        &self.rejections
    }
}

impl Deref for Intake {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}
