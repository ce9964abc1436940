//! What may be touched where other systems are called: the registry, and the clients that go out.

use std::{ops::Deref, sync::Arc};

use super::outgoing::Outgoing;

use crate::app::registry::Registry;

/// The context of whoever calls other systems. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    registry: Registry,
    outgoing: Arc<Outgoing>,
}

impl Accounts {
    pub(in crate::app) fn new(registry: Registry, outgoing: Outgoing) -> Self {
        Self { registry, outgoing: Arc::new(outgoing) }
    }

    pub(in crate::app) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }
}

impl Deref for Accounts {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}
