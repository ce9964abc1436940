//! `X-Hub-Signature: sha256=<hex>` as Jira Cloud sends it (the `WebSub` form; Atlassian, "Jira Cloud platform: webhooks").
//!
//! The key is the secret's bytes, the message the exact bytes of the body. The scheme binds neither time nor address nor
//! headers, so deduplication and the replay window are the business of the callers.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Refusal, SecretBytes, Verified};

/// The most secrets one source may have at a time: enough for an overlapping rotation, and a bound on the work per byte.
pub const SECRETS_MAX: usize = 4;

const METHOD: &[u8] = b"sha256";
const DIGEST_BYTES: usize = 32;

/// A signature as claimed by the sender, well-formed but not yet believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSignature([u8; DIGEST_BYTES]);

impl HubSignature {
    /// Parses one header value. The method must be `sha256` exactly (Atlassian may add others; each needs a decision of
    /// ours first), the digest 64 hexadecimal digits of either case, and nothing may stand around them.
    pub fn parse(header: &[u8]) -> Result<Self, Refusal> {
        if header.is_empty() {
            return Err(Refusal::MissingSignature);
        }
        let Some(equals) = header.iter().position(|byte| *byte == b'=') else {
            return Err(Refusal::MalformedSignature);
        };
        let (method, rest) = header.split_at(equals);
        if method != METHOD {
            return Err(Refusal::UnsupportedMethod);
        }
        let mut digest = [0_u8; DIGEST_BYTES];
        hex::decode_to_slice(rest.get(1..).unwrap_or_default(), &mut digest)
            .map_err(|_| Refusal::MalformedSignature)?;
        Ok(Self(digest))
    }

    /// Parses all values of the header. None is a missing signature, more than one an ambiguous one.
    pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Refusal> {
        let mut values = values.into_iter();
        let header = values.next().ok_or(Refusal::MissingSignature)?;
        if values.next().is_some() {
            return Err(Refusal::AmbiguousSignature);
        }
        Self::parse(header)
    }
}

/// Computes the signature as the bytes of the body arrive.
pub struct HubVerifier {
    claimed: HubSignature,
    candidates: Vec<Hmac<Sha256>>,
}

impl HubVerifier {
    /// Begins a verification against every live secret of the source. Without a secret, with an empty one or with more
    /// than [`SECRETS_MAX`] it refuses: a missing secret must never become an HMAC with an empty key.
    pub fn new<'a>(claimed: HubSignature, secrets: impl IntoIterator<Item = &'a SecretBytes>) -> Result<Self, Refusal> {
        let mut candidates = Vec::with_capacity(SECRETS_MAX);
        for secret in secrets {
            if candidates.len() == SECRETS_MAX {
                return Err(Refusal::TooManyCredentials);
            }
            if secret.is_empty() {
                return Err(Refusal::NoCredential);
            }
            candidates.push(keyed(secret));
        }
        if candidates.is_empty() {
            return Err(Refusal::NoCredential);
        }
        Ok(Self { claimed, candidates })
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        for candidate in &mut self.candidates {
            candidate.update(bytes);
        }
    }

    /// Compares the claim with what every secret gives. All are compared, in constant time, whether or not one matched.
    pub fn finish(self) -> Result<Verified, Refusal> {
        let mut is_match = Choice::from(0);
        let mut matched_index = 0_u64;
        for (index, candidate) in (0_u64..).zip(self.candidates) {
            let is_equal = candidate.finalize().into_bytes().as_slice().ct_eq(&self.claimed.0);
            matched_index.conditional_assign(&index, is_equal);
            is_match |= is_equal;
        }
        if bool::from(is_match) {
            Ok(Verified { credential_index: usize::try_from(matched_index).unwrap_or_default() })
        } else {
            Err(Refusal::Mismatch)
        }
    }
}

/// The header value that Jira would send for this body: for `simulate`, load generators and tests.
pub fn sign(secret: &SecretBytes, body: &[u8]) -> String {
    let mut hmac = keyed(secret);
    hmac.update(body);
    format!("sha256={}", hex::encode(hmac.finalize().into_bytes()))
}

