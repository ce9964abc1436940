//! The OIDC token that Google's services push with: Pub/Sub, Eventarc, Scheduler (Google, "Authenticate push
//! subscriptions").
//!
//! `Authorization: Bearer <token>`, RS256 under a key that Google publishes. Every Google customer can have such a
//! token made for our audience, so only the service account's verified address tells that it is ours. A token may be an
//! hour old and is used many times: it proves who sends, never what.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Rejection,
    token::{RsaToken, UnverifiedToken, authorization},
};
use crate::domain::{
    Headers,
    key_set::{KeyId, PublicKey},
};

/// How far Google's clock and ours may be apart, in seconds.
pub const GOOGLE_LEEWAY_SECONDS: i64 = 60;
/// How far ahead a token may end, in seconds, without the leeway.
pub const GOOGLE_LIFETIME_SECONDS_MAX: i64 = 24 * 60 * 60;

const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// What a token must say to be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleExpectation {
    /// The audience that the subscription is configured with, exactly.
    pub audience: String,
    /// The address of the service account that it pushes as, exactly.
    pub email: String,
}

/// A token that waits for its key.
#[derive(Debug)]
pub struct PendingGoogle(RsaToken);

/// Reads the token of a push, as far as that goes without its key.
pub fn begin(headers: &Headers) -> Result<PendingGoogle, Rejection> {
    UnverifiedToken::parse(authorization(headers, "Bearer")?)?.rs256().map(PendingGoogle)
}

impl PendingGoogle {
    /// Which key is needed.
    pub const fn key_id(&self) -> &KeyId {
        self.0.key_id()
    }

    /// Checks the signature, and then that the token is Google's, for our audience, of our account and of now.
    pub fn finish(self, key: &PublicKey, expected: &GoogleExpectation, now: Timestamp) -> Result<(), Rejection> {
        let claims = self.0.verify(key)?;
        let root = claims.root();
        if !ISSUERS.iter().any(|issuer| root.says("iss", issuer)) {
            return Err(Rejection::WrongIssuer);
        }
        if !root.says("aud", &expected.audience) {
            return Err(Rejection::WrongAudience);
        }
        let is_verified = root.get("email_verified") == Some(&Value::Bool(true));
        if !root.says("email", &expected.email) || !is_verified {
            return Err(Rejection::WrongAccount);
        }
        let period = claims.period()?;
        period.check(now, GOOGLE_LEEWAY_SECONDS)?;
        if period.expires_at > now.as_second() + GOOGLE_LIFETIME_SECONDS_MAX + GOOGLE_LEEWAY_SECONDS {
            return Err(Rejection::LifetimeTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
