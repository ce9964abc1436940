//! Connections: which role, where, and how protected.

use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Config, NoTls, config::Host, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::SystemError;
use crate::{
    config::{Database, DatabaseTls, Settings},
    database,
    embedded::Embedded,
    sealing::KeyRing,
    store::{self, bootstrap},
};

/// The database that the gateway makes in its private PostgreSQL.
pub(super) const EMBEDDED_DATABASE: &str = "milestone_gateway";
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Server-side bounds of every connection: a lost client must not hold locks for ever.
const OPTIONS: &str = "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=120000 -c lock_timeout=15000";

/// Where our database and the product database are, and with which passwords the roles log in.
pub(super) struct Endpoints<'a> {
    ours: Config,
    theirs: Config,
    tls: DatabaseTls,
    /// `None` for the private PostgreSQL: its socket's folder is closed to everybody else.
    ring: Option<&'a KeyRing>,
}

impl<'a> Endpoints<'a> {
    pub(super) fn new(
        settings: &Settings,
        embedded: Option<&Embedded>,
        ring: &'a KeyRing,
    ) -> Result<Self, SystemError> {
        let (ours, ring) = match (&settings.database, embedded) {
            (Database::External(url), _) => (parse(url, "database-url")?, Some(ring)),
            (Database::Embedded, Some(embedded)) => {
                let text: SecretString = embedded.connection_string(EMBEDDED_DATABASE, "gw_queue").into();
                (parse(&text, "the private database")?, None)
            }
            (Database::Embedded, None) => return Err(SystemError::Connect("no database was opened".to_owned())),
        };
        let theirs = match &settings.product_database {
            Some(url) => parse(url, "product-database-url")?,
            None => ours.clone(),
        };
        Ok(Self { ours, theirs, tls: settings.database_tls, ring })
    }

    pub(super) fn ours(&self, role: &str, size: usize) -> Result<store::Pool, SystemError> {
        pool(&as_role(&self.ours, role, self.ring), self.tls, size)
    }

    pub(super) fn theirs(&self, role: &str, size: usize) -> Result<store::Pool, SystemError> {
        pool(&as_role(&self.theirs, role, self.ring), self.tls, size)
    }

    /// A connection of the schemas' owner, for looking at migrations.
    pub(super) async fn owner(&self) -> Result<tokio_postgres::Client, SystemError> {
        connect(&as_role(&self.ours, "gw_owner", self.ring), self.tls).await
    }

