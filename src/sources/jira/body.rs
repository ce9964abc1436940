//! The shapes of Jira's bodies, as far as we read them. Values stay raw until they are needed, so that an odd value in a
//! field that does not matter never costs an event.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::error::Category;

use super::scalar::{self, Raw};
use crate::domain::event::Malformed;

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
    pub(super) changelog: Raw<'a>,
}

/// A user, without everything that says who it is but the account id.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(rename = "self", borrow, default)]
    pub(super) self_url: Raw<'a>,
    #[serde(rename = "accountId", borrow, default)]
    pub(super) account_id: Raw<'a>,
}

/// A worklog, without its comment.
#[derive(Deserialize)]
pub(super) struct Worklog<'a> {
    #[serde(rename = "self", borrow, default)]
    pub(super) self_url: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) id: Raw<'a>,
    #[serde(rename = "issueId", borrow, default)]
    pub(super) issue_id: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) author: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) updated: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) started: Raw<'a>,
    #[serde(rename = "timeSpentSeconds", borrow, default)]
    pub(super) seconds: Raw<'a>,
}

/// An issue, as far as the legacy event needs it.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    #[serde(rename = "self", borrow, default)]
    pub(super) self_url: Raw<'a>,
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
        let text = std::str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?;
        // `RawValue` skips nested values without recursion, so depth costs no stack here; each object that is read
        // afterwards is parsed under the parser's own bound of 128 levels.
        if text.trim_start().starts_with('[') {
            return Err(Malformed::InvalidField("body"));
        }
        serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => Malformed::InvalidField("body"),
            Category::Io | Category::Syntax | Category::Eof => Malformed::NotJson,
        })
    }

    pub(super) fn event_type(&self) -> Result<String, Malformed> {
        scalar::text(self.event_type, "webhookEvent")?.ok_or(Malformed::MissingField("webhookEvent"))
    }

    /// When it happened by Jira's clock, if the body says so.
    pub(super) fn source_at(&self) -> Result<Option<Timestamp>, Malformed> {
        scalar::epoch_milliseconds(self.timestamp, "timestamp")
    }
}
