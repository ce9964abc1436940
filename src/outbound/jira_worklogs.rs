//! Reading Jira's worklogs again, for hours whose webhook was lost: two feeds of changes, and the worklogs themselves.
//!
//! ```text
//!  changed(Updated, since) ─▶ page of (id, time) ─▶ next page … ─▶ last page: `until` is the next `since`
//!        └ ids ─▶ list ─▶ minimized worklogs │ omitted ids: not proof of a deletion, only changed(Deleted, …) is
//!                    └─▶ too large: to be asked again for fewer
//! ```
//!
//! Source: Jira Cloud REST API, version 3, "Issue worklogs". Promises: an answer never decides where the next call goes (of
//! a link to the next page only its `since` is used, and only if the link is one of this feed); of a worklog only ids,
//! seconds and times are kept, so comments and names are gone before anybody sees them. Both calls are safe to repeat.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::{
    Authorization, BaseAddress, CallFailure,
    call::{Bounded, Call, Payload, array, call, call_within, object, successful},
};
use crate::domain::Personal;

/// The most worklogs that one call lists.
pub const WORKLOGS_PER_LIST_MAX: usize = 1000;
/// The largest answer that is read, in bytes: a thousand worklogs with comments of some length.
pub const WORKLOG_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest single value of a worklog that is kept, in bytes of JSON.
const VALUE_BYTES_MAX: usize = 256;

/// Which changes are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Created or changed worklogs, as far as the credential may see them.
    Updated,
    /// Deleted worklogs.
    Deleted,
}

impl Feed {
    const fn segment(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// One page of a feed, oldest change first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The ids of worklogs, and when each was changed or deleted.
    pub worklogs: Vec<(u64, Timestamp)>,
    /// Up to when this page tells of changes, in milliseconds since 1970; never before the `since` that was asked.
    pub until_ms: i64,
    /// The `since` of the next page, always later than that of this one. `None` on the last page.
    pub next_since_ms: Option<i64>,
}

impl Page {
    /// True when there is no page after this one.
    pub const fn is_last(&self) -> bool {
        self.next_since_ms.is_none()
    }
}

/// Asks a feed for the changes since a time in milliseconds since 1970. The feeds leave out the last minute.
pub async fn changed(
    client: &Client,
    base: &BaseAddress,
    authorization: &Authorization,
    feed: Feed,
    since_ms: i64,
) -> Result<Page, CallFailure> {
    let address = base.below(&["rest", "api", "3", "worklog", feed.segment()]);
    let mut url = address.clone();
    url.query_pairs_mut().append_pair("since", &since_ms.to_string());
    let request = Call {
        method: Method::GET,
        url,
        authorization: Some(authorization),
        payload: Payload::Nothing,
        answer_bytes_max: WORKLOG_ANSWER_BYTES_MAX,
    };
    let answer = successful(call(client, request).await?)?;
    let page: FeedPage = object(&answer.body)?;
    let next_since_ms = match (page.last_page, page.next_page) {
        (true, _) => None,
        (false, None) => return Err(CallFailure::BadAnswer { what: "a page that is not the last names no next one" }),
        (false, Some(link)) => Some(next_since(&link, &address, since_ms)?),
    };
    let worklogs: Option<Vec<_>> = page.values.into_iter().map(Changed::pair).collect();
    let worklogs = worklogs.ok_or(CallFailure::BadAnswer { what: "a time is outside the calendar" })?;
    Ok(Page { worklogs, until_ms: page.until.max(since_ms), next_since_ms })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeedPage {
    values: Vec<Changed>,
    until: i64,
    last_page: bool,
    next_page: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    worklog_id: u64,
    updated_time: i64,
}

impl Changed {
    fn pair(self) -> Option<(u64, Timestamp)> {
        Some((self.worklog_id, Timestamp::from_millisecond(self.updated_time).ok()?))
    }
}

/// Reads `since` from a link to the next page. The link must be one of the same feed at the same place, or somebody could
/// send us and our credential elsewhere; and it must lead onward, or the pages would never end.
fn next_since(link: &str, address: &Url, since_ms: i64) -> Result<i64, CallFailure> {
    let link = Url::parse(link).map_err(|_| CallFailure::BadAnswer { what: "the next page is no address" })?;
    let is_ours = link.origin() == address.origin()
        && link.path() == address.path()
        && link.username().is_empty()
        && link.password().is_none();
    if !is_ours {
        return Err(CallFailure::BadAnswer { what: "the next page is at another place" });
    }
    let mut values = link.query_pairs().filter(|(name, _)| name == "since").map(|(_, value)| value.parse::<i64>());
    match (values.next(), values.next()) {
        (Some(Ok(next)), None) if next > since_ms => Ok(next),
        _ => Err(CallFailure::BadAnswer { what: "the next page does not lead onward" }),
    }
}

/// One worklog, reduced to `id`, `issueId`, `author.accountId`, `timeSpentSeconds`, `started` and `updated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWorklog {
    /// The worklog's id.
    pub worklog_id: u64,
    /// The reduced worklog, in the JSON shape that webhooks carry it in. Values are as sent and not yet checked; one that is
    /// missing, not a scalar or too long is left out.
    pub json: Personal<Vec<u8>>,
}

/// The worklogs that a call has listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Those found, by id, each once.
    pub worklogs: Vec<ListedWorklog>,
    /// The ids that were asked about and not answered: gone, or not to be seen with this credential.
    pub omitted: Vec<u64>,
    /// Entries without a readable id, or with one that was not asked about. Ignored, but somebody should know.
    pub foreign_count: usize,
}

