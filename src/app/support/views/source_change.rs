//! What a change of a source answers. A generated secret is shown here once and nowhere else, so nothing here can be printed
//! for debugging.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{SourceId, TenantId};

/// A source was registered.
#[derive(Serialize)]
pub struct SourceAdded<'a> {
    /// The new source.
    pub source_id: SourceId,
    /// Whose it is; the platform's when several tenants share it.
    pub tenant_id: TenantId,
    /// Where its sender posts to; null for one that is polled.
    pub path: Option<String>,
    /// The secret, if it was generated.
    pub secret: Option<&'a str>,
}

/// A source has a new secret.
#[derive(Serialize)]
pub struct SourceRotated<'a> {
    /// The source's name.
    pub name: &'a str,
    /// Until when the secret before is accepted too.
    pub previous_valid_until: Timestamp,
    /// The secret, if it was generated.
    pub secret: Option<&'a str>,
}

/// A source is in use again.
#[derive(Serialize)]
pub struct SourceEnabled<'a> {
    /// The source's name.
    pub name: &'a str,
    /// The secret, if it was generated.
    pub secret: Option<&'a str>,
}

/// A source has provider credentials.
#[derive(Serialize)]
pub struct ProviderCredentialsSet<'a> {
    /// The source's name.
    pub name: &'a str,
}

/// An installation of a shared source is assigned to a tenant.
#[derive(Serialize)]
pub struct InstallationBound<'a> {
    /// The source's name.
    pub name: &'a str,
    /// The installation, as the source names it.
    pub installation: &'a str,
    /// The tenant.
    pub tenant_id: TenantId,
}
