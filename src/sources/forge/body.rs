//! The shapes of Forge's bodies, as far as we read them. An event stands at the top level or, as another page of the
//! documentation shows it, in `payload`; `retryContext` beside it says nothing about the event.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    domain::event::Malformed,
    sources::scalar::{self, Raw},
};

/// An event, or what calls us without one.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "eventType", borrow, default)]
    product_type: Raw<'a>,
    #[serde(rename = "specversion", borrow, default)]
    cloud_version: Raw<'a>,
    #[serde(rename = "type", borrow, default)]
    cloud_type: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
    #[serde(rename = "eventCreatedDate", borrow, default)]
    created: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) user: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) worklog: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) issue: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) project: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) context: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) id: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) app: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) environment: Raw<'a>,
    #[serde(rename = "installerAccountId", borrow, default)]
    pub(super) installer: Raw<'a>,
    #[serde(rename = "upgraderAccountId", borrow, default)]
    pub(super) upgrader: Raw<'a>,
    #[serde(borrow, default)]
    payload: Raw<'a>,
}

/// A part that is named by an id (`app`, `environment`).
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    pub(super) id: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) version: Raw<'a>,
}

/// The context of a call that carries no event.
#[derive(Deserialize)]
pub(super) struct CallContext<'a> {
    #[serde(rename = "cloudId", borrow, default)]
    pub(super) cloud_id: Raw<'a>,
}

/// A body: its event, and the context that stood beside the event's wrapper.
pub(super) struct Body<'a> {
    pub(super) event: Event<'a>,
    pub(super) outer_context: Raw<'a>,
}

impl<'a> Body<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let outer: Event<'a> = scalar::outermost(body)?;
        if outer.product_type.is_none() && scalar::is_object(outer.payload) {
            return Ok(Self { event: scalar::object(outer.payload, "payload")?, outer_context: outer.context });
        }
        Ok(Self { event: outer, outer_context: None })
    }
}

impl Event<'_> {
    /// The type, in either of the two envelopes. `None` for a call that carries no event.
    pub(super) fn event_type(&self) -> Result<Option<String>, Malformed> {
        if self.product_type.is_none() && self.cloud_version.is_some() {
            return scalar::text(self.cloud_type, "type");
        }
        scalar::text(self.product_type, "eventType")
    }

    /// When it happened by the product's clock, if the body says so.
    pub(super) fn source_at(&self) -> Result<Option<Timestamp>, Malformed> {
        match scalar::epoch_milliseconds(self.timestamp, "timestamp")? {
            Some(at) => Ok(Some(at)),
            None => scalar::instant(self.created, "eventCreatedDate"),
        }
    }
}
