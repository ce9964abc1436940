//! Jira Cloud webhooks registered by an admin with a secret (Atlassian, "Jira Cloud platform: webhooks").
//!
//! The tenant is never read from the body: it belongs to the registration, and the body's own addresses are only compared
//! with it. `user_deleted` means that the account left the site; the Atlassian account itself may live on.

mod body;
mod delivery;
mod scalar;
mod worklog;

pub use delivery::{
    DELIVERY_IDENTIFIER_BYTES_MAX, body_timestamp, delivery_identifier, reply_status, within_replay_window,
};

use crate::domain::{
    IdentityKind, Personal,
    event::{IgnoreReason, LifecycleEvent, Malformed, NamedIdentity, PersonSignal},
    identity::{ATLASSIAN_PLACEHOLDER_ACCOUNT_ID, is_atlassian_account_id},
};

use body::{Envelope, User};

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
    match event_type.as_str() {
        "user_created" => person(PersonSignal::UserCreated, &envelope, expected_site_host),
        "user_updated" => person(PersonSignal::UserUpdated, &envelope, expected_site_host),
        "user_deleted" => person(PersonSignal::UserDeleted, &envelope, expected_site_host),
        "worklog_created" | "worklog_updated" => worklog::logged(&envelope, expected_site_host),
        "worklog_deleted" => worklog::removed(&envelope, expected_site_host),
        "jira:worklog_updated" => worklog::legacy(&envelope, expected_site_host),
        known if is_known(known) => Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal)),
        _ => Ok(LifecycleEvent::Irrelevant(IgnoreReason::UnknownType)),
    }
}

fn person(
    signal: PersonSignal,
    envelope: &Envelope<'_>,
    expected_site_host: Option<&str>,
) -> Result<LifecycleEvent, Malformed> {
    let user: User<'_> = scalar::object(envelope.user, "user")?;
    scalar::same_site(user.self_url, expected_site_host, "user.self")?;
    let Some(account_id) = account_id(user.account_id, "user.accountId")? else {
        return Ok(LifecycleEvent::Irrelevant(IgnoreReason::PlaceholderAccount));
    };
    let identity = NamedIdentity { kind: IdentityKind::AtlassianAccountId, issuer: String::new(), value: account_id };
    Ok(LifecycleEvent::Person { signal, identity, source_at: envelope.source_at()? })
}

/// The account id, or `None` for Atlassian's placeholder.
fn account_id(value: scalar::Raw<'_>, field: &'static str) -> Result<Option<Personal<String>>, Malformed> {
    let text = scalar::text(value, field)?.ok_or(Malformed::MissingField(field))?;
    if text == ATLASSIAN_PLACEHOLDER_ACCOUNT_ID {
        return Ok(None);
    }
    if !is_atlassian_account_id(&text) {
        return Err(Malformed::InvalidField(field));
    }
    Ok(Some(Personal::new(text)))
}

fn is_known(event_type: &str) -> bool {
    KNOWN_TYPES.contains(&event_type) || KNOWN_PREFIXES.iter().any(|prefix| event_type.starts_with(prefix))
}

#[cfg(test)]
mod tests;
