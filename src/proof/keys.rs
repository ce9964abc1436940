//! The key that signs receipts and its public half.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

use super::ProofError;

const PUBLIC_KEY_BYTES: usize = 32;

/// An Ed25519 key for signing (RFC 8032), with the id that receipts name it by.
pub struct SigningKey {
    pub(super) encoding: EncodingKey,
    public: PublicKey,
}

impl SigningKey {
    /// The key of a seed from the key ring. The same seed always gives the same key.
    pub fn from_seed(key_id: &str, seed: &[u8; 32]) -> Result<Self, ProofError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| ProofError::BadKey)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| ProofError::BadKey)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| ProofError::BadKey)?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public: PublicKey { key_id: key_id.to_owned(), bytes },
        })
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public.key_id)
    }
}

/// A public key that receipts are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key_id: String,
    bytes: [u8; PUBLIC_KEY_BYTES],
}

impl PublicKey {
    /// Reads a JWK as [`Self::to_jwk`] writes it (RFC 8037: `OKP`, `Ed25519`). A `kid` is required.
    pub fn from_jwk(json: &str) -> Result<Self, ProofError> {
        let jwk: Jwk = serde_json::from_str(json).map_err(|_| ProofError::BadJwk)?;
        if (jwk.kty.as_str(), jwk.crv.as_str()) != ("OKP", "Ed25519") {
            return Err(ProofError::BadJwk);
        }
        let bytes = URL_SAFE_NO_PAD.decode(&jwk.x).map_err(|_| ProofError::BadJwk)?;
        Ok(Self { key_id: jwk.kid, bytes: bytes.try_into().map_err(|_| ProofError::BadJwk)? })
    }

    /// The JWK that is published.
    pub fn to_jwk(&self) -> String {
        let jwk = Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: self.key_id.clone(),
            x: URL_SAFE_NO_PAD.encode(self.bytes),
            alg: Some("EdDSA".to_owned()),
            usage: Some("sig".to_owned()),
        };
        serde_json::to_string(&jwk).expect("a JWK of plain texts is JSON")
    }

    /// The id that receipts name this key by.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.bytes)
    }
}

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_vector_of_rfc_8032_gives_its_public_key_and_reads_back_from_its_jwk() {
        let mut seed = [0_u8; 32];
        hex::decode_to_slice("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", &mut seed)
            .expect("hexadecimal");
        let key = SigningKey::from_seed("receipt-1", &seed).expect("a seed");
        assert_eq!(
            hex::encode(key.public_key().bytes),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        let jwk = key.public_key().to_jwk();
        assert_eq!(
            jwk,
            r#"{"kty":"OKP","crv":"Ed25519","kid":"receipt-1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA","use":"sig"}"#
        );
        assert_eq!(PublicKey::from_jwk(&jwk).as_ref(), Ok(key.public_key()));
        assert_eq!(format!("{key:?}"), "SigningKey(receipt-1)");
    }

    #[test]
    fn another_kind_of_key_is_not_taken_for_ours() {
        for refused in [
            "",
            r#"{"kty":"RSA","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"X25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AAAA"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        ] {
            assert_eq!(PublicKey::from_jwk(refused), Err(ProofError::BadJwk));
        }
    }
}
