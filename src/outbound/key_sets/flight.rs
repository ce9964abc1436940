//! A reading under way, and those who wait for it.

use std::sync::Arc;

use tokio::sync::watch;

use super::KeyAnswer;
use crate::{domain::key_set::KeyId, outbound::key_document::Keys};

/// How a reading ended.
#[derive(Debug, Clone)]
pub(super) enum Landed {
    /// With what is published now.
    Keys(Arc<Keys>),
    /// With nothing that can be believed.
    Nothing,
}

impl Landed {
    fn answer(&self, kid: &KeyId) -> KeyAnswer {
        match self {
            Self::Keys(keys) => keys.get(kid).map_or(KeyAnswer::Unknown, |key| KeyAnswer::Key(Arc::clone(key))),
            Self::Nothing => KeyAnswer::Unavailable,
        }
    }
}

/// The end of a reading where it is awaited.
#[derive(Debug, Clone)]
pub(super) struct Flight(watch::Receiver<Option<Landed>>);

/// The end of a reading where it is told. Dropped unused, it tells that there is nothing.
#[derive(Debug)]
pub(super) struct Landing(watch::Sender<Option<Landed>>);

impl Flight {
    pub(super) fn new() -> (Self, Landing) {
        let (sender, receiver) = watch::channel(None);
        (Self(receiver), Landing(sender))
    }

    /// True until it has landed or crashed.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.has_changed().is_ok()
    }

    /// Waits for the end, and looks for a key in what came.
    pub(super) async fn answer(mut self, kid: &KeyId) -> KeyAnswer {
        match self.0.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(landed)) => landed.answer(kid),
            Ok(None) | Err(_) => KeyAnswer::Unavailable,
        }
    }
}

impl Landing {
    pub(super) fn tell(self, landed: Landed) {
        self.0.send_replace(Some(landed));
    }
}
