//! Which events a verified delivery holds: asked of the sender's own file in `sources`.

use crate::app::registry;

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    app::{
        ground::error::Error,
        intake::{Intake, delivery::Delivery, proof::Proven},
        registry::LoadedSource,
    },
    domain::{Headers, SourceKind},
    signature::{SecretBytes, connect_jwt},
    sources::{Admitted, NotAdmitted, connect, firebase_function, forge, google_events, pubsub},
};

/// `X-Atlassian-Webhook-Identifier`, as headers are kept.
pub(in crate::app) const JIRA_IDENTIFIER: &str = "x-atlassian-webhook-identifier";

/// The token by which our app may ask the installation's site, as headers are kept. Never logged.
const FORGE_SYSTEM_TOKEN: &str = "x-forge-oauth-system";
/// Headers that are never kept with an event.
const CREDENTIALS: &[&str] = &["authorization", FORGE_SYSTEM_TOKEN, "x-hub-signature", "webhook-signature"];

/// The events of a delivery.
pub(in crate::app) fn admit(delivery: &Delivery, proven: &Proven, body: &[u8]) -> Result<Vec<Admitted>, NotAdmitted> {
    let (headers, tail) = (&delivery.headers, delivery.tail.as_str());
    Ok(match proven {
        Proven::Forge(caller) => vec![forge::admit(caller, tail, body)?],
        Proven::Connect(caller) => vec![connect::admit(caller, tail, body, &with_token(delivery))?],
        Proven::Forwarder => vec![firebase_function::admit(headers, body)?],
        Proven::Google if delivery.kind == SourceKind::GoogleEvents => google_events::admit(headers, body)?,
        Proven::Google => pubsub::admit(headers, body)?,
        Proven::Hub => vec![Admitted::whole(None)],
    })
}

/// The event of an authentic delivery that nobody understands. It is kept with what was verified and with the headers that
/// its meaning may stand in: a mended reader must be able to read it again.
pub(in crate::app) fn unreadable(delivery: &Delivery, proven: &Proven) -> Admitted {
    if let Proven::Forge(caller) = proven {
        return forge::unread(caller, &delivery.tail);
    }
    let headers: BTreeMap<&str, Cow<'_, str>> = delivery
        .headers
        .iter()
        .filter(|(name, _)| !CREDENTIALS.contains(name))
        .map(|(name, value)| (name, String::from_utf8_lossy(value)))
        .collect();
    let context = serde_json::to_vec(&serde_json::json!({ "unread": headers })).unwrap_or_default();
    Admitted { context, ..Admitted::whole(None) }
}

/// The headers with the token's signed part alone in the place of the token: a repetition is told by what was signed, however
/// it is written.
fn with_token(delivery: &Delivery) -> Headers {
    let others = delivery.headers.iter().filter(|(name, _)| *name != "authorization");
    let mut headers: Headers = others.collect();
    if let Some(signed) = connect_jwt::signed_part(&delivery.headers, &delivery.query) {
        headers.push("authorization", &signed);
    }
    headers
}

/// The secret that an install brings; an install without one is refused, because its installation would be locked out.
pub(in crate::app) fn brought_secret(
    delivery: &Delivery,
    proven: &Proven,
    body: &[u8],
) -> Result<Option<SecretBytes>, NotAdmitted> {
    match proven {
        Proven::Connect(_) if connect::is_install(&delivery.tail) => {
            let secret =
                connect::install_secret(body).ok().filter(|secret| registry::check_holder_secret(secret).is_ok());
            secret.map(Some).ok_or(NotAdmitted::BodyDisagrees("sharedSecret"))
        }
        Proven::Hub | Proven::Forwarder | Proven::Forge(_) | Proven::Connect(_) | Proven::Google => Ok(None),
    }
}

/// What follows from a new event at once, before its sender is answered: the installation's secret or token is kept. Only for
/// a new one: whoever repeats a call under the same token must not change what the first one has brought.
pub(in crate::app) async fn after_keeping(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    proven: &Proven,
    secret: Option<&SecretBytes>,
) -> Result<(), Error> {
    match (proven, secret) {
        (Proven::Connect(caller), Some(secret)) => {
            registry::keep_holder_secret(gateway, source, &caller.client_key, secret).await
        }
        (Proven::Forge(caller), _) if forge::is_heartbeat(&delivery.tail) => {
            match delivery.headers.only(FORGE_SYSTEM_TOKEN).and_then(forge::system_token) {
                Some(token) => registry::keep_installation_token(gateway, source, &caller.cloud_id, token).await,
                // Without it the installation lives all the same; its hours are not compared this time.
                None => Ok(()),
            }
        }
        (Proven::Hub | Proven::Forwarder | Proven::Forge(_) | Proven::Connect(_) | Proven::Google, _) => Ok(()),
    }
}
