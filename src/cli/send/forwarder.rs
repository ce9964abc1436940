//! Our forwarder function, which signs by Standard Webhooks. A retry keeps its id and is signed anew at its own time.

use jiff::Timestamp;

use super::{credential::Credential, delivery::HeaderList};
use crate::signature::standard_webhooks;

/// The headers of an attempt at `now`.
pub fn headers(credential: &Credential, identifier: &str, body: &[u8], now: Timestamp) -> anyhow::Result<HeaderList> {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("webhook-id", identifier.to_owned()),
        ("webhook-timestamp", now.as_second().to_string()),
    ];
    let signature = credential.signature(|secret| standard_webhooks::sign(secret, identifier, now, body))?;
    headers.extend(signature.map(|signature| ("webhook-signature", signature)));
    Ok(headers)
}
