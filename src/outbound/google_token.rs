//! Access tokens of a Google service account: an assertion signed with its key, exchanged for a token (RFC 7523).
//!
//! ```text
//!  token wanted ─▶ one in memory, good for 5 minutes more? ─ yes ─▶ it
//!                       └ no ─▶ one exchange; whoever asks meanwhile waits for the same answer, good or bad
//! ```
//!
//! Promises: the key is never printed and is wiped when dropped; the address of the exchange is pinned, whatever the key
//! file says. `now` must be real time: Google refuses an assertion that is minutes off.

use std::{fmt, sync::Arc, time::Instant};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{
    Authorization, CallFailure, OutboundError,
    call::{Call, Payload, call, object, successful},
};

/// The only address that an assertion is sent to, outside development.
pub const TOKEN_ADDRESS: &str = "https://oauth2.googleapis.com/token";
/// What a token may be used for: administering the accounts of Firebase Authentication.
pub const SCOPES: &str =
    "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/identitytoolkit";
/// The largest key file that is read, in bytes; Google's have about 2,400.
pub const KEY_FILE_BYTES_MAX: usize = 16 * 1024;
/// A token with less than this left is not used any more.
pub const MARGIN: SignedDuration = SignedDuration::from_mins(5);

const ASSERTION_LIFETIME_SECONDS: i64 = 3600;
const TOKEN_LIFETIME_SECONDS_MAX: i64 = 3600;
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A service account as its JSON key file describes it.
pub struct ServiceAccount {
    client_email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_address: Url,
}

impl ServiceAccount {
    /// Reads a key file. Refuses another kind of credential, a `token_uri` that is not [`TOKEN_ADDRESS`] and a key that
    /// cannot sign, so that this is noticed at the start and not at the first erasure.
    pub fn parse(json: &[u8]) -> Result<Self, OutboundError> {
        let file = KeyFile::read(json)?;
        if file.token_uri != TOKEN_ADDRESS {
            return Err(bad("its token_uri is not Google's"));
        }
        Self::of(file, TOKEN_ADDRESS)
    }

    /// Reads a key file whose `token_uri` is a loopback address.
    #[cfg(test)]
    pub fn parse_for_development(json: &[u8]) -> Result<Self, OutboundError> {
        let file = KeyFile::read(json)?;
        super::BaseAddress::development(&file.token_uri)?;
        let address = file.token_uri.clone();
        Self::of(file, &address)
    }

    fn of(file: KeyFile, token_address: &str) -> Result<Self, OutboundError> {
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
            .map_err(|_| bad("its private_key is no RSA key in PEM"))?;
        let token_address = Url::parse(token_address).map_err(|_| bad("its token_uri is no address"))?;
        let account = Self { client_email: file.client_email, key_id: file.private_key_id, key, token_address };
        account.assertion(Timestamp::UNIX_EPOCH).ok_or_else(|| bad("its private_key cannot sign"))?;
        Ok(account)
    }

    fn assertion(&self, now: Timestamp) -> Option<Zeroizing<String>> {
        let issued_at = now.as_second();
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPES,
            aud: self.token_address.as_str(),
            iat: issued_at,
            exp: issued_at + ASSERTION_LIFETIME_SECONDS,
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key).ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServiceAccount([secret])")
    }
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: SecretString,
    token_uri: String,
}

impl KeyFile {
    fn read(json: &[u8]) -> Result<Self, OutboundError> {
        if json.len() > KEY_FILE_BYTES_MAX {
            return Err(bad("the key file is too large"));
        }
        // The parser's error is dropped: it quotes values.
        let file: Self = serde_json::from_slice(json).map_err(|_| bad("it is no key file of a service account"))?;
        if file.kind != "service_account" || file.client_email.is_empty() {
            return Err(bad("it is not the key file of a service account"));
        }
        Ok(file)
    }
}

const fn bad(what: &'static str) -> OutboundError {
    OutboundError::BadCredential { what }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: i64,
    token_type: String,
}

/// The access token of one service account, kept in memory until shortly before it expires.
pub struct GoogleToken {
    client: Client,
    account: ServiceAccount,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    token: Option<(Authorization, Timestamp)>,
    /// The last failure and when it was known, for those who were waiting by then.
    failure: Option<(Arc<CallFailure>, Instant)>,
}

impl GoogleToken {
    /// Makes no call yet.
    pub fn new(client: Client, account: ServiceAccount) -> Self {
        Self { client, account, kept: Mutex::default() }
    }

    /// A token that is good for five minutes more. Fails with [`CallFailure::NoToken`]; asking again is safe.
    pub async fn authorization(&self, now: Timestamp) -> Result<Authorization, CallFailure> {
        let asked_at = Instant::now();
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &kept.token
            && now < *until
        {
            return Ok(token.clone());
        }
        if let Some((cause, known_at)) = &kept.failure
            && *known_at >= asked_at
        {
            return Err(CallFailure::NoToken { cause: cause.clone() });
        }
        match self.exchange(now).await {
            Ok((token, until)) => {
                *kept = Kept { token: Some((token.clone(), until)), failure: None };
                Ok(token)
            }
            Err(cause) => {
                let cause = Arc::new(cause);
                *kept = Kept { token: None, failure: Some((cause.clone(), Instant::now())) };
                Err(CallFailure::NoToken { cause })
            }
        }
    }

    /// Forgets `refused`, which a server did not take, so that the next call asks for another one. A newer token stays.
    pub(super) async fn forget(&self, refused: &Authorization) {
        let mut kept = self.kept.lock().await;
        if kept.token.as_ref().is_some_and(|(token, _)| token.is_same(refused)) {
            kept.token = None;
        }
    }

    async fn exchange(&self, now: Timestamp) -> Result<(Authorization, Timestamp), CallFailure> {
        let assertion =
            self.account.assertion(now).ok_or(CallFailure::NotSendable { what: "the assertion cannot be signed" })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT_TYPE)
            .append_pair("assertion", &assertion)
            .finish();
        let request = Call {
            method: Method::POST,
            url: self.account.token_address.clone(),
            authorization: None,
            payload: Payload::Form(form),
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = successful(call(&self.client, request).await?)?;
        let body = Zeroizing::new(answer.body);
        let granted: Granted = object(&body)?;
        if !granted.token_type.eq_ignore_ascii_case("bearer") || granted.expires_in <= 0 {
            return Err(CallFailure::BadAnswer { what: "it grants no bearer token" });
        }
        let token = Authorization::bearer(granted.access_token.expose_secret())
            .map_err(|_| CallFailure::BadAnswer { what: "its token cannot be sent" })?;
        let lifetime = SignedDuration::from_secs(granted.expires_in.min(TOKEN_LIFETIME_SECONDS_MAX)) - MARGIN;
        Ok((token, now.saturating_add(lifetime).unwrap_or(now)))
    }
}

impl fmt::Debug for GoogleToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GoogleToken([secret])")
    }
}

#[cfg(test)]
pub(super) mod tests;
