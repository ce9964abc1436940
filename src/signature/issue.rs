//! Making tokens: for our own senders in development, and for tests. Nothing that runs in production signs with it.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

use super::SecretBytes;

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key is not an RSA private key in PEM.
    #[error("the private key cannot be read")]
    ReadPrivateKey {
        /// What is wrong with it.
        source: jsonwebtoken::errors::Error,
    },
    /// The claims could not be signed.
    #[error("the claims cannot be signed")]
    Sign {
        /// Why.
        source: jsonwebtoken::errors::Error,
    },
}

/// A token signed by RS256, with the id of its key in the header.
pub fn sign_rs256(claims: &Value, kid: &str, private_pem: &[u8]) -> Result<String, IssueError> {
    let key = EncodingKey::from_rsa_pem(private_pem).map_err(|source| IssueError::ReadPrivateKey { source })?;
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, claims, &key).map_err(|source| IssueError::Sign { source })
}

/// A token signed by HS256.
pub fn sign_hs256(claims: &Value, secret: &SecretBytes) -> Result<String, IssueError> {
    let key = EncodingKey::from_secret(secret.expose());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|source| IssueError::Sign { source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signature::{UnverifiedToken, tests::tokens};

    #[test]
    fn what_is_issued_is_what_a_verifier_takes() {
        let claims = json!({"iss": "somebody"});
        let token = sign_rs256(&claims, "key-1", tokens::PRIVATE_PEM).expect("our key signs");
        let token = UnverifiedToken::parse(token.as_bytes()).and_then(UnverifiedToken::rs256).expect("our own form");
        assert_eq!(token.key_id().as_str(), "key-1");
        let claims_read = token.verify(&tokens::public_key()).expect("our own signature");
        assert!(claims_read.root().says("iss", "somebody"));

        let secret = SecretBytes::new(b"secret".to_vec());
        let token = sign_hs256(&claims, &secret).expect("a secret signs");
        let token = UnverifiedToken::parse(token.as_bytes()).and_then(UnverifiedToken::hs256).expect("our own form");
        assert!(token.verify(&[secret]).is_ok());
    }

    #[test]
    fn what_is_no_private_key_signs_nothing() {
        for key in [&b"secret"[..], tokens::PUBLIC_PEM] {
            assert!(sign_rs256(&json!({}), "key-1", key).is_err());
        }
    }
}
