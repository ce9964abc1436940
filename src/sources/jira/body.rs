//! The shapes of Jira's bodies, as far as we read them. Values stay raw until they are needed, so that an odd value in a
//! field that does not matter never costs an event.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    domain::event::Malformed,
    sources::scalar::{self, Raw},
};

/// The outermost object.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "webhookEvent", borrow, default)]
    event_type: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) timestamp: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) issue_event_type_name: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) user: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) worklog: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) issue: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) project: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) changelog: Raw<'a>,
}

/// The change list of the legacy event.
#[derive(Deserialize)]
pub(super) struct Changelog<'a> {
    #[serde(borrow, default)]
    pub(super) items: Vec<ChangelogItem<'a>>,
}

/// One change.
#[derive(Deserialize)]
pub(super) struct ChangelogItem<'a> {
    #[serde(borrow, default)]
    pub(super) field: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) from: Raw<'a>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        scalar::outermost(body)
    }

    pub(super) fn event_type(&self) -> Result<String, Malformed> {
        scalar::text(self.event_type, "webhookEvent")?.ok_or(Malformed::MissingField("webhookEvent"))
    }

    /// When it happened by Jira's clock, if the body says so.
    pub(super) fn source_at(&self) -> Result<Option<Timestamp>, Malformed> {
        scalar::epoch_milliseconds(self.timestamp, "timestamp")
    }
}
