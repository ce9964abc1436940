//! Documents of keys: a JWK set (RFC 7517) or one PEM document (RFC 7468). Bytes in, keys out.
//!
//! Promises: only keys that an RS256 signature may be checked with come out, each under one id that means one key. A set in
//! which an id means two keys is refused as a whole: which of them a signature was made with would be a guess.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use aws_lc_rs::{encoding::AsDer as _, rsa};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::key_set::{KeyId, PublicKey};

/// The most keys in one set.
pub(super) const KEYS_MAX: usize = 64;
/// The shortest modulus that is believed, in bits.
const MODULUS_BITS_MIN: usize = 2_048;
/// The longest modulus that is worked with, in bits.
const MODULUS_BITS_MAX: usize = 8_192;
/// The longest exponent that is worked with, in bytes.
const EXPONENT_BYTES_MAX: usize = 4;
/// The characters of a line of PEM.
const PEM_LINE_CHARACTERS: usize = 64;

/// Keys by their ids.
pub(super) type Keys = HashMap<KeyId, Arc<PublicKey>>;

/// Why a document is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyDocumentError {
    #[error("the document is not a JWK set")]
    NotASet,
    #[error("the set has more than {KEYS_MAX} keys")]
    TooManyKeys,
    #[error("the set has no key that an RS256 signature could be checked with")]
    NoUsableKey,
    #[error("one id in the set means two keys")]
    Ambiguous,
    #[error("the document is not one PEM public key that an RS256 signature could be checked with")]
    NotAPublicKey,
}

#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// The members of a JWK that matter here. Others are legal and mean nothing to us.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    intended_use: Option<String>,
    alg: Option<String>,
    n: String,
    e: String,
}

/// The usable keys of a JWK set: RSA, not meant for anything else than RS256 signatures, with an id. Others are skipped,
/// whatever they look like; a set without any is refused.
pub(super) fn parse_set(bytes: &[u8]) -> Result<Keys, KeyDocumentError> {
    let set: JwkSet<'_> = serde_json::from_slice(bytes).map_err(|_| KeyDocumentError::NotASet)?;
    if set.keys.len() > KEYS_MAX {
        return Err(KeyDocumentError::TooManyKeys);
    }
    let mut keys = Keys::new();
    for (kid, key) in set.keys.iter().filter_map(|jwk| usable(jwk)) {
        match keys.entry(kid) {
            Entry::Vacant(place) => {
                place.insert(Arc::new(key));
            }
            Entry::Occupied(same_id) if **same_id.get() == key => {}
            Entry::Occupied(_) => return Err(KeyDocumentError::Ambiguous),
        }
    }
    if keys.is_empty() { Err(KeyDocumentError::NoUsableKey) } else { Ok(keys) }
}

fn usable(jwk: &RawValue) -> Option<(KeyId, PublicKey)> {
    let jwk: Jwk = serde_json::from_str(jwk.get()).ok()?;
    let is_for_us = jwk.kty == "RSA"
        && jwk.intended_use.as_deref().is_none_or(|intended| intended == "sig")
        && jwk.alg.as_deref().is_none_or(|algorithm| algorithm == "RS256");
    if !is_for_us {
        return None;
    }
    let modulus = without_leading_zeros(URL_SAFE_NO_PAD.decode(jwk.n).ok()?);
    let exponent = without_leading_zeros(URL_SAFE_NO_PAD.decode(jwk.e).ok()?);
    if !is_strong(&modulus, &exponent) {
        return None;
    }
    Some((KeyId::parse(&jwk.kid)?, PublicKey::Rsa { modulus, exponent }))
}

/// The key in a document that is one PEM block `PUBLIC KEY`. It is written anew, so that whoever reads it next cannot read
/// anything else than what was checked here.
pub(super) fn parse_pem(bytes: &[u8]) -> Result<PublicKey, KeyDocumentError> {
    let refused = KeyDocumentError::NotAPublicKey;
    let mut blocks = <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes);
    let Some(Ok((SectionKind::PublicKey, der))) = blocks.next() else { return Err(refused) };
    if blocks.next().is_some() {
        return Err(refused);
    }
    let key = rsa::PublicKey::from_der(&der).map_err(|_| refused)?;
    let numbers = rsa::PublicKeyComponents::from(&key);
    if !is_strong(&without_leading_zeros(numbers.n), &without_leading_zeros(numbers.e)) {
        return Err(refused);
    }
    let checked = key.as_der().map_err(|_| refused)?;
    Ok(PublicKey::RsaPem(to_pem(checked.as_ref())))
}

fn to_pem(der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    let mut pem = b"-----BEGIN PUBLIC KEY-----\n".to_vec();
    for line in text.as_bytes().chunks(PEM_LINE_CHARACTERS) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END PUBLIC KEY-----\n");
    pem
}

/// True for numbers that can be an RSA key of a strength we accept. Both are big-endian, without leading zeros.
fn is_strong(modulus: &[u8], exponent: &[u8]) -> bool {
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    let unused_bits = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len() * 8 - unused_bits;
    (MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&bits)
        && is_odd(modulus)
        && exponent.len() <= EXPONENT_BYTES_MAX
        && is_odd(exponent)
        && exponent != [1]
}

fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

#[cfg(test)]
mod tests;
