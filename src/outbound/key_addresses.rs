//! Where keys are published. Nothing that a sender says is part of an address, except a key id that is a plain path segment.

use std::net::SocketAddr;

use reqwest::Client;

use super::{OutboundError, Timeouts, client, guarded_client};
use crate::domain::key_set::{KeyHost, KeyId};

const FORGE_PRODUCTION: &str = "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json";
const FORGE_STAGING: &str = "https://forge.cdn.stg.atlassian-dev.net/.well-known/jwks.json";
const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// Asked in this order, the next one only when the one before says that it has no such key.
const CONNECT: &[&str] =
    &["https://connect-install-keys.atlassian.com", "https://asap-distribution.us-west-2.prod.atl-asap.net"];

/// The address of every [`KeyHost`].
#[derive(Debug, Clone)]
pub struct KeyAddresses {
    forge_production: String,
    forge_staging: String,
    google: String,
    /// Without the slash before the key id.
    connect: Vec<String>,
    is_pinned: bool,
}

/// One document of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Document {
    /// All keys of a host.
    Set(SetHost),
    /// One key of [`KeyHost::ConnectInstall`].
    InstallKey(KeyId),
}

/// A host that publishes all its keys as one set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetHost {
    ForgeProduction,
    ForgeStaging,
    Google,
}

impl Document {
    pub(super) fn host(&self) -> KeyHost {
        match self {
            Self::Set(SetHost::ForgeProduction) => KeyHost::ForgeProduction,
            Self::Set(SetHost::ForgeStaging) => KeyHost::ForgeStaging,
            Self::Set(SetHost::Google) => KeyHost::Google,
            Self::InstallKey(_) => KeyHost::ConnectInstall,
        }
    }
}

impl KeyAddresses {
    /// The real ones.
    pub fn pinned() -> Self {
        Self {
            forge_production: FORGE_PRODUCTION.to_owned(),
            forge_staging: FORGE_STAGING.to_owned(),
            google: GOOGLE.to_owned(),
            connect: CONNECT.iter().map(|base| (*base).to_owned()).collect(),
            is_pinned: true,
        }
    }

    /// All hosts on one server of this machine, for development and tests: `/forge/jwks.json`, `/forge-staging/jwks.json`,
    /// `/google/certs` and `/connect/{kid}`. Fails unless `base` is `http://127.0.0.1:PORT` or `http://[::1]:PORT`, with at
    /// most a slash behind it: whoever may write this address decides which signatures are believed.
    pub fn development(base: &str) -> Result<Self, OutboundError> {
        let authority = base.strip_prefix("http://").ok_or(OutboundError::NotLoopback)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let server: SocketAddr = authority.parse().map_err(|_| OutboundError::NotLoopback)?;
        if !["127.0.0.1", "[::1]"].iter().any(|host| authority == format!("{host}:{}", server.port())) {
            return Err(OutboundError::NotLoopback);
        }
        Ok(Self {
            forge_production: format!("http://{server}/forge/jwks.json"),
            forge_staging: format!("http://{server}/forge-staging/jwks.json"),
            google: format!("http://{server}/google/certs"),
            connect: vec![format!("http://{server}/connect")],
            is_pinned: false,
        })
    }

    /// Where a document is, best address first. Empty for a key id that cannot be part of a path.
    pub(super) fn of(&self, document: &Document) -> Vec<String> {
        match document {
            Document::Set(SetHost::ForgeProduction) => vec![self.forge_production.clone()],
            Document::Set(SetHost::ForgeStaging) => vec![self.forge_staging.clone()],
            Document::Set(SetHost::Google) => vec![self.google.clone()],
            Document::InstallKey(kid) => match kid.path_segment() {
                Some(segment) => self.connect.iter().map(|base| format!("{base}/{segment}")).collect(),
                None => Vec::new(),
            },
        }
    }

    /// The same with other hosts of install keys.
    #[cfg(test)]
    pub(super) fn with_connect(self, bases: &[&str]) -> Self {
        Self { connect: bases.iter().map(|base| (*base).to_owned()).collect(), ..self }
    }

    /// A client that may call these addresses and no more than it must.
    pub(super) fn client(&self, timeouts: Timeouts) -> Result<Client, OutboundError> {
        if self.is_pinned { guarded_client(timeouts) } else { client(timeouts) }
    }
}

#[cfg(test)]
mod tests {
    use url::{Host, Url};

    use super::*;

    #[test]
    fn every_pinned_address_is_https_at_a_name() {
        let addresses = KeyAddresses::pinned();
        let kid = KeyId::parse("5e8f-key").expect("visible ASCII");
        let documents = [
            Document::Set(SetHost::ForgeProduction),
            Document::Set(SetHost::ForgeStaging),
            Document::Set(SetHost::Google),
            Document::InstallKey(kid),
        ];
        for address in documents.iter().flat_map(|document| addresses.of(document)) {
            let url = Url::parse(&address).expect("an address");
            assert_eq!(url.as_str(), address);
            assert!(url.scheme() == "https" && matches!(url.host(), Some(Host::Domain(_))), "{address}");
        }
        assert_eq!(
            addresses.of(&documents[3]),
            [
                "https://connect-install-keys.atlassian.com/5e8f-key",
                "https://asap-distribution.us-west-2.prod.atl-asap.net/5e8f-key"
            ]
        );
    }

    #[test]
    fn a_key_id_that_would_lead_elsewhere_has_no_address() {
        for kid in ["..", "a/b", "../oauth2", "a?b", "a%2fb"] {
            let kid = KeyId::parse(kid).expect("visible ASCII");
            assert!(KeyAddresses::pinned().of(&Document::InstallKey(kid)).is_empty());
        }
    }

    #[test]
    fn a_development_server_is_on_this_machines_loopback() {
        for accepted in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://[::1]:1"] {
            assert!(KeyAddresses::development(accepted).is_ok(), "{accepted}");
        }
        for refused in [
            "",
            "127.0.0.1:80",
            "https://127.0.0.1:80",
            "HTTP://127.0.0.1:80",
            "http://127.0.0.1",
            "http://127.0.0.2:80",
            "http://localhost:80",
            "http://127.1:80",
            "http://0.0.0.0:80",
            "http://10.0.0.1:80",
            "http://127.0.0.1:080",
            "http://127.0.0.1:80/x",
            "http://127.0.0.1:80//",
            "http://127.0.0.1:80?x",
            "http://127.0.0.1:80#x",
            "http://a@127.0.0.1:80",
            "http://127.0.0.1:80@elsewhere",
            "http://127.0.0.1:80.elsewhere:80",
            "http://[::1%1]:80",
            "http://[::ffff:127.0.0.1]:80",
            "http://[::2]:80",
            "http://127.0.0.1:65536",
            " http://127.0.0.1:80",
            "http://127.0.0.1:80\n",
        ] {
            assert!(matches!(KeyAddresses::development(refused), Err(OutboundError::NotLoopback)), "{refused}");
        }
    }
}
