//! Who a verified token speaks for, in bare ids.

use jiff::Timestamp;

/// The token itself, so that it works only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUse {
    /// The token's own id (`jti`).
    pub id: String,
    /// When nobody accepts it any more, leeway included.
    pub expires_at: Timestamp,
}

/// A call of our Forge app. Ids are bare UUIDs, lower case, whatever form the token has them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeCaller {
    /// The site that the installation is for.
    pub cloud_id: String,
    /// The installation.
    pub installation_id: String,
    /// The app.
    pub app_id: String,
    /// The app's environment.
    pub environment_id: String,
    /// The manifest key of the module that calls.
    pub module_key: String,
    /// The token.
    pub token: TokenUse,
}

/// A call of a Connect tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectCaller {
    /// The tenant's `clientKey`.
    pub client_key: String,
}
