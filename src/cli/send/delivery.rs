//! One delivery as Jira makes it (Atlassian, "Jira Cloud platform: webhooks").

use jiff::Timestamp;
use url::Url;

use crate::cli::exit::{Exit, Stop};

/// A signed body and where it goes.
pub(super) struct Delivery {
    /// The source's address.
    pub(super) url: Url,
    /// `X-Atlassian-Webhook-Identifier`: the same on every retry.
    pub(super) identifier: String,
    /// `X-Hub-Signature`, if there is one.
    pub(super) signature: Option<String>,
    /// The exact bytes.
    pub(super) body: Vec<u8>,
}

impl Delivery {
    /// The headers of the first attempt (0) or of a retry.
    pub(super) fn headers(&self, retry: u32) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            ("User-Agent", "Atlassian Webhook HTTP Client".to_owned()),
            ("X-Atlassian-Webhook-Identifier", self.identifier.clone()),
            ("X-Atlassian-Webhook-Flow", "Primary".to_owned()),
        ];
        headers.extend(self.signature.clone().map(|signature| ("X-Hub-Signature", signature)));
        if retry > 0 {
            headers.push(("X-Atlassian-Webhook-Retry", retry.to_string()));
        }
        headers
    }
}

/// A random identifier, written as Atlassian writes them.
pub(super) fn identifier(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

/// The address of a source below the gateway's own.
pub(super) fn address(gateway: &Url, source: &str) -> Result<Url, Stop> {
    let mut url = gateway.clone();
    let Ok(mut path) = url.path_segments_mut() else {
        let hint = "give the gateway's address, for example http://127.0.0.1:8080";
        return Err(Stop::new(Exit::Usage, "--url is not an address with a path", hint));
    };
    path.pop_if_empty().extend(["webhooks", "jira", source]);
    drop(path);
    Ok(url)
}

/// The body with its `timestamp` set to `at`, in milliseconds as Jira writes it.
pub(super) fn with_timestamp(body: &[u8], at: Timestamp) -> Result<Vec<u8>, Stop> {
    let refused = || {
        let hint = "send it without --timestamp-now, or give a payload that is a JSON object";
        Stop::new(Exit::Refused, "the payload is not a JSON object, so its timestamp cannot be set", hint)
    };
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).map_err(|_| refused())?;
    object.insert("timestamp".to_owned(), at.as_millisecond().into());
    serde_json::to_vec(&object).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_sources_own_whatever_the_name_holds() {
        let at = |gateway: &str, source| address(&Url::parse(gateway).expect("a URL"), source).map(String::from);
        assert_eq!(
            at("http://127.0.0.1:8080", "acme").ok().as_deref(),
            Some("http://127.0.0.1:8080/webhooks/jira/acme")
        );
        assert_eq!(at("https://h/gw/", "a/../b").ok().as_deref(), Some("https://h/gw/webhooks/jira/a%2F..%2Fb"));
        assert!(at("mailto:a@example.invalid", "acme").is_err());
    }

    #[test]
    fn a_body_that_is_no_object_has_no_timestamp() {
        assert!(with_timestamp(b"[1]", Timestamp::UNIX_EPOCH).is_err());
        assert!(with_timestamp(b"\xff", Timestamp::UNIX_EPOCH).is_err());
    }
}
