//! Pub/Sub push (Google Cloud, "Push subscriptions"): one message, wrapped in JSON or bare.
//!
//! A message's attributes are the publisher's words, and with `writeMetadata` they arrive as headers of any name the
//! publisher likes. So headers are read for two things only: what Pub/Sub itself says of the message
//! (`x-goog-pubsub-*`), and the attributes of a `CloudEvent`, which are the publisher's to say anyway. Never for a credential.
//! Nobody can be told to stop: what cannot be read is [`NotAdmitted::Unreadable`], to be kept and answered 204.

pub mod contract;
mod message;

use super::{
    admission::{Admitted, NotAdmitted, TenantRef, identifier_of},
    cloudevents::{self, CloudEvent, Mode},
    firebase::Context,
    scalar::{self, Raw},
};
use crate::domain::{Personal, delivery::Headers};

pub(super) use message::Message;

/// The events of a verified push: usually one. What they mean is read by [`super::firebase::interpret`].
pub fn admit(headers: &Headers, body: &[u8]) -> Result<Vec<Admitted>, NotAdmitted> {
    let message = Message::read(headers, body)?;
    let identity = message.id.clone().map(|id| (message.subscription.clone().unwrap_or_default(), id));
    let events = events(message)?;
    let is_batch = events.len() > 1;
    Ok(events
        .into_iter()
        .enumerate()
        .map(|(index, event)| {
            let place = if is_batch { index.to_string() } else { String::new() };
            let identifier =
                identity.as_ref().map(|(subscription, id)| identifier_of(&["pubsub", subscription, id, &place]));
            event.admitted(identifier)
        })
        .collect())
}

/// An event that was found in a message: the attributes that interpretation needs, and its data.
pub(super) struct Found {
    context: Context,
    data: Personal<Vec<u8>>,
}

impl Found {
    /// The event under its identifier, which makes it the same whatever the wrapper says beside it.
    pub(super) fn admitted(self, identifier: Option<Vec<u8>>) -> Admitted {
        Admitted {
            is_identity: identifier.is_some(),
            identifier,
            tenant: TenantRef::Source,
            context: self.context.to_bytes(),
            body: Some(self.data),
        }
    }

    /// An event that came as a `CloudEvent`.
    pub(super) fn of(event: CloudEvent) -> Self {
        Self { context: Context::of(&event), data: event.data.unwrap_or_else(|| Personal::new(Vec::new())) }
    }
}

/// The events of a message: by its `ce-*` attributes, as structured JSON, or whatever its data says by itself.
pub(super) fn events(message: Message) -> Result<Vec<Found>, NotAdmitted> {
    let Message { attributes, content_type, published_at, data, .. } = message;
    if attributes.event_type.is_some() {
        let context = message::context(attributes, published_at)?;
        return Ok(vec![Found { context, data }]);
    }
    let bytes = data.expose_for("finding the event in it");
    let mode = match content_type.as_deref().map_or(Ok(Mode::Binary), Mode::of)? {
        Mode::Binary if is_structured(bytes) => Mode::Structured,
        mode => mode,
    };
    let found = match mode {
        Mode::Batch => cloudevents::batch(bytes)?,
        Mode::Structured => vec![cloudevents::one(bytes)?],
        Mode::Binary => {
            return Ok(vec![Found { context: Context { published_at, ..Context::default() }, data }]);
        }
    };
    let found = found.into_iter().map(|event| {
        let found = Found::of(event);
        Found { context: Context { published_at, ..found.context }, ..found }
    });
    Ok(found.collect())
}

/// True for JSON that says itself that it is a `CloudEvent`.
fn is_structured(data: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Sniffed<'a> {
        #[serde(borrow, default)]
        specversion: Raw<'a>,
    }
    scalar::outermost::<Sniffed<'_>>(data).is_ok_and(|sniffed| sniffed.specversion.is_some())
}

#[cfg(test)]
mod tests;
