//! What Jira's webhooks and Forge's events have in common: accounts, worklogs and the tree of issues, in the same shapes.

pub(super) mod tree;
pub(super) mod worklog;

use jiff::Timestamp;
use serde::Deserialize;

use super::scalar::{self, Raw};
use crate::domain::{
    IdentityKind, Issuer, Personal,
    event::{IgnoreReason, LifecycleEvent, Malformed, NamedIdentity, PersonSignal},
    identity::{ATLASSIAN_PLACEHOLDER_ACCOUNT_ID, is_atlassian_account_id},
    profile::{Profile, ProfileAttribute},
};

/// A user, without everything that the product has no copy of.
#[derive(Deserialize)]
struct User<'a> {
    #[serde(rename = "self", borrow, default)]
    self_url: Raw<'a>,
    #[serde(rename = "accountId", borrow, default)]
    account_id: Raw<'a>,
    #[serde(rename = "displayName", borrow, default)]
    display_name: Raw<'a>,
    #[serde(borrow, default)]
    active: Raw<'a>,
}

impl User<'_> {
    /// What else is said of the account. A webhook never carries an e-mail address; an odd value was not said.
    fn profile(&self) -> Profile {
        let mut profile = Profile { is_active: scalar::lenient_flag(self.active), ..Profile::default() };
        if let Ok(Some(name)) = scalar::text(self.display_name, "user.displayName") {
            profile.say(ProfileAttribute::DisplayName, &name);
        }
        profile
    }
}

/// A signal about the account of `user`. The placeholder account is nobody.
pub(super) fn person(
    signal: PersonSignal,
    user: Raw<'_>,
    expected_site_host: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<LifecycleEvent, Malformed> {
    let user: User<'_> = scalar::object(user, "user")?;
    let profile = user.profile();
    scalar::same_site(user.self_url, expected_site_host, "user.self")?;
    let Some(account_id) = account_id(user.account_id, "user.accountId")? else {
        return Ok(LifecycleEvent::Irrelevant(IgnoreReason::PlaceholderAccount));
    };
    let identity =
        NamedIdentity { kind: IdentityKind::AtlassianAccountId, issuer: Issuer::Universal, value: account_id };
    Ok(LifecycleEvent::Person { signal, identity, source_at, profile })
}

/// The account id, or `None` for Atlassian's placeholder.
fn account_id(value: Raw<'_>, field: &'static str) -> Result<Option<Personal<String>>, Malformed> {
    let text = scalar::text(value, field)?.ok_or(Malformed::MissingField(field))?;
    if text == ATLASSIAN_PLACEHOLDER_ACCOUNT_ID {
        return Ok(None);
    }
    if !is_atlassian_account_id(&text) {
        return Err(Malformed::InvalidField(field));
    }
    Ok(Some(Personal::new(text)))
}
