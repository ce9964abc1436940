//! Jira Cloud webhooks registered by an admin with a secret (Atlassian, "Jira Cloud platform: webhooks").
//!
//! The tenant is never read from the body: it belongs to the registration, and the body's own addresses are only compared
//! with it. `user_deleted` means that the account left the site; the Atlassian account itself may live on.

mod body;
pub mod contract;
mod delivery;
mod worklog;

pub use delivery::{DELIVERY_IDENTIFIER_BYTES_MAX, body_timestamp, delivery_identifier, within_replay_window};

use super::atlassian::{self, tree, worklog as hours};
use crate::domain::{
    event::{IgnoreReason, LifecycleEvent, Malformed, PersonSignal},
    tree::TreeChange,
};

use body::Envelope;

/// Types that Jira documents and that carry no signal for this product, by name or by prefix.
const KNOWN_TYPES: &[&str] = &["jira_expression_evaluation_failed"];
const KNOWN_PREFIXES: &[&str] = &[
    "jira:issue_",
    "jira:version_",
    "comment_",
    "attachment_",
    "issuelink_",
    "issue_property_",
    "issuetype_",
    "project_",
    "filter_",
    "option_",
    "sprint_",
    "board_",
    "app_access_to_objects_",
];

/// What a verified body says. `expected_site_host` is the host that the source is registered for (`example.atlassian.net`);
/// `None` leaves the body's addresses unchecked. Interpreting the same bytes again gives the same result.
///
/// A repeated field is refused: two readers could believe different ones.
pub fn interpret(body: &[u8], expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let envelope = Envelope::parse(body)?;
    let event_type = envelope.event_type()?;
    let person = |signal| atlassian::person(signal, envelope.user, expected_site_host, envelope.source_at()?);
    match event_type.as_str() {
        "user_created" => person(PersonSignal::UserCreated),
        "user_updated" => person(PersonSignal::UserUpdated),
        "user_deleted" => person(PersonSignal::UserDeleted),
        "worklog_created" | "worklog_updated" => hours::logged(envelope.worklog, expected_site_host),
        "worklog_deleted" => hours::removed(envelope.worklog, expected_site_host, envelope.source_at()?),
        "jira:worklog_updated" => worklog::legacy(&envelope, expected_site_host),
        known => match changed_tree(known, &envelope, expected_site_host)? {
            Some(change) => Ok(LifecycleEvent::Tree(change)),
            None if is_known(known) => Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal)),
            None => Ok(LifecycleEvent::Irrelevant(IgnoreReason::UnknownType)),
        },
    }
}

/// What happened to the tree. `None` for another type, and for a body that does not name the issue or project: an
/// administrator may exclude it from the delivery.
fn changed_tree(
    event_type: &str,
    envelope: &Envelope<'_>,
    expected_site_host: Option<&str>,
) -> Result<Option<TreeChange>, Malformed> {
    match event_type {
        "jira:issue_created" | "jira:issue_updated" => {
            tree::issue_seen(envelope.issue, expected_site_host, envelope.source_at()?)
        }
        "jira:issue_deleted" => tree::issue_deleted(envelope.issue, expected_site_host, envelope.source_at()?),
        "project_deleted" | "project_soft_deleted" => {
            tree::project_deleted(envelope.project, expected_site_host, envelope.source_at()?)
        }
        "project_restored_deleted" => {
            tree::project_restored(envelope.project, expected_site_host, envelope.source_at()?)
        }
        _ => Ok(None),
    }
}

fn is_known(event_type: &str) -> bool {
    KNOWN_TYPES.contains(&event_type) || KNOWN_PREFIXES.iter().any(|prefix| event_type.starts_with(prefix))
}

#[cfg(test)]
mod tests;
