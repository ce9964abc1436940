//! `CloudEvents` 1.0 over HTTP (cloudevents/spec, "HTTP Protocol Binding"): binary, structured and batch.
//!
//! Only the attributes that some source reads are kept. An event whose required attributes are missing, or too long to be
//! believed, refuses the whole delivery: half a batch taken would be half a batch lost.

mod handshake;
mod header;
mod structured;

use jiff::Timestamp;

use super::{NotAdmitted, scalar};
use crate::domain::{Personal, delivery::Headers};

pub use handshake::handshake;
pub(super) use structured::{batch, one};

/// The most events in one batch.
pub const BATCH_EVENTS_MAX: usize = 100;
/// The longest attribute that is believed, in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 1024;

/// One event. `source` and `id` together make it the same when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// The event's id, unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Its type.
    pub event_type: String,
    /// What it is about, within its source; may name a person.
    pub subject: Option<Personal<String>>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The Identity Platform tenant that it belongs to.
    pub tenantid: Option<String>,
    /// Its data. `None` when there is none.
    pub data: Option<Personal<Vec<u8>>>,
}

/// The attributes of an event as texts, before they are believed.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) specversion: Option<String>,
    pub(super) id: Option<String>,
    pub(super) source: Option<String>,
    pub(super) event_type: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) time: Option<String>,
    pub(super) tenantid: Option<String>,
}

/// The events of a delivery. The content type decides the mode: `application/cloudevents-batch+json` is a batch,
/// `application/cloudevents+json` one structured event, anything else a binary one with its attributes in `ce-*` headers.
pub fn parse(headers: &Headers, body: &[u8]) -> Result<Vec<CloudEvent>, NotAdmitted> {
    let content_type = match (headers.only("content-type"), headers.all("content-type").next()) {
        (Some(value), _) => std::str::from_utf8(value).map_err(|_| NotAdmitted::Unreadable("content-type"))?,
        (None, Some(_)) => return Err(NotAdmitted::Unreadable("content-type")),
        (None, None) => "",
    };
    match Mode::of(content_type)? {
        Mode::Batch => batch(body),
        Mode::Structured => one(body).map(|event| vec![event]),
        Mode::Binary => {
            let data = (!body.is_empty()).then(|| Personal::new(body.to_vec()));
            header::attributes(headers)?.into_event(data).map(|event| vec![event])
        }
    }
}

/// How a body carries events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Binary,
    Structured,
    Batch,
}

impl Mode {
    /// By the content type. Other formats than JSON are refused, since there is nobody here to read them.
    pub(super) fn of(content_type: &str) -> Result<Self, NotAdmitted> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/cloudevents-batch+json" => Ok(Self::Batch),
            "application/cloudevents+json" => Ok(Self::Structured),
            other if other.starts_with("application/cloudevents") => Err(NotAdmitted::Unreadable("content-type")),
            _ => Ok(Self::Binary),
        }
    }
}

impl Attributes {
    /// The event with these attributes, if they are all there and believable.
    pub(super) fn into_event(self, data: Option<Personal<Vec<u8>>>) -> Result<CloudEvent, NotAdmitted> {
        if self.specversion.as_deref() != Some("1.0") {
            return Err(NotAdmitted::Unreadable("specversion"));
        }
        let required = |value: Option<String>, field| {
            bounded(value, field).and_then(|value| value.ok_or(NotAdmitted::Unreadable(field)))
        };
        Ok(CloudEvent {
            id: required(self.id, "id")?,
            source: required(self.source, "source")?,
            event_type: required(self.event_type, "type")?,
            subject: bounded(self.subject, "subject")?.map(Personal::new),
            time: self.time.map(|text| scalar::instant_of(&text, "time")).transpose()?,
            tenantid: bounded(self.tenantid, "tenantid")?,
            data,
        })
    }
}

/// An attribute is 1 to [`ATTRIBUTE_BYTES_MAX`] bytes and has no control characters (`CloudEvents`, "Type System").
pub(super) fn bounded(value: Option<String>, field: &'static str) -> Result<Option<String>, NotAdmitted> {
    match value {
        Some(text) if text.is_empty() || text.len() > ATTRIBUTE_BYTES_MAX || text.chars().any(char::is_control) => {
            Err(NotAdmitted::Unreadable(field))
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests;
