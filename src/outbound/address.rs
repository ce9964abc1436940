//! Where calls go: addresses that are pinned here, a tenant's Jira, or a loopback address for development.
//!
//! Nothing that another system says ever becomes an address: clients add fixed path segments to one of these.

use std::net::IpAddr;

use url::{Host, Url};

use super::OutboundError;

/// The domains whose sub-domains are Jira Cloud sites.
const JIRA_DOMAINS: [&str; 2] = ["atlassian.net", "jira.com"];
/// The longest cloud id that is believed, in bytes; Atlassian's are UUIDs.
const CLOUD_ID_BYTES_MAX: usize = 64;

/// The address below which a system is called: its scheme, host, port and the beginning of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseAddress(Url);

impl BaseAddress {
    /// Atlassian's API host.
    pub fn atlassian_api() -> Self {
        Self::pinned("https://api.atlassian.com")
    }

    /// Atlassian's host for tokens.
    pub fn atlassian_auth() -> Self {
        Self::pinned("https://auth.atlassian.com")
    }

    /// Google's API for the accounts of Firebase Authentication.
    pub fn identity_toolkit() -> Self {
        Self::pinned("https://identitytoolkit.googleapis.com")
    }

    /// A tenant's Jira behind Atlassian's API host, for OAuth tokens. Refuses anything that is no bare id.
    pub fn jira_of_cloud(cloud_id: &str) -> Result<Self, OutboundError> {
        Self::atlassian_api().jira_of_cloud_below(cloud_id)
    }

    /// The same path below another address than Atlassian's, for a server that stands in for it.
    pub fn jira_of_cloud_below(&self, cloud_id: &str) -> Result<Self, OutboundError> {
        let is_id = (1..=CLOUD_ID_BYTES_MAX).contains(&cloud_id.len())
            && cloud_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_id {
            return Err(OutboundError::BadAddress { what: "a cloud id is letters, digits and hyphens" });
        }
        Ok(Self(self.below(&["ex", "jira", cloud_id])))
    }

    /// A tenant's Jira by the host name of its site, as in `acme.atlassian.net`. Refuses hosts that are not Atlassian's:
    /// a credential would go there.
    pub fn jira_site(host: &str) -> Result<Self, OutboundError> {
        let refused = OutboundError::BadAddress { what: "a site is one name under atlassian.net or jira.com" };
        let is_site = host.split_once('.').is_some_and(|(name, domain)| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && JIRA_DOMAINS.iter().any(|known| known.eq_ignore_ascii_case(domain))
        });
        if !is_site {
            return Err(refused);
        }
        Url::parse(&format!("https://{host}")).map(Self).map_err(|_| refused)
    }

    /// A server on this machine, for development: plain `http`, a loopback host, perhaps a path.
    pub fn development(text: &str) -> Result<Self, OutboundError> {
        let refused = |what| OutboundError::BadAddress { what };
        let url = Url::parse(text).map_err(|_| refused("it is no address"))?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        if url.scheme() != "http" || !is_loopback {
            return Err(refused("a development address is http on a loopback host"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it carries more than scheme, host, port and path"));
        }
        Ok(Self(url))
    }

    fn pinned(text: &str) -> Self {
        Self(Url::parse(text).expect("a pinned address is an address"))
    }

    /// The address with these segments added, percent-encoded. A segment of one or two dots is left out, as everywhere in
    /// URLs, so callers refuse those in what they did not write themselves.
    pub(super) fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(segments);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_addresses_are_https_and_segments_cannot_leave_their_place() {
        let url = BaseAddress::atlassian_api().below(&["a/../b", "?c#d", "e%2f", "accounts:delete"]);
        assert_eq!(url.as_str(), "https://api.atlassian.com/a%2F..%2Fb/%3Fc%23d/e%252f/accounts:delete");
        for base in [BaseAddress::atlassian_auth(), BaseAddress::identity_toolkit()] {
            assert_eq!(base.0.scheme(), "https");
        }
    }

    #[test]
    fn a_jira_is_named_by_a_bare_cloud_id_or_by_a_host_of_atlassian() {
        let cloud = BaseAddress::jira_of_cloud("35273b54-3f06-40d2-880f-dd28cf8daafa").expect("a cloud id");
        assert_eq!(cloud.0.as_str(), "https://api.atlassian.com/ex/jira/35273b54-3f06-40d2-880f-dd28cf8daafa");
        for refused in ["", "..", "a/b", "a?b", "a%2fb", &"x".repeat(65)] {
            assert!(BaseAddress::jira_of_cloud(refused).is_err(), "{refused}");
        }
        let site = BaseAddress::jira_site("acme.atlassian.net").expect("a site");
        assert_eq!(site.below(&["rest"]).as_str(), "https://acme.atlassian.net/rest");
        for refused in [
            "atlassian.net",
            ".atlassian.net",
            "acme.atlassian.net.example.com",
            "acme.example.com",
            "a.b.atlassian.net",
            "acme.atlassian.net/x",
            "acme.atlassian.net:8443",
            "user@acme.atlassian.net",
            "x/.atlassian.net",
            "127.0.0.1",
        ] {
            assert!(BaseAddress::jira_site(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_development_address_is_on_this_machine() {
        for allowed in ["http://127.0.0.1:9099", "http://localhost:1/a/b", "http://[::1]:80/", "http://127.9.9.9"] {
            assert!(BaseAddress::development(allowed).is_ok(), "{allowed}");
        }
        for refused in [
            "https://127.0.0.1",
            "http://10.0.0.1",
            "http://example.com",
            "http://localhost.example.com",
            "http://0.0.0.0",
            "http://169.254.169.254",
            "http://u@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "http://127.0.0.1/#a",
            "file:///etc/passwd",
            "not an address",
        ] {
            assert!(BaseAddress::development(refused).is_err(), "{refused}");
        }
    }
}
