//! The gateway's real server on a port of its own, and what is answered there.

use std::{net::SocketAddr, sync::Arc};

use milestone_gateway::http::{self, Edge, EdgeSettings};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Post, World};

/// A server of a world; end it before the world.
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

/// All that a sender sees of an answer, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// Without our own request id, the time, and whether the server hangs up because it did not read the whole body.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl World {
    /// Serves this world's gateway. Needs a runtime of several threads.
    pub(crate) fn serves(&self) -> Server {
        let settings = EdgeSettings { workers: 1, ..EdgeSettings::new(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let runtime = tokio::runtime::Handle::current();
        let edge = Edge::new(self.gateway.clone(), Arc::new(String::new), settings, runtime);
        let listening = http::start(edge).unwrap();
        let address = listening.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(listening.run_until(async { drop(stopped.await) }));
        Server { address, stop, running }
    }
}

impl Server {
    pub(crate) async fn answers(&self, post: &Post) -> Answered {
        let mut request = reqwest::Client::new().post(format!("http://{}{}", self.address, post.path()));
        for (name, value) in &post.headers {
            request = request.header(name, value.as_slice());
        }
        let answer = request.body(post.body.clone()).send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .filter(|(name, _)| !["x-request-id", "date", "connection"].contains(&name.as_str()))
            .collect();
        Answered { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn stops(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }
}
