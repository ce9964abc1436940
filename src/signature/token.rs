//! Compact JSON web signatures (RFC 7515, 7519), read strictly and pinned to one algorithm before a key is even looked
//! for.
//!
//! ```text
//! headers ─▶ authorization ─▶ UnverifiedToken ─┬─ rs256() ─▶ RsaToken  ─ verify(public key) ─┬─▶ Claims
//!                                              └─ hs256() ─▶ HmacToken ─ verify(secrets)    ─┘
//! ```
//!
//! Promises: the algorithm is the route's and never the sender's choice; a key comes from the caller and never out of
//! the token; claims are read only after the signature holds, by one reader that understands them in one way.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::{
    Rejection, SecretBytes,
    claims::Claims,
    mac::{Candidates, DIGEST_BYTES},
    strict_json,
};
use crate::domain::{
    Headers,
    key_set::{KeyId, PublicKey},
};

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// The longest header of a token that is looked at, in bytes of JSON.
pub const TOKEN_HEADER_BYTES_MAX: usize = 1024;

/// Header members by which a token would bring its own key, or change how it is to be read (RFC 7515, 4.1; RFC 7797).
const FORBIDDEN_MEMBERS: [&str; 6] = ["crit", "jku", "jwk", "x5u", "x5c", "b64"];
/// A published RSA key. Certificates and private keys have other labels and are not what is asked for.
const PEM_LABELS: [&[u8]; 2] = [b"-----BEGIN PUBLIC KEY-----", b"-----BEGIN RSA PUBLIC KEY-----"];

/// How a token may be signed. A route allows exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// RSASSA-PKCS1-v1.5 with SHA-256, under a published key.
    Rs256,
    /// HMAC with SHA-256, under a shared secret.
    Hs256,
}

impl TokenAlgorithm {
    /// The name in a token's header, exactly.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// The token in the `Authorization` header: one header, the scheme in any case, one space, the token.
pub fn authorization<'a>(headers: &'a Headers, scheme: &str) -> Result<&'a [u8], Rejection> {
    let mut values = headers.all("authorization");
    let value = values.next().filter(|value| !value.is_empty()).ok_or(Rejection::MissingToken)?;
    if values.next().is_some() {
        return Err(Rejection::AmbiguousToken);
    }
    let (named, rest) = value.split_at_checked(scheme.len()).ok_or(Rejection::MalformedToken)?;
    if !named.eq_ignore_ascii_case(scheme.as_bytes()) {
        return Err(Rejection::MalformedToken);
    }
    // Whatever else stands around the token is not base64url, so parsing it refuses.
    rest.strip_prefix(b" ").ok_or(Rejection::MalformedToken)
}

/// A well-formed token that nobody believes yet.
pub struct UnverifiedToken {
    algorithm: String,
    key_id: Option<KeyId>,
    /// What is signed: both first parts as they came, with the dot between them.
    message: String,
    signature: String,
    claims: Vec<u8>,
}

impl UnverifiedToken {
    /// Parses a token: three parts of base64url without padding, at most [`TOKEN_BYTES_MAX`], with a header that says
    /// nothing but how the token is signed.
    pub fn parse(text: &[u8]) -> Result<Self, Rejection> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Rejection::MalformedToken);
        }
        let text = str::from_utf8(text).map_err(|_| Rejection::MalformedToken)?;
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::MalformedToken);
        };
        let (header_json, claims_json) = (decoded(header)?, decoded(claims)?);
        decoded(signature)?;
        if header_json.len() > TOKEN_HEADER_BYTES_MAX {
            return Err(Rejection::MalformedToken);
        }
        let members = strict_json::object(&header_json).ok_or(Rejection::MalformedToken)?;
        let (algorithm, key_id) = checked_header(&members)?;
        Ok(Self {
            algorithm,
            key_id,
            message: format!("{header}.{claims}"),
            signature: signature.to_owned(),
            claims: claims_json,
        })
    }

    /// True when the header names this algorithm, letter by letter.
    pub fn algorithm_is(&self, algorithm: TokenAlgorithm) -> bool {
        self.algorithm == algorithm.as_str()
    }

    /// Pins the token to RS256 under a published key, whose id it must name.
    pub fn rs256(self) -> Result<RsaToken, Rejection> {
        if !self.algorithm_is(TokenAlgorithm::Rs256) {
            return Err(Rejection::ForbiddenAlgorithm);
        }
        let key_id = self.key_id.clone().ok_or(Rejection::BadKeyId)?;
        Ok(RsaToken { token: self, key_id })
    }

    /// Pins the token to HS256 under a shared secret.
    pub fn hs256(self) -> Result<HmacToken, Rejection> {
        if self.algorithm_is(TokenAlgorithm::Hs256) { Ok(HmacToken(self)) } else { Err(Rejection::ForbiddenAlgorithm) }
    }
}

