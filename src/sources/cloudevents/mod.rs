//! `CloudEvents` 1.0 over HTTP (cloudevents/spec, "HTTP Protocol Binding"): binary, structured and batch.
//!
//! Only the attributes that some source reads are kept. An event whose required attributes are missing, or too long to be
//! believed, refuses the whole delivery: half a batch taken would be half a batch lost.

mod attributes;
mod handshake;
mod header;
mod structured;

use super::NotAdmitted;
use crate::domain::{Personal, delivery::Headers};
pub(super) use attributes::{Attributes, bounded};
pub use attributes::{BATCH_EVENTS_MAX, CloudEvent};
pub use handshake::handshake;
pub(super) use structured::{batch, one};

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

#[cfg(test)]
mod tests;
