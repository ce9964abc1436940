//! HMAC-SHA-256 under every live secret of a source at once, as the message arrives.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Rejection, SecretBytes, Verified};

/// The most secrets one source may have at a time: enough for an overlapping rotation, and a bound on the work per
/// byte.
pub const SECRETS_MAX: usize = 4;

/// The bytes of one digest.
pub(super) const DIGEST_BYTES: usize = 32;

/// One running computation for each secret.
pub(super) struct Candidates(Vec<Hmac<Sha256>>);

impl Candidates {
    /// Begins with every live secret. Without a secret, with an empty one or with more than [`SECRETS_MAX`] it refuses:
    /// a missing secret must never become an HMAC with an empty key.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretBytes>) -> Result<Self, Rejection> {
        let mut candidates = Vec::with_capacity(SECRETS_MAX);
        for secret in secrets {
            if candidates.len() == SECRETS_MAX {
                return Err(Rejection::TooManyCredentials);
            }
            if secret.is_empty() {
                return Err(Rejection::NoCredential);
            }
            candidates.push(keyed(secret));
        }
        if candidates.is_empty() { Err(Rejection::NoCredential) } else { Ok(Self(candidates)) }
    }

    /// Takes the next bytes of the message.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for candidate in &mut self.0 {
            candidate.update(bytes);
        }
    }

    /// Compares what every secret gives with every claim. All are compared, in constant time, whether or not one
    /// matched.
    pub(super) fn finish(self, claimed: &[[u8; DIGEST_BYTES]]) -> Result<Verified, Rejection> {
        let mut is_match = Choice::from(0);
        let mut matched_index = 0_u64;
        for (index, candidate) in (0_u64..).zip(self.0) {
            let digest = candidate.finalize().into_bytes();
            for claim in claimed {
                let is_equal = digest.as_slice().ct_eq(claim);
                matched_index.conditional_assign(&index, is_equal);
                is_match |= is_equal;
            }
        }
        if bool::from(is_match) {
            Ok(Verified { credential_index: usize::try_from(matched_index).unwrap_or_default() })
        } else {
            Err(Rejection::Mismatch)
        }
    }
}

/// The digest of a message, for signing.
pub(super) fn digest<'a>(secret: &SecretBytes, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; DIGEST_BYTES] {
    let mut hmac = keyed(secret);
    parts.into_iter().for_each(|part| hmac.update(part));
    hmac.finalize().into_bytes().into()
}

fn keyed(secret: &SecretBytes) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose()).expect("HMAC takes keys of every length")
}