/// A token is a credential.
impl fmt::Debug for UnverifiedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UnverifiedToken({} bytes)", self.message.len() + 1 + self.signature.len())
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::MalformedToken)
}

fn checked_header(members: &Map<String, Value>) -> Result<(String, Option<KeyId>), Rejection> {
    let algorithm = members.get("alg").and_then(Value::as_str).ok_or(Rejection::MalformedToken)?;
    if FORBIDDEN_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(Rejection::ForbiddenHeader);
    }
    let is_jwt = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT"));
    if !members.get("typ").is_none_or(is_jwt) {
        return Err(Rejection::ForbiddenHeader);
    }
    let key_id = match members.get("kid") {
        Some(id) => Some(id.as_str().and_then(KeyId::parse).ok_or(Rejection::BadKeyId)?),
        None => None,
    };
    Ok((algorithm.to_owned(), key_id))
}

/// A token whose signature must be RS256.
#[derive(Debug)]
pub struct RsaToken {
    token: UnverifiedToken,
    key_id: KeyId,
}

impl RsaToken {
    /// The key that the token asks for, among those of the route's pinned host.
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Checks the signature and then reads the claims. A key that cannot be used at all is [`Rejection::KeyUnavailable`].
    pub(super) fn verify(self, key: &PublicKey) -> Result<Claims, Rejection> {
        let key = usable(key)?;
        let UnverifiedToken { message, signature, claims, .. } = self.token;
        let is_signed = jsonwebtoken::crypto::verify(&signature, message.as_bytes(), &key, Algorithm::RS256);
        match is_signed {
            Ok(true) => Claims::read(&claims),
            Ok(false) => Err(Rejection::Mismatch),
            Err(_) => Err(Rejection::KeyUnavailable),
        }
    }
}

fn usable(key: &PublicKey) -> Result<DecodingKey, Rejection> {
    match key {
        PublicKey::Rsa { modulus, exponent } => Ok(DecodingKey::from_rsa_raw_components(modulus, exponent)),
        PublicKey::RsaPem(pem) => {
            let pem = pem.trim_ascii();
            if !PEM_LABELS.iter().any(|label| pem.starts_with(label)) {
                return Err(Rejection::KeyUnavailable);
            }
            DecodingKey::from_rsa_pem(pem).map_err(|_| Rejection::KeyUnavailable)
        }
    }
}

/// A token whose signature must be HS256.
#[derive(Debug)]
pub struct HmacToken(UnverifiedToken);

impl HmacToken {
    /// What the token claims before anybody checked it. It may choose whose secret is tried, and nothing else.
    pub(super) fn unverified_claims(&self) -> Result<Claims, Rejection> {
        Claims::read(&self.0.claims)
    }

    /// Checks the signature against every live secret and then reads the claims.
    pub(super) fn verify(self, secrets: &[SecretBytes]) -> Result<Claims, Rejection> {
        let mut candidates = Candidates::new(secrets)?;
        // A signature of another length is no claim that could match.
        let claimed = <[u8; DIGEST_BYTES]>::try_from(decoded(&self.0.signature)?).map_err(|_| Rejection::Mismatch)?;
        candidates.update(self.0.message.as_bytes());
        candidates.finish(&[claimed])?;
        Claims::read(&self.0.claims)
    }
}

#[cfg(test)]
mod tests;
