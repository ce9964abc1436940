//! A source as it is registered and as it is looked up, and what operators read of it.

use crate::store::source::SourceRow;
use jiff::SignedDuration;

use crate::{
    app::ground::{Ground, error::Error},
    domain::{SourceId, TenantId},
    signature::SecretBytes,
    sources::SourceSettings,
    store::{
        self, TenantTx,
        source::{CredentialDates, HolderRow, NamedSource},
    },
};

/// The longest name that a source can have, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// A source with its secrets opened.
pub struct LoadedSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose deliveries it brings; [`TenantId::PLATFORM`] when a delivery says that itself.
    pub tenant_id: TenantId,
    /// What its kind has to know.
    pub settings: SourceSettings,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window: Option<SignedDuration>,
    /// Current secret first.
    pub secrets: Vec<SecretBytes>,
}

/// Whose credentials are asked for: a source's own, or those of one installation within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) struct CredentialKey<'a> {
    /// The source's name.
    pub(in crate::app) name: &'a str,
    /// The installation; empty for the source itself.
    pub(in crate::app) holder: &'a str,
}

impl CredentialKey<'_> {
    /// No name and no installation has this byte.
    pub(super) fn cache_key(&self) -> String {
        format!("{}\0{}", self.name, self.holder)
    }
}

/// A source to be registered.
pub struct Registration<'a> {
    /// Last part of its route: lower-case letters, digits and hyphens, at most 63.
    pub name: &'a str,
    /// The key the product database knows the tenant by (Milestone: the cloudId). `None` for a source that several tenants share.
    pub tenant_key: Option<&'a str>,
    /// What its kind has to know.
    pub settings: SourceSettings,
    /// The site its deliveries must speak of, for example `acme.atlassian.net`.
    pub site_host: Option<&'a str>,
    /// How old, by the body's own timestamp, a delivery may be, in seconds; at least 4500, Jira's whole span of retries.
    /// For a Jira webhook only: other senders write no such timestamp.
    pub replay_window_seconds: Option<i32>,
    /// How long it may be silent before somebody should ask why, in seconds.
    pub expected_every_seconds: Option<i32>,
    /// The shared secret, for a kind that has one.
    pub secret: Option<&'a SecretBytes>,
}

#[cfg(any(test, feature = "demo", feature = "testing"))]
impl<'a> Registration<'a> {
    /// A Jira webhook of one tenant.
    pub fn jira(name: &'a str, tenant_key: &'a str, secret: &'a SecretBytes) -> Self {
        Self {
            name,
            tenant_key: Some(tenant_key),
            settings: crate::sources::jira::contract::settings(),
            site_host: None,
            replay_window_seconds: None,
            expected_every_seconds: None,
            secret: Some(secret),
        }
    }

    /// A source of another kind, without a secret.
    pub fn of(name: &'a str, tenant_key: Option<&'a str>, settings: SourceSettings) -> Self {
        Self {
            name,
            tenant_key,
            settings,
            site_host: None,
            replay_window_seconds: None,
            expected_every_seconds: None,
            secret: None,
        }
    }
}

pub(super) async fn find(gateway: &Ground, name: &str) -> Result<NamedSource, Error> {
    let queue = gateway.databases().queue.client().await?;
    store::source::find_by_name(&queue, name).await?.ok_or(Error::NotFound("source"))
}

/// Every source, or the one with this name, without credentials.
pub async fn list(gateway: &Ground, name: Option<&str>) -> Result<Vec<SourceRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::source::list(&queue, name).await?)
}

/// What is known of a source's credentials and installations; nothing of the credentials themselves.
pub async fn details(gateway: &Ground, source: &SourceRow) -> Result<(Vec<CredentialDates>, Vec<HolderRow>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, source.facts.tenant_id).await?;
    let dates = store::source::credential_dates(&tx, source.source_id, gateway.now()).await?;
    drop(tx);
    let queue = gateway.databases().queue.client().await?;
    Ok((dates, store::source::holders(&queue, source.source_id).await?))
}

/// True for 1 to 256 visible ASCII characters: what an installation can be named. The schema's CHECK bounds it too.
pub(in crate::app) fn is_holder(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// True when a source could have this name. The schema's CHECK says the same.
pub(in crate::app) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_schema_takes() {
        for name in ["a", "acme-jira", "0", "a-", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "Acme", "a_b", "a.b", "a b", "\u{fc}", "a\0", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
