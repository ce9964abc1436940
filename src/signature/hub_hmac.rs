//! `X-Hub-Signature: sha256=<hex>` as Jira Cloud sends it (the `WebSub` form; Atlassian, "Jira Cloud platform: webhooks").
//!
//! The key is the secret's bytes, the message the exact bytes of the body. The scheme binds neither time nor address nor
//! headers, so deduplication and the replay window are the business of the callers.

use super::{
    Rejection, SecretBytes, Verified,
    mac::{self, Candidates, DIGEST_BYTES},
};

const METHOD: &[u8] = b"sha256";

/// A signature as claimed by the sender, well-formed but not yet believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSignature([u8; DIGEST_BYTES]);

impl HubSignature {
    /// Parses one header value. The method must be `sha256` exactly (Atlassian may add others; each needs a decision of
    /// ours first), the digest 64 hexadecimal digits of either case, and nothing may stand around them.
    pub fn parse(header: &[u8]) -> Result<Self, Rejection> {
        if header.is_empty() {
            return Err(Rejection::MissingSignature);
        }
        let Some(equals) = header.iter().position(|byte| *byte == b'=') else {
            return Err(Rejection::MalformedSignature);
        };
        let (method, rest) = header.split_at(equals);
        if method != METHOD {
            return Err(Rejection::UnsupportedMethod);
        }
        let mut digest = [0_u8; DIGEST_BYTES];
        hex::decode_to_slice(rest.get(1..).unwrap_or_default(), &mut digest)
            .map_err(|_| Rejection::MalformedSignature)?;
        Ok(Self(digest))
    }

    /// Parses all values of the header. None is a missing signature, more than one an ambiguous one.
    pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Rejection> {
        let mut values = values.into_iter();
        let header = values.next().ok_or(Rejection::MissingSignature)?;
        if values.next().is_some() {
            return Err(Rejection::AmbiguousSignature);
        }
        Self::parse(header)
    }
}

/// Computes the signature as the bytes of the body arrive.
pub struct HubVerifier {
    claimed: HubSignature,
    candidates: Candidates,
}

impl HubVerifier {
    /// Begins a verification against every live secret of the source. Without a secret, with an empty one or with more
    /// than [`SECRETS_MAX`](super::mac::SECRETS_MAX) it refuses.
    pub fn new<'a>(
        claimed: HubSignature,
        secrets: impl IntoIterator<Item = &'a SecretBytes>,
    ) -> Result<Self, Rejection> {
        Ok(Self { claimed, candidates: Candidates::new(secrets)? })
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.candidates.update(bytes);
    }

    /// Compares the claim with what every secret gives, in constant time.
    pub fn finish(self) -> Result<Verified, Rejection> {
        self.candidates.finish(&[self.claimed.0])
    }
}

/// The header value that Jira would send for this body: for `simulate`, load generators and tests.
pub fn sign(secret: &SecretBytes, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac::digest(secret, [body])))
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

    fn verify(header: &[u8], secrets: &[SecretBytes], body: &[u8]) -> Result<Verified, Rejection> {
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
            assert_eq!(verify(header, &secrets, b"Hello!"), Err(Rejection::Mismatch));
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
        let refused: &[(&str, Rejection)] = &[
            ("", Rejection::MissingSignature),
            (digits, Rejection::MalformedSignature),
            (&format!("sha1={digits}"), Rejection::UnsupportedMethod),
            (&format!("sha512={digits}"), Rejection::UnsupportedMethod),
            (&format!("md5={digits}"), Rejection::UnsupportedMethod),
            (&format!("SHA256={digits}"), Rejection::UnsupportedMethod),
            (&format!(" sha256={digits}"), Rejection::UnsupportedMethod),
            (&format!("sha256={digits} "), Rejection::MalformedSignature),
            (&format!("sha256= {digits}"), Rejection::MalformedSignature),
            (&format!("sha256={digits},sha256={digits}"), Rejection::MalformedSignature),
            (&format!("sha256={digits}00"), Rejection::MalformedSignature),
            (&format!("sha256={}é", &digits[..62]), Rejection::MalformedSignature),
            ("sha256=", Rejection::MalformedSignature),
            ("=", Rejection::UnsupportedMethod),
        ];
        for (header, reason) in refused {
            assert_eq!(HubSignature::parse(header.as_bytes()), Err(*reason), "{header:?}");
        }
    }

    #[test]
    fn two_headers_are_one_too_many_and_none_is_one_too_few() {
        let header: &[u8] = b"sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
        assert!(HubSignature::from_headers([header]).is_ok());
        assert_eq!(HubSignature::from_headers([header, header]), Err(Rejection::AmbiguousSignature));
        assert_eq!(HubSignature::from_headers([]), Err(Rejection::MissingSignature));
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
        assert_eq!(verify(forged.as_bytes(), &[], b"{}"), Err(Rejection::NoCredential));
        assert_eq!(verify(forged.as_bytes(), &[secret(), empty], b"{}"), Err(Rejection::NoCredential));
        let many = [secret(), secret(), secret(), secret(), secret()];
        assert_eq!(verify(forged.as_bytes(), &many, b"{}"), Err(Rejection::TooManyCredentials));
        assert!(Rejection::NoCredential.is_our_inability() && !Rejection::Mismatch.is_our_inability());
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
            prop_assert_eq!(verify(header.as_bytes(), &secrets, &body), Err(Rejection::Mismatch));
        }

        #[test]
        fn arbitrary_headers_never_panic(header in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = HubSignature::parse(&header);
        }
    }
}