fn keyed(secret: &SecretBytes) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose()).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        secret: String,
        body_utf8: String,
        x_hub_signature: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../../tests/vectors/hub_signature.json")).expect("the vectors are JSON")
    }

    fn verify(header: &[u8], secrets: &[SecretBytes], body: &[u8]) -> Result<Verified, Refusal> {
        let mut verifier = HubVerifier::new(HubSignature::parse(header)?, secrets)?;
        verifier.update(body);
        verifier.finish()
    }

    #[test]
    fn the_published_vectors_verify_and_no_other_body_does() {
        for vector in vectors() {
            let secret = SecretBytes::new(vector.secret.into_bytes());
            assert_eq!(sign(&secret, vector.body_utf8.as_bytes()), vector.x_hub_signature);
            let secrets = [secret];
            let header = vector.x_hub_signature.as_bytes();
            assert!(verify(header, &secrets, vector.body_utf8.as_bytes()).is_ok());
            assert_eq!(verify(header, &secrets, b"Hello!"), Err(Refusal::Mismatch));
        }
    }

    #[test]
    fn upper_case_digits_are_the_same_signature() {
        let secrets = [SecretBytes::new(b"k".to_vec())];
        let header = sign(&secrets[0], b"{}").to_uppercase().replace("SHA256", "sha256");
        assert!(verify(header.as_bytes(), &secrets, b"{}").is_ok());
    }

    #[test]
    fn every_other_form_of_the_header_is_refused_with_its_reason() {
        let digits = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
        let refused: &[(&str, Refusal)] = &[
            ("", Refusal::MissingSignature),
            (digits, Refusal::MalformedSignature),
            (&format!("sha1={digits}"), Refusal::UnsupportedMethod),
            (&format!("sha512={digits}"), Refusal::UnsupportedMethod),
            (&format!("md5={digits}"), Refusal::UnsupportedMethod),
            (&format!("SHA256={digits}"), Refusal::UnsupportedMethod),
            (&format!(" sha256={digits}"), Refusal::UnsupportedMethod),
            (&format!("sha256={digits} "), Refusal::MalformedSignature),
            (&format!("sha256= {digits}"), Refusal::MalformedSignature),
            (&format!("sha256={digits},sha256={digits}"), Refusal::MalformedSignature),
            (&format!("sha256={digits}00"), Refusal::MalformedSignature),
            (&format!("sha256={}é", &digits[..62]), Refusal::MalformedSignature),
            ("sha256=", Refusal::MalformedSignature),
            ("=", Refusal::UnsupportedMethod),
        ];
        for (header, reason) in refused {
            assert_eq!(HubSignature::parse(header.as_bytes()), Err(*reason), "{header:?}");
        }
    }

    #[test]
    fn two_headers_are_one_too_many_and_none_is_one_too_few() {
        let header: &[u8] = b"sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
        assert!(HubSignature::from_headers([header]).is_ok());
        assert_eq!(HubSignature::from_headers([header, header]), Err(Refusal::AmbiguousSignature));
        assert_eq!(HubSignature::from_headers([]), Err(Refusal::MissingSignature));
    }

    #[test]
    fn during_a_rotation_either_secret_verifies_and_the_verdict_tells_which() {
        let secrets = ["new", "old"].map(|word| SecretBytes::new(word.into()));
        for (index, secret) in secrets.iter().enumerate() {
            let verified = verify(sign(secret, b"body").as_bytes(), &secrets, b"body").expect("a live secret");
            assert_eq!(verified.credential_index(), index);
        }
    }

    #[test]
    fn no_secret_an_empty_secret_and_too_many_secrets_are_our_inability() {
        let empty = SecretBytes::new(Vec::new());
        let forged = sign(&empty, b"{}");
        let secret = || SecretBytes::new(b"k".to_vec());
        assert_eq!(verify(forged.as_bytes(), &[], b"{}"), Err(Refusal::NoCredential));
        assert_eq!(verify(forged.as_bytes(), &[secret(), empty], b"{}"), Err(Refusal::NoCredential));
        let many = [secret(), secret(), secret(), secret(), secret()];
        assert_eq!(verify(forged.as_bytes(), &many, b"{}"), Err(Refusal::TooManyCredentials));
        assert!(Refusal::NoCredential.is_our_inability() && !Refusal::Mismatch.is_our_inability());
    }

    proptest! {
        #[test]
        fn a_body_verifies_however_it_is_cut(secret in proptest::collection::vec(any::<u8>(), 1..80),
                                             body in proptest::collection::vec(any::<u8>(), 0..600),
                                             piece in 1_usize..97) {
            let secret = SecretBytes::new(secret);
            let claimed = HubSignature::parse(sign(&secret, &body).as_bytes()).expect("our own form");
            let mut verifier = HubVerifier::new(claimed, [&secret]).expect("one secret");
            body.chunks(piece).for_each(|bytes| verifier.update(bytes));
            prop_assert!(verifier.finish().is_ok());
        }

        #[test]
        fn one_changed_bit_of_the_body_is_a_mismatch(mut body in proptest::collection::vec(any::<u8>(), 1..300),
                                                    at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
            let secrets = [SecretBytes::new(b"secret".to_vec())];
            let header = sign(&secrets[0], &body);
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
            prop_assert_eq!(verify(header.as_bytes(), &secrets, &body), Err(Refusal::Mismatch));
        }

        #[test]
        fn arbitrary_headers_never_panic(header in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = HubSignature::parse(&header);
        }
    }
}
