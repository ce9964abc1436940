//! An event and its attributes, before and after they are believed.

use jiff::Timestamp;

use crate::domain::Personal;
use crate::sources::{NotAdmitted, scalar};

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
pub(in crate::sources) struct Attributes {
    pub(in crate::sources) specversion: Option<String>,
    pub(in crate::sources) id: Option<String>,
    pub(in crate::sources) source: Option<String>,
    pub(in crate::sources) event_type: Option<String>,
    pub(in crate::sources) subject: Option<String>,
    pub(in crate::sources) time: Option<String>,
    pub(in crate::sources) tenantid: Option<String>,
}

impl Attributes {
    /// The event with these attributes, if they are all there and believable.
    pub(in crate::sources) fn into_event(self, data: Option<Personal<Vec<u8>>>) -> Result<CloudEvent, NotAdmitted> {
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
pub(in crate::sources) fn bounded(value: Option<String>, field: &'static str) -> Result<Option<String>, NotAdmitted> {
    match value {
        Some(text) if text.is_empty() || text.len() > ATTRIBUTE_BYTES_MAX || text.chars().any(char::is_control) => {
            Err(NotAdmitted::Unreadable(field))
        }
        value => Ok(value),
    }
}
