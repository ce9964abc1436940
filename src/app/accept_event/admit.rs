//! Which events a verified delivery holds: asked of the sender's own file in `sources`.

use super::{Delivery, proof::Proven};
use crate::{
    app::{
        Error, Gateway,
        sources::{self, LoadedSource},
    },
    domain::{Headers, SourceKind},
    sources::{Admitted, NotAdmitted, connect, firebase_function, forge, google_events, pubsub},
};

/// `X-Atlassian-Webhook-Identifier`, as headers are kept.
pub(super) const JIRA_IDENTIFIER: &str = "x-atlassian-webhook-identifier";

/// The token by which our app may ask the installation's site, as headers are kept. Never logged.
const FORGE_SYSTEM_TOKEN: &str = "x-forge-oauth-system";

/// One event, and why it must not run.
pub(super) struct Event {
    pub(super) admitted: Admitted,
    pub(super) dead_letter_reason: Option<&'static str>,
}

impl Event {
    /// An authentic delivery that nobody understands.
    pub(super) fn unreadable(reason: &'static str) -> Self {
        Self { admitted: Admitted::whole(None), dead_letter_reason: Some(reason) }
    }
}

/// The events of a delivery.
pub(super) fn admit(delivery: &Delivery, proven: &Proven, body: &[u8]) -> Result<Vec<Event>, NotAdmitted> {
    let (headers, tail) = (&delivery.headers, delivery.tail.as_str());
    let admitted = match proven {
        Proven::Forge(caller) => vec![forge::admit(caller, tail, body)?],
        Proven::Connect(caller) => vec![connect::admit(caller, tail, body, &with_token(delivery))?],
        Proven::Forwarder => vec![firebase_function::admit(headers, body)?],
        Proven::Google if delivery.kind == SourceKind::GoogleEvents => google_events::admit(headers, body)?,
        Proven::Google => pubsub::admit(headers, body)?,
        Proven::Hub => vec![Admitted::whole(None)],
    };
    Ok(admitted.into_iter().map(|admitted| Event { admitted, dead_letter_reason: None }).collect())
}

/// The headers with the token that the query may have carried instead: a repetition is told by its token.
fn with_token(delivery: &Delivery) -> Headers {
    let mut headers = delivery.headers.clone();
    if headers.all("authorization").next().is_none() {
        headers.push("authorization", delivery.query.as_bytes());
    }
    headers
}

/// What has to be durable before the event is: the secret or the token that an installation brings. Safe to repeat.
pub(super) async fn before_keeping(
    gateway: &Gateway,
    source: &LoadedSource,
    delivery: &Delivery,
    proven: &Proven,
    body: &[u8],
) -> Result<(), Error> {
    match proven {
        Proven::Connect(caller) if connect::is_install(&delivery.tail) => {
            // One that cannot be read is refused before it comes here.
            let Ok(installation) = connect::installation(body) else { return Ok(()) };
            sources::keep_holder_secret(gateway, source, &caller.client_key, &installation.shared_secret).await
        }
        Proven::Forge(caller) if forge::is_heartbeat(&delivery.tail) => {
            match delivery.headers.only(FORGE_SYSTEM_TOKEN).and_then(forge::system_token) {
                Some(token) => sources::keep_installation_token(gateway, source, &caller.cloud_id, token).await,
                // Without it the installation lives all the same; its hours are not compared this time.
                None => Ok(()),
            }
        }
        Proven::Hub | Proven::Forwarder | Proven::Forge(_) | Proven::Connect(_) | Proven::Google => Ok(()),
    }
}
