//! What is kept of an event's envelope when its data is stored as the body.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::said::Said;
use crate::{
    domain::{Personal, event::Malformed},
    sources::{
        cloudevents::CloudEvent,
        scalar::{self, Raw},
    },
};

/// Attributes of a `CloudEvent`, or of a message that was published with some of them.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::sources) struct Context {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) source: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) event_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) tenantid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) time: Option<Timestamp>,
    /// When the message was published. It stands in for the time of an event that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sources) published_at: Option<Timestamp>,
}

impl Context {
    /// The attributes of an event.
    pub(in crate::sources) fn of(event: &CloudEvent) -> Self {
        Self {
            source: Some(event.source.clone()),
            event_type: Some(event.event_type.clone()),
            subject: event.subject.as_ref().map(|subject| subject.expose_for("interpretation").clone()),
            tenantid: event.tenantid.clone(),
            time: event.time,
            published_at: None,
        }
    }

    /// As it is stored beside the body.
    pub(in crate::sources) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and times are JSON")
    }

    /// From what was stored. Nothing stored is no attributes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|_| Malformed::InvalidField("delivery.context"))
    }

    /// What these attributes and the data say together.
    pub(super) fn said(self, data: &[u8]) -> Result<Said<'_>, Malformed> {
        Ok(Said {
            event_type: self.event_type.ok_or(Malformed::MissingField("type"))?,
            resource: self.source,
            subject: self.subject.map(Personal::new),
            tenant: self.tenantid,
            at: self.time.or(self.published_at),
            accounts: [account(data)?, None],
        })
    }
}

/// No data at all is no account; the subject may still name one.
fn account(data: &[u8]) -> Result<Raw<'_>, Malformed> {
    if data.is_empty() { Ok(None) } else { scalar::outermost(data) }
}
