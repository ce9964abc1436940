//! A webhook as Jira makes it (Atlassian, "Jira Cloud platform: webhooks").

use super::{credential::Credential, delivery::HeaderList};
use crate::signature::hub_hmac;

/// The headers of the first attempt (0) or of a retry.
pub(super) fn headers(
    credential: &Credential,
    identifier: &str,
    body: &[u8],
    retry: u32,
) -> anyhow::Result<HeaderList> {
    let mut headers = unsigned(identifier);
    let signature = credential.signature(|secret| hub_hmac::sign(secret, body))?;
    headers.extend(signature.map(|signature| ("X-Hub-Signature", signature)));
    headers.extend(of_retry(retry));
    Ok(headers)
}

/// The headers that a Connect app's webhooks have too.
pub(super) fn unsigned(identifier: &str) -> HeaderList {
    vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("User-Agent", "Atlassian Webhook HTTP Client".to_owned()),
        ("X-Atlassian-Webhook-Identifier", identifier.to_owned()),
        ("X-Atlassian-Webhook-Flow", "Primary".to_owned()),
    ]
}

/// How a retry says that it is one.
pub(super) fn of_retry(retry: u32) -> Option<(&'static str, String)> {
    (retry > 0).then(|| ("X-Atlassian-Webhook-Retry", retry.to_string()))
}
