//! One delivery: where it goes, its headers, its exact bytes.

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    cli::exit::{Exit, Stop},
    domain::Entropy,
};

/// Names and values, in the order in which they are sent.
pub type HeaderList = Vec<(&'static str, String)>;

/// A delivery, ready to be posted.
pub(super) struct Delivery {
    /// The source's address.
    pub(super) url: Url,
    /// All headers beside those that HTTP itself needs.
    pub(super) headers: HeaderList,
    /// The exact bytes.
    pub(super) body: Vec<u8>,
}

/// A random identifier, written as Atlassian writes them.
pub(super) fn identifier(entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; 16];
    entropy.fill(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

/// An identifier that follows from a text: the same text, the same id.
pub(super) fn derived_identifier(purpose: &str, text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("milestone-gateway send {purpose} {text}")).into();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The address of a source below the gateway's own; `tail` is what the sender calls below that, if anything.
pub(super) fn address(gateway: &Url, route: &str, source: &str, tail: Option<&str>) -> Result<Url, Stop> {
    let mut url = gateway.clone();
    let Ok(mut path) = url.path_segments_mut() else {
        let hint = "give the gateway's address, for example http://127.0.0.1:8080";
        return Err(Stop::new(Exit::Usage, "--url is not an address with a path", hint));
    };
    path.pop_if_empty().extend(["webhooks", route, source].into_iter().chain(tail));
    drop(path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_sources_own_whatever_the_name_holds() {
        let at = |gateway: &str, source, tail| {
            address(&Url::parse(gateway).expect("a URL"), "jira", source, tail).map(String::from).ok()
        };
        let plain = at("http://127.0.0.1:8080", "acme", None);
        assert_eq!(plain.as_deref(), Some("http://127.0.0.1:8080/webhooks/jira/acme"));
        let odd = at("https://h/gw/", "a/../b", Some("events"));
        assert_eq!(odd.as_deref(), Some("https://h/gw/webhooks/jira/a%2F..%2Fb/events"));
        assert_eq!(at("mailto:a@example.invalid", "acme", None), None);
    }

    #[test]
    fn a_derived_identifier_is_stable_and_differs_by_purpose_and_text() {
        let one = derived_identifier("installation", "a");
        assert_eq!(one, derived_identifier("installation", "a"));
        assert!(uuid::Uuid::try_parse(&one).is_ok());
        assert_ne!(one, derived_identifier("installation", "b"));
        assert_ne!(one, derived_identifier("environment", "a"));
    }
}
