//! The gateway behind real HTTP.

use std::{net::SocketAddr, sync::Arc};

use milestone_gateway::testing::http::{self, Edge, EdgeSettings};
use tokio::{sync::oneshot, task::JoinHandle};

use super::World;

/// A server that listens on a loopback port of its own.
pub(crate) struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl World {
    /// Listens. Needs the multi-thread runtime.
    pub(crate) fn serves_http(&self) -> Serving {
        let settings = EdgeSettings { workers: 1, ..EdgeSettings::new(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let edge = Edge::new(self.gateway.clone(), Arc::new(String::new), settings, tokio::runtime::Handle::current());
        let listening = http::start(edge).unwrap();
        let address = listening.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(listening.run_until(async move { drop(stopped.await) }));
        Serving { address, stop, running }
    }
}

impl Serving {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets running requests end.
    pub(crate) async fn stops(self) {
        let _ = self.stop.send(());
        self.running.await.unwrap().unwrap();
    }
}
