//! The two tokens of Atlassian Connect (Atlassian, "Understanding JWT for Connect apps" and "Security for Connect
//! apps").
//!
//! | what comes | signed by | where it says who |
//! |---|---|---|
//! | install and uninstall callbacks | RS256, a key that Atlassian publishes | `iss` |
//! | every other callback, webhooks | HS256, the secret that the tenant was installed with | `iss` |
//!
//! `Authorization: JWT <token>`; the second kind also in the query as `jwt`. Each route takes one kind only: a tenant's
//! secret must not be able to sign an installation, which would replace that secret. `qsh` binds method, path and
//! query, and nothing binds the body, so that the body names the same tenant is the caller's check.
//!
//! The tenant is always `iss`. A token that our own app had issued for its pages has the tenant in `aud` and us in
//! `iss`; it finds no secret here, as it should, since none of them signs a callback.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{
    CanonicalRequest, Rejection, SecretBytes,
    canonical_request::tokens_in,
    claims::{Claims, Object},
    token::{HmacToken, RsaToken, UnverifiedToken, authorization},
};
use crate::domain::{
    Headers,
    caller::ConnectCaller,
    key_set::{KeyId, PublicKey},
};

/// How far Atlassian's clock and ours may be apart, in seconds.
pub const CONNECT_LEEWAY_SECONDS: i64 = 30;

const SCHEME: &str = "JWT";
const CLIENT_KEY_BYTES_MAX: usize = 256;
/// What stands for `qsh` in tokens that a page carries from the host to us.
const CONTEXT: &str = "context-qsh";

/// What the token of an installation must say to be for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectInstallExpectation {
    /// Our app's base URL, as it is configured. One slash at its end makes no difference.
    pub base_url: String,
}

/// The token of an install or uninstall callback, which waits for its key.
#[derive(Debug)]
pub struct PendingInstall(RsaToken);

/// Reads the token of an install or uninstall callback, as far as that goes without its key.
pub fn begin_install(headers: &Headers) -> Result<PendingInstall, Rejection> {
    let token = UnverifiedToken::parse(authorization(headers, SCHEME)?)?.rs256()?;
    // The host has one document for each key, so the id becomes part of a path there.
    if token.key_id().path_segment().is_none() {
        return Err(Rejection::BadKeyId);
    }
    Ok(PendingInstall(token))
}

impl PendingInstall {
    /// Which key is needed.
    pub const fn key_id(&self) -> &KeyId {
        self.0.key_id()
    }

    /// Checks the signature, and then that the token is for our app, for this request and of now. The tenant that it
    /// names must still be compared with the body's.
    pub fn finish(
        self,
        key: &PublicKey,
        expected: &ConnectInstallExpectation,
        request: &CanonicalRequest,
        now: Timestamp,
    ) -> Result<ConnectCaller, Rejection> {
        let claims = self.0.verify(key)?;
        if !is_first_audience(claims.root(), &expected.base_url) {
            return Err(Rejection::WrongAudience);
        }
        caller(&claims, request, now)
    }
}

/// A token signed with a tenant's secret, which waits for that secret.
pub struct PendingTenant {
    token: HmacToken,
    claimed_client_key: String,
}

/// Reads a tenant's token, as far as that goes without the tenant's secret.
pub fn begin_tenant(headers: &Headers, query: &str) -> Result<PendingTenant, Rejection> {
    let token = UnverifiedToken::parse(&tenant_token(headers, query)?)?.hs256()?;
    let claimed_client_key = client_key(token.unverified_claims()?.root())?.to_owned();
    Ok(PendingTenant { token, claimed_client_key })
}

impl PendingTenant {
    /// Whose secret is needed. Unverified: it may choose the secret, and nothing else.
    pub fn claimed_client_key(&self) -> &str {
        &self.claimed_client_key
    }

    /// Checks the signature against the tenant's live secrets, and then that the token is for this request and of now.
    pub fn finish(
        self,
        secrets: &[SecretBytes],
        request: &CanonicalRequest,
        now: Timestamp,
    ) -> Result<ConnectCaller, Rejection> {
        caller(&self.token.verify(secrets)?, request, now)
    }
}

/// Who it claims to be is the sender's text until its secret has signed it.
impl fmt::Debug for PendingTenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PendingTenant").field("token", &self.token).finish_non_exhaustive()
    }
}

/// The one token of a request, from its header or from its query.
fn tenant_token<'a>(headers: &'a Headers, query: &str) -> Result<Cow<'a, [u8]>, Rejection> {
    let mut in_query = tokens_in(query);
    let first = in_query.next();
    if first.is_some() && (in_query.next().is_some() || headers.all("authorization").next().is_some()) {
        return Err(Rejection::AmbiguousToken);
    }
    match first {
        Some(token) => Ok(Cow::Owned(token)),
        None => authorization(headers, SCHEME).map(Cow::Borrowed),
    }
}

fn caller(claims: &Claims, request: &CanonicalRequest, now: Timestamp) -> Result<ConnectCaller, Rejection> {
    let root = claims.root();
    let client_key = client_key(root)?.to_owned();
    claims.period()?.check(now, CONNECT_LEEWAY_SECONDS)?;
    if root.says("qsh", CONTEXT) {
        return Err(Rejection::ContextToken);
    }
    let signed = root.get("qsh").and_then(Value::as_str).unwrap_or_default();
    if bool::from(signed.as_bytes().ct_eq(request.hash().as_bytes())) {
        Ok(ConnectCaller { client_key })
    } else {
        Err(Rejection::WrongRequest)
    }
}

fn client_key(claims: Object<'_>) -> Result<&str, Rejection> {
    claims.word("iss", CLIENT_KEY_BYTES_MAX)
}

/// True when the audience is this address, alone or as the first of several.
fn is_first_audience(claims: Object<'_>, base_url: &str) -> bool {
    let first = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.first(),
        other => other,
    };
    let without_slash = |url: &str| url.strip_suffix('/').unwrap_or(url).to_owned();
    first.and_then(Value::as_str).is_some_and(|audience| without_slash(audience) == without_slash(base_url))
}

/// The part of a call's token that is signed, whichever way it came: what makes it the same token again. The scheme's letters,
/// other parameters and the signature's spelling do not. `None` without a token.
pub fn signed_part(headers: &Headers, query: &str) -> Option<Vec<u8>> {
    let in_query = || query.split('&').find_map(|pair| pair.strip_prefix("jwt=")).map(str::as_bytes);
    let token = authorization(headers, SCHEME).ok().or_else(in_query)?;
    let end = token.iter().rposition(|byte| *byte == b'.')?;
    Some(token[..end].to_vec())
}

#[cfg(test)]
mod tests;