/// What a list was answered with. Comments come with the worklogs and have no bound that we know, so how large an answer
/// is cannot be told before; a server that says much is not one that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// The worklogs.
    Whole(Listed),
    /// More than [`WORKLOG_ANSWER_BYTES_MAX`]. Nothing of it was kept; the same ids in several calls may be answered.
    TooLarge,
}

/// Lists worklogs by id. Fails before calling for more than [`WORKLOGS_PER_LIST_MAX`]; for none there is no call.
pub async fn list(
    client: &Client,
    base: &BaseAddress,
    authorization: &Authorization,
    ids: &[u64],
) -> Result<Listing, CallFailure> {
    #[derive(Serialize)]
    struct WantedWorklogs<'a> {
        ids: &'a BTreeSet<u64>,
    }
    let mut missing: BTreeSet<u64> = ids.iter().copied().collect();
    if missing.is_empty() {
        return Ok(Listing::Whole(Listed::default()));
    }
    if missing.len() > WORKLOGS_PER_LIST_MAX {
        return Err(CallFailure::NotSendable { what: "too many worklogs for one call" });
    }
    let body = serde_json::to_vec(&WantedWorklogs { ids: &missing })
        .map_err(|_| CallFailure::NotSendable { what: "it cannot be written as JSON" })?;
    let request = Call {
        method: Method::POST,
        url: base.below(&["rest", "api", "3", "worklog", "list"]),
        authorization: Some(authorization),
        payload: Payload::Json(body),
        answer_bytes_max: WORKLOG_ANSWER_BYTES_MAX,
    };
    let answer = match call_within(client, request).await? {
        Bounded::Within(answer) => successful(answer)?,
        Bounded::TooLarge => return Ok(Listing::TooLarge),
    };
    let (mut found, mut foreign_count) = (BTreeMap::new(), 0);
    for entry in array::<&RawValue>(&answer.body)? {
        match reduced(entry) {
            Some(worklog) if missing.remove(&worklog.worklog_id) => drop(found.insert(worklog.worklog_id, worklog)),
            _ => foreign_count += 1,
        }
    }
    let (worklogs, omitted) = (found.into_values().collect(), missing.into_iter().collect());
    Ok(Listing::Whole(Listed { worklogs, omitted, foreign_count }))
}

type Raw<'a> = Option<&'a RawValue>;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Worklog<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    issue_id: Raw<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    author: Option<Author<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    time_spent_seconds: Raw<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    started: Raw<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    updated: Raw<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Author<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    account_id: Raw<'a>,
}

/// Keeps what is needed of one worklog. `None` without an id.
fn reduced(entry: &RawValue) -> Option<ListedWorklog> {
    if !entry.get().starts_with('{') {
        return None;
    }
    let mut worklog: Worklog<'_> = serde_json::from_str(entry.get()).ok()?;
    let worklog_id = worklog.id?.get().trim_matches('"').parse().ok()?;
    worklog.issue_id = worklog.issue_id.filter(is_small_scalar);
    worklog.time_spent_seconds = worklog.time_spent_seconds.filter(is_small_scalar);
    worklog.started = worklog.started.filter(is_small_scalar);
    worklog.updated = worklog.updated.filter(is_small_scalar);
    if let Some(author) = &mut worklog.author {
        author.account_id = author.account_id.filter(is_small_scalar);
    }
    Some(ListedWorklog { worklog_id, json: Personal::new(serde_json::to_vec(&worklog).ok()?) })
}

/// True for text and numbers within the bound: anything nested could carry what was to be left out.
fn is_small_scalar(value: &&RawValue) -> bool {
    let json = value.get();
    json.len() <= VALUE_BYTES_MAX && !json.starts_with(['{', '['])
}

#[cfg(test)]
mod tests;
