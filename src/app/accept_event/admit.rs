//! Which events a verified delivery holds: asked of the sender's own file in `sources`.

use super::{Delivery, proof::Proven};
use crate::{
    app::{
        Error, Gateway,
        sources::{self, LoadedSource},
    },
    domain::SourceKind,
    sources::{Admitted, NotAdmitted, connect, firebase_function, forge, google_events, pubsub},
};

/// `X-Atlassian-Webhook-Identifier`, as headers are kept.
pub(super) const JIRA_IDENTIFIER: &str = "x-atlassian-webhook-identifier";

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
        Proven::Connect(caller) => vec![connect::admit(caller, tail, body, headers)?],
        Proven::Forwarder => vec![firebase_function::admit(headers, body)?],
        Proven::Google if delivery.kind == SourceKind::GoogleEvents => google_events::admit(headers, body)?,
        Proven::Google => pubsub::admit(headers, body)?,
        Proven::Hub => vec![Admitted::whole(None)],
    };
    Ok(admitted.into_iter().map(|admitted| Event { admitted, dead_letter_reason: None }).collect())
}

/// What has to be durable before the event is: the secret that an installation brings. Safe to repeat.
pub(super) async fn before_keeping(
    gateway: &Gateway,
    source: &LoadedSource,
    delivery: &Delivery,
    proven: &Proven,
    body: &[u8],
) -> Result<(), Error> {
    let Proven::Connect(caller) = proven else { return Ok(()) };
    if !connect::is_install(&delivery.tail) {
        return Ok(());
    }
    // One that cannot be read is kept as an event and dead-lettered; its secret is none.
    let Ok(installation) = connect::installation(body) else { return Ok(()) };
    sources::keep_holder_secret(gateway, source, &caller.client_key, &installation.shared_secret).await
}
