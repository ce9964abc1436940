//! Hours, as a worklog object tells them.

use jiff::Timestamp;
use serde::Deserialize;

use super::{User, account_id};
use crate::{
    domain::{
        event::{IgnoreReason, LifecycleEvent, Malformed},
        worklog::{WORKLOG_SECONDS_MAX, WorklogChange, WorklogEntry},
    },
    sources::scalar::{self, Raw},
};

/// A worklog, without its comment.
#[derive(Deserialize)]
struct Worklog<'a> {
    #[serde(rename = "self", borrow, default)]
    self_url: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(rename = "issueId", borrow, default)]
    issue_id: Raw<'a>,
    #[serde(borrow, default)]
    author: Raw<'a>,
    #[serde(borrow, default)]
    updated: Raw<'a>,
    #[serde(borrow, default)]
    started: Raw<'a>,
    #[serde(rename = "timeSpentSeconds", borrow, default)]
    seconds: Raw<'a>,
}

/// Created or updated: the worklog exists with these values. They are one thing, because either may arrive first; `updated`
/// decides.
pub(in crate::sources) fn logged(
    worklog: Raw<'_>,
    expected_site_host: Option<&str>,
) -> Result<LifecycleEvent, Malformed> {
    let worklog = own(worklog, expected_site_host)?;
    let author: User<'_> = scalar::object(worklog.author, "worklog.author")?;
    let Some(author_account_id) = account_id(author.account_id, "worklog.author.accountId")? else {
        return Ok(LifecycleEvent::Irrelevant(IgnoreReason::PlaceholderAccount));
    };
    let (_, work_day) = scalar::zoned(worklog.started, "worklog.started")?;
    let (updated_at, _) = scalar::zoned(worklog.updated, "worklog.updated")?;
    Ok(LifecycleEvent::Worklog(WorklogChange::Logged(WorklogEntry {
        worklog_id: scalar::digits(worklog.id, "worklog.id")?,
        issue_id: scalar::digits(worklog.issue_id, "worklog.issueId")?,
        author_account_id,
        seconds: scalar::bounded(worklog.seconds, WORKLOG_SECONDS_MAX, "worklog.timeSpentSeconds")?,
        work_day,
        updated_at,
    })))
}

/// Deleted: only the id counts. Where the event has no time of its own the worklog's last change stands in for it, since a
/// removal outranks every version anyway and must not be lost for want of a time.
pub(in crate::sources) fn removed(
    worklog: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<LifecycleEvent, Malformed> {
    let worklog = own(worklog, expected_site_host)?;
    let worklog_id = scalar::digits(worklog.id, "worklog.id")?;
    let removed_at = match (source_at, worklog.updated) {
        (Some(at), _) => at,
        (None, Some(_)) => scalar::zoned(worklog.updated, "worklog.updated")?.0,
        (None, None) => return Err(Malformed::MissingField("timestamp")),
    };
    Ok(removal(worklog_id, removed_at))
}

/// The removal of a worklog.
pub(in crate::sources) const fn removal(worklog_id: String, removed_at: Timestamp) -> LifecycleEvent {
    LifecycleEvent::Worklog(WorklogChange::Removed { worklog_id, removed_at })
}

fn own<'a>(worklog: Raw<'a>, expected_site_host: Option<&str>) -> Result<Worklog<'a>, Malformed> {
    let worklog: Worklog<'a> = scalar::object(worklog, "worklog")?;
    scalar::same_site(worklog.self_url, expected_site_host, "worklog.self")?;
    Ok(worklog)
}
