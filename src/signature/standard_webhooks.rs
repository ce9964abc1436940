//! Standard Webhooks 1.0.0 (standardwebhooks.com): how our own forwarder function signs what Firebase told it.
//!
//! The key is what stands behind `whsec_`, the message `id.timestamp.body` over the exact bytes. So the time is signed,
//! and a delivery is good for five minutes; that the id comes once is the business of whoever deduplicates.

use base64::{
    Engine as _,
    alphabet::STANDARD as ALPHABET,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};
use jiff::Timestamp;

use super::{
    Rejection, SecretBytes, Verified,
    mac::{self, Candidates, DIGEST_BYTES},
};
use crate::domain::Headers;

/// How far the signed time may be from ours, in seconds, in the past and in the future.
pub const STANDARD_WINDOW_SECONDS: i64 = 5 * 60;
/// The longest `webhook-id`, in bytes.
pub const WEBHOOK_ID_BYTES_MAX: usize = 256;
/// The longest list of signatures, in bytes.
pub const SIGNATURES_BYTES_MAX: usize = 2 * 1024;
/// The most signatures in one list: one for each secret of an overlapping rotation, and then some.
pub const SIGNATURES_MAX: usize = 8;
/// How many bytes a secret has.
pub const STANDARD_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

const SECRET_PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
/// Twelve digits of seconds reach beyond the year 30000.
const TIMESTAMP_DIGITS_MAX: usize = 12;
/// People paste secrets with and without the padding at their end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A text that is no secret of this scheme. It does not say why, because that would say something about the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Standard Webhooks secret: whsec_ and the base64 of 24 to 64 bytes")]
pub struct MalformedSecret;

/// Secrets of this scheme.
#[derive(Debug, Clone, Copy)]
pub struct StandardSecret;

impl StandardSecret {
    /// Parses `whsec_…`.
    pub fn parse(text: &str) -> Result<SecretBytes, MalformedSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(MalformedSecret)?;
        let secret = SecretBytes::new(LENIENT.decode(encoded).map_err(|_| MalformedSecret)?);
        if STANDARD_SECRET_BYTES.contains(&secret.expose().len()) { Ok(secret) } else { Err(MalformedSecret) }
    }
}

/// The headers of a signed delivery, well-formed and of now, but not yet believed.
#[derive(Debug)]
pub struct StandardSignature {
    claimed: Vec<[u8; DIGEST_BYTES]>,
    /// What is signed before the body: `id.timestamp.`.
    opening: Vec<u8>,
}

impl StandardSignature {
    /// Reads the headers and begins a verification against every live secret of the source.
    pub fn begin<'a>(
        headers: &Headers,
        secrets: impl IntoIterator<Item = &'a SecretBytes>,
        now: Timestamp,
    ) -> Result<StandardVerifier, Rejection> {
        let Self { claimed, opening } = Self::read(headers, now)?;
        let mut candidates = Candidates::new(secrets)?;
        candidates.update(&opening);
        Ok(StandardVerifier { claimed, candidates })
    }

    fn read(headers: &Headers, now: Timestamp) -> Result<Self, Rejection> {
        let id = only(headers, "webhook-id")?;
        let timestamp = only(headers, "webhook-timestamp")?;
        let signatures = only(headers, "webhook-signature")?;
        // A dot in the id would let two different messages be the same signed text.
        let is_id = |byte: &u8| byte.is_ascii_graphic() && *byte != b'.';
        if id.len() > WEBHOOK_ID_BYTES_MAX || !id.iter().all(is_id) {
            return Err(Rejection::MalformedSignature);
        }
        let at = seconds(timestamp).ok_or(Rejection::MalformedSignature)?;
        if at.abs_diff(now.as_second()) > STANDARD_WINDOW_SECONDS.unsigned_abs() {
            return Err(Rejection::StaleTimestamp);
        }
        Ok(Self { claimed: claims(signatures)?, opening: [id, b".", timestamp, b"."].concat() })
    }
}

/// Computes the signature as the bytes of the body arrive.
pub struct StandardVerifier {
    claimed: Vec<[u8; DIGEST_BYTES]>,
    candidates: Candidates,
}

impl StandardVerifier {
    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.candidates.update(bytes);
    }

    /// Compares every claim with what every secret gives, in constant time.
    pub fn finish(self) -> Result<Verified, Rejection> {
        self.candidates.finish(&self.claimed)
    }
}

/// The `webhook-signature` of a body that is sent under this id at this time, which go into the other two headers.
pub fn sign(secret: &SecretBytes, id: &str, at: Timestamp, body: &[u8]) -> String {
    let opening = format!("{id}.{}.", at.as_second());
    format!("{VERSION}{}", STANDARD.encode(mac::digest(secret, [opening.as_bytes(), body])))
}

fn only<'a>(headers: &'a Headers, name: &'a str) -> Result<&'a [u8], Rejection> {
    let mut values = headers.all(name);
    let value = values.next().filter(|value| !value.is_empty()).ok_or(Rejection::MissingSignature)?;
    if values.next().is_some() { Err(Rejection::AmbiguousSignature) } else { Ok(value) }
}

/// Whole seconds, written in the one way in which a number is written.
fn seconds(text: &[u8]) -> Option<i64> {
    let is_number = text.len() <= TIMESTAMP_DIGITS_MAX && text.iter().all(u8::is_ascii_digit) && text[0] != b'0';
    if is_number { str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The signatures of the version that we know. Others may stand beside them and mean nothing to us.
fn claims(list: &[u8]) -> Result<Vec<[u8; DIGEST_BYTES]>, Rejection> {
    let list = str::from_utf8(list).map_err(|_| Rejection::MalformedSignature)?;
    if list.len() > SIGNATURES_BYTES_MAX || list.split(' ').count() > SIGNATURES_MAX {
        return Err(Rejection::MalformedSignature);
    }
    let mut claimed = Vec::new();
    for encoded in list.split(' ').filter_map(|entry| entry.strip_prefix(VERSION)) {
        let digest = STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok());
        claimed.push(digest.ok_or(Rejection::MalformedSignature)?);
    }
    if claimed.is_empty() { Err(Rejection::UnsupportedMethod) } else { Ok(claimed) }
}

#[cfg(test)]
mod tests;
