//! A server that publishes the development key at every address where a gateway under development looks for senders' keys.
//!
//! | path | what |
//! |---|---|
//! | `/forge/jwks.json`, `/forge-staging/jwks.json`, `/google/certs` | a JWK set with the one key |
//! | `/connect/development` | the key as PEM; any other id is 404 |

use std::{io, net::SocketAddr};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::key::{DevelopmentKey, KEY_ID};
use crate::{
    cli::exit::{Exit, Stop},
    outbound::KeyAddresses,
};

/// The sets: one path for each host that publishes one.
const SETS: [&str; 3] = ["/forge/jwks.json", "/forge-staging/jwks.json", "/google/certs"];

/// A running server. Dropping it does not stop it; [`KeyServer::stop`] does.
pub(in crate::cli) struct KeyServer {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
}

/// What is published.
struct Published {
    jwk_set: String,
    pem: String,
}

/// Refuses an address that a gateway under development would not ask: others could reach it, or forge what it says.
pub(in crate::cli) fn refuse_others(listen: SocketAddr) -> Result<(), Stop> {
    if KeyAddresses::development(&format!("http://{listen}")).is_ok() {
        return Ok(());
    }
    let message = format!("a key server listens on this machine only, and {} is another address", listen.ip());
    Err(Stop::new(Exit::Refused, message, "listen on 127.0.0.1 or [::1]"))
}

impl KeyServer {
    /// Listens and publishes; port 0 takes a free one. Must be called within a tokio runtime.
    pub(in crate::cli) fn start(key: &DevelopmentKey, listen: SocketAddr) -> anyhow::Result<Self> {
        refuse_others(listen)?;
        let published = web::Data::new(Published { jwk_set: key.jwk_set(), pem: key.public_pem()? });
        let server = HttpServer::new(move || App::new().app_data(published.clone()).configure(routes))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(listen)
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        let server = server.run();
        Ok(Self { address, handle: server.handle(), running: tokio::spawn(server) })
    }

    /// As `serve --development-key-server` takes it.
    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops at once. Fails when the server had ended by itself.
    pub(in crate::cli) async fn stop(self) -> anyhow::Result<()> {
        self.handle.stop(false).await;
        self.running.await.context("the key server ended abnormally")?.context("the key server failed")
    }
}

fn routes(config: &mut web::ServiceConfig) {
    for path in SETS {
        config.route(path, web::get().to(set));
    }
    config.route("/connect/{kid}", web::get().to(install_key));
}

async fn set(published: web::Data<Published>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(published.jwk_set.clone())
}

async fn install_key(published: web::Data<Published>, kid: web::Path<String>) -> HttpResponse {
    if kid.as_str() != KEY_ID {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::Ok().content_type("application/x-pem-file").body(published.pem.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::key_set::{KeyHost, KeyId},
        outbound::{KeyAnswer, KeySets},
    };

    #[tokio::test]
    async fn a_gateway_under_development_reads_the_key_at_every_host_and_no_other() {
        let key = DevelopmentKey::generate().expect("a key");
        let server = KeyServer::start(&key, SocketAddr::from(([127, 0, 0, 1], 0))).expect("a server");
        let sets = KeySets::new(KeyAddresses::development(&server.url()).expect("loopback")).expect("a client");
        let (known, unknown) = (KeyId::parse(KEY_ID).expect("an id"), KeyId::parse("another").expect("an id"));

        for host in KeyHost::ALL {
            assert!(matches!(sets.key(host, &known).await, KeyAnswer::Key(_)), "{}", host.as_str());
        }

        assert_eq!(sets.key(KeyHost::ConnectInstall, &unknown).await, KeyAnswer::Unknown);
        server.stop().await.expect("it stops");
    }

    #[test]
    fn an_address_that_others_reach_is_refused() {
        for refused in ["0.0.0.0:9200", "10.0.0.1:9200", "[::]:9200", "127.0.0.2:9200"] {
            assert!(refuse_others(refused.parse().expect("an address")).is_err(), "{refused}");
        }
        for taken in ["127.0.0.1:9200", "127.0.0.1:0", "[::1]:9200"] {
            assert!(refuse_others(taken.parse().expect("an address")).is_ok(), "{taken}");
        }
    }
}
