//! A message, however it was pushed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    domain::{Personal, delivery::Headers},
    sources::{
        NotAdmitted,
        cloudevents::{Attributes, bounded},
        firebase::Context,
        scalar::{self, Raw},
    },
};

const SUBSCRIPTION_HEADER: &str = "x-goog-pubsub-subscription-name";
const MESSAGE_ID_HEADER: &str = "x-goog-pubsub-message-id";
const PUBLISH_TIME_HEADER: &str = "x-goog-pubsub-publish-time";

/// A message with what is read of its attributes.
pub(in crate::sources) struct Message {
    pub(super) subscription: Option<String>,
    pub(super) id: Option<String>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) attributes: Attributes,
    pub(super) content_type: Option<String>,
    pub(super) data: Personal<Vec<u8>>,
}

/// The body of a wrapped push.
#[derive(Deserialize)]
struct Wrapper<'a> {
    #[serde(borrow, default)]
    subscription: Raw<'a>,
    #[serde(borrow, default)]
    message: Raw<'a>,
}

/// The message in it. Ids and times come twice, in camel and in snake case, in every real push.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    attributes: Raw<'a>,
    #[serde(rename = "messageId", borrow, default)]
    message_id: Raw<'a>,
    #[serde(rename = "message_id", borrow, default)]
    message_id_snake: Raw<'a>,
    #[serde(rename = "publishTime", borrow, default)]
    publish_time: Raw<'a>,
    #[serde(rename = "publish_time", borrow, default)]
    publish_time_snake: Raw<'a>,
}

/// The attributes that are read. The message's own id makes it the same, so `ce-id` is not among them.
#[derive(Deserialize)]
struct WrappedAttributes<'a> {
    #[serde(rename = "ce-specversion", borrow, default)]
    specversion: Raw<'a>,
    #[serde(rename = "ce-source", borrow, default)]
    source: Raw<'a>,
    #[serde(rename = "ce-type", borrow, default)]
    event_type: Raw<'a>,
    #[serde(rename = "ce-subject", borrow, default)]
    subject: Raw<'a>,
    #[serde(rename = "ce-time", borrow, default)]
    time: Raw<'a>,
    #[serde(rename = "ce-tenantid", borrow, default)]
    tenantid: Raw<'a>,
    #[serde(rename = "content-type", borrow, default)]
    content_type: Raw<'a>,
}

impl Message {
    /// The message of a push. Headers of Pub/Sub say that it is bare; otherwise a body with `message` and `subscription` is
    /// a wrapper, and any other body is a bare message of which nothing else is known.
    pub(in crate::sources) fn read(headers: &Headers, body: &[u8]) -> Result<Self, NotAdmitted> {
        if headers.iter().any(|(name, _)| [SUBSCRIPTION_HEADER, MESSAGE_ID_HEADER].contains(&name)) {
            return Self::bare(headers, body);
        }
        match scalar::outermost::<Wrapper<'_>>(body) {
            Ok(wrapper) if wrapper.message.is_some() && wrapper.subscription.is_some() => Self::unwrap(&wrapper),
            // Without its metadata a bare message has no attributes either: such headers are not Pub/Sub's.
            Ok(_) | Err(_) => Self::bare(&Headers::default(), body),
        }
    }

    /// The message of a wrapper that must be one.
    pub(in crate::sources) fn wrapped(body: &[u8]) -> Result<Self, NotAdmitted> {
        Self::unwrap(&scalar::outermost(body)?)
    }

    fn unwrap(wrapper: &Wrapper<'_>) -> Result<Self, NotAdmitted> {
        let message: Wrapped<'_> = scalar::object(wrapper.message, "message")?;
        let message_id = text(message.message_id, "message.messageId")?;
        let message_id_snake = text(message.message_id_snake, "message.message_id")?;
        if message_id.is_some() && message_id_snake.is_some() && message_id != message_id_snake {
            return Err(NotAdmitted::Unreadable("message.message_id"));
        }
        let (attributes, content_type) = wrapped_attributes(message.attributes)?;
        let data = scalar::text(message.data, "message.data")?.unwrap_or_default();
        Ok(Self {
            subscription: text(wrapper.subscription, "subscription")?,
            id: message_id.or(message_id_snake),
            // Only a stand-in, so it never costs a message.
            published_at: scalar::instant(message.publish_time.or(message.publish_time_snake), "message.publishTime")
                .unwrap_or_default(),
            attributes,
            content_type,
            data: Personal::new(STANDARD.decode(data).map_err(|_| NotAdmitted::Unreadable("message.data"))?),
        })
    }

    fn bare(headers: &Headers, body: &[u8]) -> Result<Self, NotAdmitted> {
        let text = |name| match (headers.only(name), headers.all(name).next()) {
            (Some(value), _) => std::str::from_utf8(value)
                .map_err(|_| NotAdmitted::Unreadable(name))
                .and_then(|text| bounded(Some(text.to_owned()), name)),
            (None, Some(_)) => Err(NotAdmitted::Unreadable(name)),
            (None, None) => Ok(None),
        };
        Ok(Self {
            subscription: text(SUBSCRIPTION_HEADER)?,
            id: text(MESSAGE_ID_HEADER)?,
            published_at: text(PUBLISH_TIME_HEADER)?
                .and_then(|time| scalar::instant_of(&time, PUBLISH_TIME_HEADER).ok()),
            attributes: Attributes {
                specversion: text("ce-specversion")?,
                id: None,
                source: text("ce-source")?,
                event_type: text("ce-type")?,
                subject: text("ce-subject")?,
                time: text("ce-time")?,
                tenantid: text("ce-tenantid")?,
            },
            content_type: text("content-type").unwrap_or_default(),
            data: Personal::new(body.to_vec()),
        })
    }
}

fn wrapped_attributes(value: Raw<'_>) -> Result<(Attributes, Option<String>), NotAdmitted> {
    if value.is_none() {
        return Ok((Attributes::default(), None));
    }
    let wrapped: WrappedAttributes<'_> = scalar::object(value, "message.attributes")?;
    let attributes = Attributes {
        specversion: text(wrapped.specversion, "ce-specversion")?,
        id: None,
        source: text(wrapped.source, "ce-source")?,
        event_type: text(wrapped.event_type, "ce-type")?,
        subject: text(wrapped.subject, "ce-subject")?,
        time: text(wrapped.time, "ce-time")?,
        tenantid: text(wrapped.tenantid, "ce-tenantid")?,
    };
    Ok((attributes, text(wrapped.content_type, "content-type").unwrap_or_default()))
}

fn text(value: Raw<'_>, field: &'static str) -> Result<Option<String>, NotAdmitted> {
    bounded(scalar::text(value, field)?, field)
}

/// What is kept of the attributes. Publishers leave most of them out, so only what is there must be believable.
pub(super) fn context(attributes: Attributes, published_at: Option<Timestamp>) -> Result<Context, NotAdmitted> {
    if attributes.specversion.is_some_and(|version| version != "1.0") {
        return Err(NotAdmitted::Unreadable("ce-specversion"));
    }
    Ok(Context {
        source: attributes.source,
        event_type: attributes.event_type,
        subject: attributes.subject,
        tenantid: attributes.tenantid,
        time: attributes.time.map(|time| scalar::instant_of(&time, "ce-time")).transpose()?,
        published_at,
    })
}
