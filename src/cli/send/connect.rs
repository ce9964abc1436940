//! A call of a Connect app (Atlassian, "Understanding JWT for Connect apps"): installs and uninstalls are signed by
//! Atlassian's key, everything else by the secret of the installation.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    body::text_at,
    delivery::HeaderList,
    jira,
    options::{SenderArgs, needed, other_route},
    player::{Attempt, Player, Sender, own, set_milliseconds, with_token},
};
use crate::{
    cli::exit::Stop,
    domain::SourceKind,
    signature::CanonicalRequest,
    sources::{
        SourceSettings,
        connect::{self, Lifecycle, contract::ConnectSettings},
    },
};

/// How an installation of the app is played. Its token is used again by a retry.
pub(super) static PLAYER: Player = Player {
    kind: SourceKind::Connect,
    options: &["--route", "--installation", "--development-key"],
    sender,
    set_time: |object, at| set_milliseconds(object, at, false),
    by_secret: None,
};

struct Installation {
    settings: ConnectSettings,
    route: Lifecycle,
    client_key: String,
}

fn sender(given: &SenderArgs, settings: &SourceSettings, body: &[u8]) -> Result<Box<dyn Sender>, Stop> {
    let settings = own::<ConnectSettings>(settings)?.clone();
    let word = given.route.as_ref();
    let word = word.ok_or_else(|| needed("--route", "each call of a Connect app has its own address"))?;
    let route = Lifecycle::of_path(word).ok_or_else(|| other_route("Connect"))?;
    Ok(Box::new(Installation { settings, route, client_key: client_key(given.installation.as_deref(), body)? }))
}

impl Sender for Installation {
    fn signs_by_key(&self) -> bool {
        is_signed_by_key(self.route)
    }

    fn tail(&self) -> Option<&'static str> {
        Some(self.route.as_str())
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Self { settings, route, client_key } = self;
        let token = attempt.credential.token("JWT", &claims(settings, *route, client_key, attempt.began_at))?;
        let headers = headers(*route, attempt.identifier, attempt.retry);
        Ok((with_token(headers, token), attempt.body.to_vec()))
    }
}

/// How long a token lives, in seconds, as Atlassian's own do.
const LIFETIME_SECONDS: i64 = 180;

/// True for a call whose token is signed by Atlassian's own key.
fn is_signed_by_key(route: Lifecycle) -> bool {
    connect::is_signed_by_atlassian(route.as_str())
}

/// Whose installation calls: as it was given, or as the body says.
fn client_key(given: Option<&str>, body: &[u8]) -> Result<String, Stop> {
    given
        .map(str::to_owned)
        .or_else(|| text_at(body, "/clientKey"))
        .ok_or_else(|| needed("--installation", "the body names no clientKey"))
}

/// The claims of a token that was issued at `at`.
fn claims(settings: &ConnectSettings, route: Lifecycle, client_key: &str, at: Timestamp) -> Value {
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
fn headers(route: Lifecycle, identifier: &str, retry: u32) -> HeaderList {
    if route == Lifecycle::Webhook {
        return jira::unsigned(identifier).into_iter().chain(jira::of_retry(retry)).collect();
    }
    vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("User-Agent", "Atlassian HttpClient".to_owned()),
    ]
}
