//! Hours: the events `worklog_*` and their legacy form `jira:worklog_updated`.

use jiff::Timestamp;

use super::{
    account_id,
    body::{Changelog, Envelope, Issue, User, Worklog},
    scalar,
};
use crate::domain::{
    event::{IgnoreReason, LifecycleEvent, Malformed},
    worklog::{WORKLOG_SECONDS_MAX, WorklogChange, WorklogEntry},
};

const LEGACY_ID: &str = "changelog.items[WorklogId].from";

/// `worklog_created` and `worklog_updated`: the worklog exists with these values. They are one thing, because either may
/// arrive first; `updated` decides.
pub(super) fn logged(envelope: &Envelope<'_>, expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let worklog = own_worklog(envelope, expected_site_host)?;
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

/// `worklog_deleted`: only the id counts. Where the body has no time of its own the worklog's last change stands in for it,
/// since a removal outranks every version anyway and must not be lost for want of a time.
pub(super) fn removed(envelope: &Envelope<'_>, expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let worklog = own_worklog(envelope, expected_site_host)?;
    let worklog_id = scalar::digits(worklog.id, "worklog.id")?;
    let removed_at = match (envelope.source_at()?, worklog.updated) {
        (Some(at), _) => at,
        (None, Some(_)) => scalar::zoned(worklog.updated, "worklog.updated")?.0,
        (None, None) => return Err(Malformed::MissingField("timestamp")),
    };
    Ok(removal(worklog_id, removed_at))
}

/// The legacy event: `issue_event_type_name` tells what happened. It carries the issue and a change list but usually no
/// worklog, so a removal is read from the change list; a creation or an update without values says nothing that a
/// `worklog_*` event does not say better.
pub(super) fn legacy(envelope: &Envelope<'_>, expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let field = "issue_event_type_name";
    let what = scalar::text(envelope.issue_event_type_name, field)?.ok_or(Malformed::MissingField(field))?;
    match (what.as_str(), envelope.worklog.is_some()) {
        ("issue_worklog_created" | "issue_worklog_updated", true) => logged(envelope, expected_site_host),
        ("issue_worklog_deleted", true) => removed(envelope, expected_site_host),
        ("issue_worklog_deleted", false) => removed_by_change_list(envelope, expected_site_host),
        _ => Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal)),
    }
}

fn removed_by_change_list(
    envelope: &Envelope<'_>,
    expected_site_host: Option<&str>,
) -> Result<LifecycleEvent, Malformed> {
    if envelope.issue.is_some() {
        let issue: Issue<'_> = scalar::object(envelope.issue, "issue")?;
        scalar::same_site(issue.self_url, expected_site_host, "issue.self")?;
    }
    let changelog: Changelog<'_> = scalar::object(envelope.changelog, "changelog")?;
    let item = changelog.items.iter().find(|item| {
        scalar::text(item.field, "changelog.items.field").is_ok_and(|field| field.as_deref() == Some("WorklogId"))
    });
    let worklog_id = scalar::digits(item.and_then(|item| item.from), LEGACY_ID)?;
    let removed_at = envelope.source_at()?.ok_or(Malformed::MissingField("timestamp"))?;
    Ok(removal(worklog_id, removed_at))
}

fn own_worklog<'a>(envelope: &Envelope<'a>, expected_site_host: Option<&str>) -> Result<Worklog<'a>, Malformed> {
    let worklog: Worklog<'a> = scalar::object(envelope.worklog, "worklog")?;
    scalar::same_site(worklog.self_url, expected_site_host, "worklog.self")?;
    Ok(worklog)
}

const fn removal(worklog_id: String, removed_at: Timestamp) -> LifecycleEvent {
    LifecycleEvent::Worklog(WorklogChange::Removed { worklog_id, removed_at })
}
