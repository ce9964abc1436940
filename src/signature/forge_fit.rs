//! The Forge Invocation Token, which our Forge app's remote gets with every call (Atlassian, "Forge remote
//! essentials").
//!
//! `Authorization: Bearer <token>`, RS256 under a key that Atlassian publishes. It says which installation of which app
//! on which site calls, and binds neither path nor body: that the body speaks of the same site is the caller's check,
//! and that the token comes once is the business of whoever remembers [`TokenUse`]. The tenant comes from
//! `app.installation.contexts`, because triggers carry no `context`.

use jiff::Timestamp;

use super::{
    Rejection,
    claims::{Claims, Object, Period},
    token::{RsaToken, UnverifiedToken, authorization},
};
use crate::domain::{
    Headers,
    caller::{ForgeCaller, TokenUse},
    key_set::{KeyHost, KeyId, PublicKey},
};

/// How far Atlassian's clock and ours may be apart, in seconds. Its tokens live 25 s, so it cannot be much.
pub const FORGE_LEEWAY_SECONDS: i64 = 10;
/// The longest life of a token, in seconds.
pub const FORGE_LIFETIME_SECONDS_MAX: i64 = 10 * 60;

const ISSUER: &str = "forge/invocation-token";
const APP: &str = "ari:cloud:ecosystem::app/";
const ENVIRONMENT: &str = "ari:cloud:ecosystem::environment/";
const CONTEXTS_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 128;
const ID_BYTES_MAX: usize = 256;
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
const UUID_BYTES: usize = 36;

/// Which of the app's environments is meant. All are signed with the same keys for the same audience, so that an
/// install of the version under development is told from a tenant's only by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForgeEnvironment {
    /// What tenants install.
    Production,
    /// The app's staging environment.
    Staging,
    /// The app's development environment.
    Development,
}

impl ForgeEnvironment {
    /// Every environment.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Production, Self::Staging, Self::Development];

    /// The word in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Staging => "STAGING",
            Self::Development => "DEVELOPMENT",
        }
    }
}

/// What a token must say to be for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeExpectation {
    /// Our app, `ari:cloud:ecosystem::app/<uuid>`, as it is configured. Never taken from a token.
    pub app_id: String,
    /// The environment of the app that this source serves.
    pub environment: ForgeEnvironment,
    /// Where its keys are.
    pub key_host: KeyHost,
}

/// A token that waits for its key.
#[derive(Debug)]
pub struct PendingForge {
    token: RsaToken,
    key_host: KeyHost,
}

/// Reads the token of a call, as far as that goes without its key.
pub fn begin(headers: &Headers, expected: &ForgeExpectation) -> Result<PendingForge, Rejection> {
    let token = UnverifiedToken::parse(authorization(headers, "Bearer")?)?.rs256()?;
    Ok(PendingForge { token, key_host: expected.key_host })
}

impl PendingForge {
    /// Whose key is needed.
    pub const fn key_host(&self) -> KeyHost {
        self.key_host
    }

    /// Which key is needed.
    pub const fn key_id(&self) -> &KeyId {
        self.token.key_id()
    }

    /// Checks the signature, and then that the token is for our app, of our environment and of now.
    pub fn finish(
        self,
        key: &PublicKey,
        expected: &ForgeExpectation,
        now: Timestamp,
    ) -> Result<ForgeCaller, Rejection> {
        let claims = self.token.verify(key)?;
        let root = claims.root();
        if !root.says("iss", ISSUER) {
            return Err(Rejection::WrongIssuer);
        }
        let app = root.object("app")?;
        if !root.says("aud", &expected.app_id) || !app.says("id", &expected.app_id) {
            return Err(Rejection::WrongAudience);
        }
        let token = token_use(&claims, now)?;
        let app_id = bare_of(&expected.app_id, APP).ok_or(Rejection::MalformedClaims)?;
        let environment_id = environment(app.object("environment")?, &app_id, expected.environment)?;
        let installation = app.object("installation")?;
        Ok(ForgeCaller {
            cloud_id: only_cloud_id(installation)?,
            installation_id: installation_id(app, installation)?,
            app_id,
            environment_id,
            module_key: app.object("module")?.word("key", WORD_BYTES_MAX)?.to_owned(),
            token,
        })
    }
}

