//! Listening: the limits of connections, starting, and stopping gracefully.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    App, Error, HttpServer,
    body::BoxBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};
use tokio::task::JoinHandle;

use super::{call_id::Randomness, configure, edge::Edge, stamp::stamp};

/// How long the head of a request may take; the body has a deadline of its own.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept; longer than the 60 s of common proxies, so that they hang up first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Connections of one worker thread; further ones wait in the backlog.
const CONNECTIONS_PER_WORKER_MAX: usize = 4_096;
/// How long a graceful stop waits for requests that are under way: a whole body and its commit.
const STOP_TIMEOUT_SECONDS: u64 = 25;

/// A server that listens. Dropping it does not stop it; [`Listening::run_until`] does.
pub struct Listening {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
}

impl Listening {
    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then takes no new connections, lets requests under way end (at most 25 seconds), and
    /// returns. Fails when the server ended by itself.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> io::Result<()> {
        tokio::select! {
            ended = &mut self.running => return ended.unwrap_or_else(|error| Err(io::Error::other(error))),
            () = stop => {}
        }
        self.handle.stop(true).await;
        self.running.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// Binds and begins to serve. Fails when the address cannot be bound. Signals are left to the caller.
pub fn start(edge: Edge) -> io::Result<Listening> {
    let runtime = edge.runtime.clone();
    let settings = edge.settings;
    let gateway = edge.gateway.clone();
    let randomness: Randomness = Arc::new(move |buffer| gateway.entropy().fill(buffer));
    let edge = web::Data::new(edge);
    let server = HttpServer::new(move || app(Arc::clone(&randomness)).app_data(edge.clone()))
        .workers(settings.workers)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .max_connections(CONNECTIONS_PER_WORKER_MAX)
        .shutdown_timeout(STOP_TIMEOUT_SECONDS)
        .disable_signals()
        .bind(settings.bind)?;
    let address = server.addrs().first().copied().unwrap_or(settings.bind);
    // The accept loop looks for the runtime that it is made on.
    let _entered = runtime.enter();
    let server = server.run();
    let handle = server.handle();
    Ok(Listening { address, handle, running: runtime.spawn(server) })
}

/// Routes and stamp, without what the handlers share.
pub(super) fn app(
    randomness: Randomness,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>,
> {
    App::new().configure(configure).wrap(from_fn(move |request, next| stamp(Arc::clone(&randomness), request, next)))
}
