//! What the registry may touch beside the ground: look-ups that strangers cause, and what is remembered of sources.

use std::{ops::Deref, sync::Arc};

use super::cache::SourceCache;

use crate::{app::ground::Ground, store};

/// The registry's context. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    ground: Ground,
    /// Role `gw_intake` on our database.
    intake: store::Pool,
    cache: Arc<SourceCache>,
}

impl Registry {
    pub(in crate::app) fn new(ground: Ground, intake: store::Pool) -> Self {
        Self { ground, intake, cache: Arc::default() }
    }

    /// Connections for look-ups that strangers cause (role `gw_intake`): they must not take anybody else's.
    pub fn intake_pool(&self) -> &store::Pool {
        &self.intake
    }

    pub(super) fn cache(&self) -> &SourceCache {
        &self.cache
    }
}

impl Deref for Registry {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}
