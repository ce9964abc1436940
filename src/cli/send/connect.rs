//! A call of a Connect app (Atlassian, "Understanding JWT for Connect apps"): installs and uninstalls are signed by
//! Atlassian's key, everything else by the secret of the installation.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{body::text_at, delivery::HeaderList, jira, options::needed};
use crate::{
    cli::exit::Stop,
    signature::CanonicalRequest,
    sources::{
        connect::{self, Lifecycle},
        settings::ConnectSettings,
    },
};

/// How long a token lives, in seconds, as Atlassian's own do.
const LIFETIME_SECONDS: i64 = 180;

/// True for a call whose token is signed by Atlassian's own key.
pub(super) fn is_signed_by_key(route: Lifecycle) -> bool {
    connect::is_signed_by_atlassian(route.as_str())
}

/// Whose installation calls: as it was given, or as the body says.
pub(super) fn client_key(given: Option<&str>, body: &[u8]) -> Result<String, Stop> {
    given
        .map(str::to_owned)
        .or_else(|| text_at(body, "/clientKey"))
        .ok_or_else(|| needed("--installation", "the body names no clientKey"))
}

/// The claims of a token that was issued at `at`.
pub(super) fn claims(settings: &ConnectSettings, route: Lifecycle, client_key: &str, at: Timestamp) -> Value {
    let request = CanonicalRequest::new("POST", &format!("/{}", route.as_str()), "");
    let mut claims = json!({
        "iss": client_key,
        "iat": at.as_second(),
        "exp": at.as_second() + LIFETIME_SECONDS,
        "qsh": request.hash(),
    });
    if is_signed_by_key(route) {
        claims["aud"] = json!([settings.base_url]);
    }
    claims
}

/// The headers beside the token.
pub(super) fn headers(route: Lifecycle, identifier: &str, retry: u32) -> HeaderList {
    if route == Lifecycle::Webhook {
        return jira::unsigned(identifier).into_iter().chain(jira::of_retry(retry)).collect();
    }
    vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("User-Agent", "Atlassian HttpClient".to_owned()),
    ]
}
