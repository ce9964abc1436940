//! The one way to make a client.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect::Policy};

use super::OutboundError;

/// How long one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From the first byte out to the last byte of the answer, connecting included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

/// A client that goes only where it is told: no redirects (a credential would follow them), no proxy of the environment
/// (it would read everything), TLS by rustls. Does no input or output; fails when the system's certificates cannot be used.
pub fn client(timeouts: Timeouts) -> Result<Client, OutboundError> {
    builder(timeouts).build().map_err(|source| OutboundError::Build { source })
}

/// What every client of ours has in common.
pub(super) fn builder(timeouts: Timeouts) -> ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tls_backend_rustls()
        .referer(false)
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
}