/// The bare UUID, in lower case, of a bare UUID or of an ARI that ends in one.
pub fn bare_id(text: &str) -> Option<String> {
    if text.len() > ID_BYTES_MAX {
        return None;
    }
    let last = match text.rsplit_once('/') {
        Some((before, last)) => is_ari(before).then_some(last)?,
        None => text,
    };
    is_uuid(last).then(|| last.to_ascii_lowercase())
}

fn is_ari(text: &str) -> bool {
    text.starts_with("ari:cloud:") && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_uuid(text: &str) -> bool {
    let is_right = |(index, byte): (usize, u8)| {
        if UUID_HYPHENS.contains(&index) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == UUID_BYTES && text.bytes().enumerate().all(is_right)
}

/// The bare UUID directly after this prefix.
fn bare_of(text: &str, prefix: &str) -> Option<String> {
    text.strip_prefix(prefix).filter(|rest| is_uuid(rest)).map(str::to_ascii_lowercase)
}

fn token_use(claims: &Claims, now: Timestamp) -> Result<TokenUse, Rejection> {
    let period = claims.period()?;
    period.check(now, FORGE_LEEWAY_SECONDS)?;
    let Period { issued_at, expires_at, .. } = period;
    if expires_at - issued_at.ok_or(Rejection::MalformedClaims)? > FORGE_LIFETIME_SECONDS_MAX {
        return Err(Rejection::LifetimeTooLong);
    }
    let id = claims.root().word("jti", WORD_BYTES_MAX)?.to_owned();
    let expires_at =
        Timestamp::from_second(expires_at + FORGE_LEEWAY_SECONDS).map_err(|_| Rejection::MalformedClaims)?;
    Ok(TokenUse { id, expires_at })
}

/// The environment's id, from `ari:cloud:ecosystem::environment/<app>/<environment>`.
fn environment(claimed: Object<'_>, app_id: &str, expected: ForgeEnvironment) -> Result<String, Rejection> {
    if !claimed.says("type", expected.as_str()) {
        return Err(Rejection::WrongEnvironment);
    }
    let parts = claimed.text("id")?.strip_prefix(ENVIRONMENT).and_then(|rest| rest.split_once('/'));
    let (app, environment) = parts.filter(|(app, id)| is_uuid(app) && is_uuid(id)).ok_or(Rejection::MalformedClaims)?;
    if app.eq_ignore_ascii_case(app_id) {
        Ok(environment.to_ascii_lowercase())
    } else {
        Err(Rejection::WrongEnvironment)
    }
}

/// The installation's id, which stands in the token twice.
fn installation_id(app: Object<'_>, installation: Object<'_>) -> Result<String, Rejection> {
    let id = bare_id(installation.text("id")?).ok_or(Rejection::MalformedClaims)?;
    let again = bare_id(app.text("installationId")?);
    if again.as_ref() == Some(&id) { Ok(id) } else { Err(Rejection::MalformedClaims) }
}

/// The one site that the installation is for. Contexts of several products on one site name it several times; none, or
/// two sites, would leave the tenant to a guess.
fn only_cloud_id(installation: Object<'_>) -> Result<String, Rejection> {
    let mut only = None;
    for context in installation.objects("contexts", CONTEXTS_MAX)? {
        if context.get("cloudId").is_none() {
            continue;
        }
        let text = context.text("cloudId")?;
        let id = is_uuid(text).then(|| text.to_ascii_lowercase()).ok_or(Rejection::MalformedClaims)?;
        if only.as_ref().is_some_and(|known| *known != id) {
            return Err(Rejection::MalformedClaims);
        }
        only = Some(id);
    }
    only.ok_or(Rejection::MalformedClaims)
}

#[cfg(test)]
mod tests;
