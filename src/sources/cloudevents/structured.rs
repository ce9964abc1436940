//! Events that are JSON objects, alone or in a batch.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::attributes::{Attributes, BATCH_EVENTS_MAX, CloudEvent};
use crate::{
    domain::Personal,
    sources::{
        NotAdmitted,
        scalar::{self, Raw},
    },
};

/// A structured event; extensions that nobody reads are left out.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    specversion: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default)]
    source: Raw<'a>,
    #[serde(rename = "type", borrow, default)]
    event_type: Raw<'a>,
    #[serde(borrow, default)]
    subject: Raw<'a>,
    #[serde(borrow, default)]
    time: Raw<'a>,
    #[serde(borrow, default)]
    tenantid: Raw<'a>,
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    data_base64: Raw<'a>,
}

/// One structured event.
pub(in crate::sources) fn one(body: &[u8]) -> Result<CloudEvent, NotAdmitted> {
    scalar::outermost::<Envelope<'_>>(body)?.into_event()
}

/// The events of a batch, at most [`BATCH_EVENTS_MAX`]. An empty batch has none.
pub(in crate::sources) fn batch(body: &[u8]) -> Result<Vec<CloudEvent>, NotAdmitted> {
    let text = std::str::from_utf8(body).map_err(|_| NotAdmitted::Unreadable("body_not_utf8"))?;
    let Members(members) = serde_json::from_str(text).map_err(|_| NotAdmitted::Unreadable("body_not_a_batch"))?;
    if members.len() > BATCH_EVENTS_MAX {
        return Err(NotAdmitted::TooMany);
    }
    members.into_iter().map(|raw| scalar::object::<Envelope<'_>>(Some(raw), "event")?.into_event()).collect()
}

impl Envelope<'_> {
    fn into_event(self) -> Result<CloudEvent, NotAdmitted> {
        let attributes = Attributes {
            specversion: scalar::text(self.specversion, "specversion")?,
            id: scalar::text(self.id, "id")?,
            source: scalar::text(self.source, "source")?,
            event_type: scalar::text(self.event_type, "type")?,
            subject: scalar::text(self.subject, "subject")?,
            time: scalar::text(self.time, "time")?,
            tenantid: scalar::text(self.tenantid, "tenantid")?,
        };
        let data = match (self.data, self.data_base64) {
            (Some(_), Some(_)) => return Err(NotAdmitted::Unreadable("data_base64")),
            (Some(json), None) => Some(json.get().as_bytes().to_vec()),
            (None, Some(_)) => Some(decoded(self.data_base64)?),
            (None, None) => None,
        };
        attributes.into_event(data.map(Personal::new))
    }
}

fn decoded(value: Raw<'_>) -> Result<Vec<u8>, NotAdmitted> {
    let text = scalar::text(value, "data_base64")?.unwrap_or_default();
    STANDARD.decode(text).map_err(|_| NotAdmitted::Unreadable("data_base64"))
}

/// The members of an array: those that are believed and one more, so that a long array costs no memory.
struct Members<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::new();
                while kept.len() <= BATCH_EVENTS_MAX {
                    match members.next_element()? {
                        Some(member) => kept.push(member),
                        None => return Ok(Members(kept)),
                    }
                }
                while members.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Members(kept))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}
