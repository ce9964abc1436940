//! The tree that hours hang on: projects and issues. Deleting one is told for the topmost only, so these few ids are all that
//! keeps hours of a deleted project from living on.
//!
//! `None` means that the event does not name what it is about, or does not say enough to be worth keeping; the caller knows
//! whether its sender may do that.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    domain::{event::Malformed, tree::TreeChange},
    sources::scalar::{self, Raw},
};

/// An issue, as far as its place in the tree goes.
#[derive(Deserialize)]
struct Issue<'a> {
    #[serde(rename = "self", borrow, default)]
    self_url: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default)]
    fields: Raw<'a>,
}

/// An issue's fields, of which only one matters.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    project: Raw<'a>,
}

/// A project.
#[derive(Deserialize)]
struct Project<'a> {
    #[serde(rename = "self", borrow, default)]
    self_url: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
}

/// An issue was created or changed: it belongs to its project. `None` unless both ids and the time are there.
pub(in crate::sources) fn issue_seen(
    issue: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<TreeChange>, Malformed> {
    let Some((issue_id, project_id)) = placed(issue, expected_site_host)? else { return Ok(None) };
    let (Some(project_id), Some(at)) = (project_id, source_at) else { return Ok(None) };
    Ok(Some(TreeChange::IssueSeen { issue_id, project_id, at }))
}

/// An issue is gone. `None` without its id.
pub(in crate::sources) fn issue_deleted(
    issue: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<TreeChange>, Malformed> {
    let Some((issue_id, project_id)) = placed(issue, expected_site_host)? else { return Ok(None) };
    let at = source_at.ok_or(Malformed::MissingField("timestamp"))?;
    Ok(Some(TreeChange::IssueDeleted { issue_id, project_id, at }))
}

/// A project is gone, for good or into the bin. `None` without its id.
pub(in crate::sources) fn project_deleted(
    project: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<TreeChange>, Malformed> {
    let Some(project_id) = project_id(project, expected_site_host)? else { return Ok(None) };
    let at = source_at.ok_or(Malformed::MissingField("timestamp"))?;
    Ok(Some(TreeChange::ProjectDeleted { project_id, at }))
}

/// A project came back from the bin. `None` without its id.
pub(in crate::sources) fn project_restored(
    project: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<TreeChange>, Malformed> {
    let Some(project_id) = project_id(project, expected_site_host)? else { return Ok(None) };
    let at = source_at.ok_or(Malformed::MissingField("timestamp"))?;
    Ok(Some(TreeChange::ProjectRestored { project_id, at }))
}

/// The site's own address of an issue, compared with the expected one.
pub(in crate::sources) fn check_issue_site(issue: Raw<'_>, expected_site_host: Option<&str>) -> Result<(), Malformed> {
    if issue.is_none() {
        return Ok(());
    }
    let issue: Issue<'_> = scalar::object(issue, "issue")?;
    scalar::same_site(issue.self_url, expected_site_host, "issue.self")
}

/// The ids of an issue and of its project, where they are told.
fn placed(issue: Raw<'_>, expected_site_host: Option<&str>) -> Result<Option<(String, Option<String>)>, Malformed> {
    if issue.is_none() {
        return Ok(None);
    }
    let issue: Issue<'_> = scalar::object(issue, "issue")?;
    scalar::same_site(issue.self_url, expected_site_host, "issue.self")?;
    let Some(issue_id) = id(issue.id, "issue.id")? else { return Ok(None) };
    let project = if issue.fields.is_some() {
        let fields: Fields<'_> = scalar::object(issue.fields, "issue.fields")?;
        fields.project
    } else {
        None
    };
    let project_id = if project.is_some() {
        let project: Project<'_> = scalar::object(project, "issue.fields.project")?;
        id(project.id, "issue.fields.project.id")?
    } else {
        None
    };
    Ok(Some((issue_id, project_id)))
}

fn project_id(project: Raw<'_>, expected_site_host: Option<&str>) -> Result<Option<String>, Malformed> {
    if project.is_none() {
        return Ok(None);
    }
    let project: Project<'_> = scalar::object(project, "project")?;
    scalar::same_site(project.self_url, expected_site_host, "project.self")?;
    id(project.id, "project.id")
}

fn id(value: Raw<'_>, field: &'static str) -> Result<Option<String>, Malformed> {
    if value.is_none() { Ok(None) } else { scalar::digits(value, field).map(Some) }
}
