//! The legacy event of hours, `jira:worklog_updated`.

use super::body::{Changelog, Envelope};
use crate::{
    domain::event::{IgnoreReason, LifecycleEvent, Malformed},
    sources::{
        atlassian::{tree, worklog},
        scalar,
    },
};

const LEGACY_ID: &str = "changelog.items[WorklogId].from";

/// `issue_event_type_name` tells what happened. The event carries the issue and a change list but usually no worklog, so a
/// removal is read from the change list; a creation or an update without values says nothing that a `worklog_*` event does
/// not say better.
pub(super) fn legacy(envelope: &Envelope<'_>, expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let field = "issue_event_type_name";
    let what = scalar::text(envelope.issue_event_type_name, field)?.ok_or(Malformed::MissingField(field))?;
    match (what.as_str(), envelope.worklog.is_some()) {
        ("issue_worklog_created" | "issue_worklog_updated", true) => {
            worklog::logged(envelope.worklog, expected_site_host)
        }
        ("issue_worklog_deleted", true) => {
            worklog::removed(envelope.worklog, expected_site_host, envelope.source_at()?)
        }
        ("issue_worklog_deleted", false) => removed_by_change_list(envelope, expected_site_host),
        _ => Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal)),
    }
}

fn removed_by_change_list(
    envelope: &Envelope<'_>,
    expected_site_host: Option<&str>,
) -> Result<LifecycleEvent, Malformed> {
    tree::check_issue_site(envelope.issue, expected_site_host)?;
    let changelog: Changelog<'_> = scalar::object(envelope.changelog, "changelog")?;
    let item = changelog.items.iter().find(|item| {
        scalar::text(item.field, "changelog.items.field").is_ok_and(|field| field.as_deref() == Some("WorklogId"))
    });
    let worklog_id = scalar::digits(item.and_then(|item| item.from), LEGACY_ID)?;
    let removed_at = envelope.source_at()?.ok_or(Malformed::MissingField("timestamp"))?;
    Ok(worklog::removal(worklog_id, removed_at))
}
