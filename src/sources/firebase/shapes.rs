//! Events that are one JSON object, with everything in it.

use jiff::Timestamp;
use serde::Deserialize;

use super::said::Said;
use crate::{
    domain::{Personal, event::Malformed},
    sources::scalar::{self, Raw},
};

/// The outermost object of all these shapes.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    specversion: Raw<'a>,
    #[serde(rename = "type", borrow, default)]
    cloud_type: Raw<'a>,
    #[serde(borrow, default)]
    source: Raw<'a>,
    #[serde(borrow, default)]
    subject: Raw<'a>,
    #[serde(borrow, default)]
    time: Raw<'a>,
    #[serde(borrow, default)]
    tenantid: Raw<'a>,
    #[serde(borrow, default)]
    context: Raw<'a>,
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    user: Raw<'a>,
    #[serde(rename = "eventType", borrow, default)]
    event_type: Raw<'a>,
    #[serde(borrow, default)]
    resource: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
}

/// The context of a background function, in `context` or at the top.
#[derive(Deserialize)]
struct Background<'a> {
    #[serde(rename = "eventType", borrow, default)]
    event_type: Raw<'a>,
    #[serde(borrow, default)]
    resource: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
}

/// A resource in its longer form.
#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    name: Raw<'a>,
}

/// What a body says. `published_at` stands in for the time of an event that has none of its own.
pub(super) fn said(body: &[u8], published_at: Option<Timestamp>) -> Result<Said<'_>, Malformed> {
    let envelope: Envelope<'_> = scalar::outermost(body)?;
    let accounts = [envelope.data, envelope.user];
    let mut said = if envelope.specversion.is_some() {
        cloud_event(&envelope, accounts)?
    } else if envelope.event_type.is_none() && envelope.context.is_some() {
        background(&scalar::object(envelope.context, "context")?, accounts)?
    } else {
        let Envelope { event_type, resource, timestamp, .. } = envelope;
        background(&Background { event_type, resource, timestamp }, accounts)?
    };
    said.at = said.at.or(published_at);
    Ok(said)
}

fn cloud_event<'a>(envelope: &Envelope<'a>, accounts: [Raw<'a>; 2]) -> Result<Said<'a>, Malformed> {
    if scalar::text(envelope.specversion, "specversion")?.as_deref() != Some("1.0") {
        return Err(Malformed::InvalidField("specversion"));
    }
    Ok(Said {
        event_type: scalar::text(envelope.cloud_type, "type")?.ok_or(Malformed::MissingField("type"))?,
        resource: Some(scalar::text(envelope.source, "source")?.ok_or(Malformed::MissingField("source"))?),
        subject: scalar::text(envelope.subject, "subject")?.map(Personal::new),
        tenant: scalar::text(envelope.tenantid, "tenantid")?,
        at: scalar::instant(envelope.time, "time")?,
        accounts,
    })
}

fn background<'a>(context: &Background<'a>, accounts: [Raw<'a>; 2]) -> Result<Said<'a>, Malformed> {
    let event_type = scalar::text(context.event_type, "eventType")?.ok_or(Malformed::MissingField("eventType"))?;
    let name = if scalar::is_object(context.resource) {
        scalar::object::<Resource<'_>>(context.resource, "resource")?.name
    } else {
        context.resource
    };
    Ok(Said {
        event_type,
        resource: Some(scalar::text(name, "resource")?.ok_or(Malformed::MissingField("resource"))?),
        subject: None,
        tenant: None,
        at: scalar::instant(context.timestamp, "timestamp")?,
        accounts,
    })
}