    /// The gateway never works as a superuser or past row level security: it refuses to start.
    pub(super) async fn refuse_power(&self) -> Result<(), SystemError> {
        for role in ["gw_intake", "gw_queue", "gw_tenant", "gw_verify"] {
            for config in [&self.ours, &self.theirs] {
                let client = connect(&as_role(config, role, self.ring), self.tls).await?;
                if bootstrap::refuse_power(&client).await? {
                    return Err(SystemError::Refused(format!(
                        "role {role} is a superuser or bypasses row level security; take that away \
                         (ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS)"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Parses a connection string without ever repeating it in an error: it may hold a password.
pub(super) fn parse(url: &SecretString, name: &str) -> Result<Config, SystemError> {
    let mut config = Config::from_str(url.expose_secret()).map_err(|_| {
        SystemError::Connect(format!(
            "{name} is not a connection string that PostgreSQL drivers understand; give it as \
             postgresql://host:port/database (certificates are verified by default, so leave sslmode out)"
        ))
    })?;
    config.application_name("milestone-gateway").connect_timeout(CONNECT_TIMEOUT);
    config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    Ok(config)
}

/// The same place, as one of the gateway's roles.
pub(super) fn as_role(config: &Config, role: &str, ring: Option<&KeyRing>) -> Config {
    let mut config = config.clone();
    config.user(role).options(OPTIONS);
    if let Some(ring) = ring {
        config.password(ring.database_password(role).expose_secret());
    }
    config
}

/// True when every place that may be connected to is this machine. `hostaddr` is where a connection goes; `host` beside it
/// is only the name in the certificate, so both have to be local.
fn is_local(config: &Config) -> bool {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let names_a_place = !hosts.is_empty() || !addresses.is_empty();
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    };
    names_a_place && hosts.iter().all(is_local_host) && addresses.iter().all(IpAddr::is_loopback)
}

fn is_plain(config: &Config, tls: DatabaseTls) -> bool {
    match tls {
        DatabaseTls::PlainEverywhere => true,
        DatabaseTls::VerifyOffLoopback => is_local(config),
        DatabaseTls::EncryptWithoutVerifying => false,
    }
}

fn pool(config: &Config, tls: DatabaseTls, size: usize) -> Result<store::Pool, SystemError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let mut config = config.clone();
    let manager = if is_plain(&config, tls) {
        config.ssl_mode(SslMode::Disable);
        Manager::from_config(config, NoTls, recycling)
    } else {
        config.ssl_mode(SslMode::Require);
        Manager::from_config(config, connector(tls)?, recycling)
    };
    Ok(store::Pool::new(manager, size))
}

/// One connection outside the pools, for starting up and migrating.
pub(super) async fn connect(config: &Config, tls: DatabaseTls) -> Result<tokio_postgres::Client, SystemError> {
    let mut config = config.clone();
    let failed = |error: tokio_postgres::Error| {
        let reduced = database::reduce(&error);
        SystemError::Connect(format!(
            "PostgreSQL cannot be reached ({reduced}); is it running, and was `bootstrap` run?"
        ))
    };
    if is_plain(&config, tls) {
        config.ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    } else {
        config.ssl_mode(SslMode::Require);
        let (client, connection) = config.connect(connector(tls)?).await.map_err(failed)?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}

fn connector(tls: DatabaseTls) -> Result<MakeRustlsConnect, SystemError> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| SystemError::Connect("this build has no usable TLS version".to_owned()))?;
    let config = match tls {
        DatabaseTls::VerifyOffLoopback | DatabaseTls::PlainEverywhere => {
            let mut roots = rustls::RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let why = "no trusted certificates were found on this machine; install ca-certificates or name a file \
                           in SSL_CERT_FILE";
                return Err(SystemError::Connect(why.to_owned()));
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        DatabaseTls::EncryptWithoutVerifying => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(unverified::AnyCertificate))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

mod unverified {
    //! For operators who have asked, in words, not to verify with whom they speak.

    use rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        pki_types::{CertificateDer, ServerName, UnixTime},
    };

    #[derive(Debug)]
    pub(super) struct AnyCertificate;

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_local_text(text: &str) -> bool {
        is_local(&Config::from_str(text).expect("it is a connection string"))
    }

    #[test]
    fn only_sockets_and_loopback_are_local() {
        for text in [
            "host=localhost",
            "host=127.0.0.1",
            "host=::1",
            "host=/run/postgresql",
            "hostaddr=127.0.0.1",
            "host=localhost hostaddr=::1",
            "host=localhost,/run/postgresql",
            "postgresql://localhost:5432/db",
        ] {
            assert!(is_local_text(text), "{text}");
        }
        for text in ["host=db.example", "host=10.0.0.1", "host=localhost,db.example", "postgresql://db.example/db"] {
            assert!(!is_local_text(text), "{text}");
        }
    }

    #[test]
    fn a_remote_address_behind_a_local_name_is_remote_and_so_is_no_place_at_all() {
        for text in [
            "host=localhost hostaddr=203.0.113.7",
            "hostaddr=203.0.113.7",
            "host=localhost,localhost hostaddr=127.0.0.1,203.0.113.7",
            "host=/run/postgresql hostaddr=203.0.113.7",
            "dbname=nowhere",
        ] {
            assert!(!is_local_text(text), "{text}");
            let config = Config::from_str(text).expect("it is a connection string");
            assert!(!is_plain(&config, DatabaseTls::VerifyOffLoopback), "{text}");
        }
    }
}
