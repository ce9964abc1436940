//! What proves a sender, and what stands in its place when a rejection is to be seen.

use std::{fmt, str::FromStr};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    cli::development::key::{DevelopmentKey, KEY_ID},
    domain::Entropy,
    signature::{SecretBytes, issue},
};

/// How long the secret is that nobody has, in bytes.
const WRONG_SECRET_BYTES: usize = 32;

/// How to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SignatureChoice {
    Good,
    None,
    Wrong,
    Header(String),
}

impl FromStr for SignatureChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "good" => Self::Good,
            "none" => Self::None,
            "wrong" => Self::Wrong,
            header => Self::Header(header.to_owned()),
        })
    }
}

impl fmt::Display for SignatureChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Good => "good",
            Self::None => "none",
            Self::Wrong => "wrong",
            Self::Header(header) => header,
        })
    }
}

/// What a delivery is proven with.
pub enum Credential {
    /// Nothing is sent.
    None,
    /// This text stands where the proof would.
    Text(String),
    /// A shared secret.
    Secret(SecretBytes),
    /// A private key in PEM, published as [`KEY_ID`].
    Key(Zeroizing<Vec<u8>>),
}

impl Credential {
    /// A secret that nobody has.
    pub(super) fn wrong_secret(entropy: &dyn Entropy) -> Self {
        let mut bytes = vec![0_u8; WRONG_SECRET_BYTES];
        entropy.fill(&mut bytes);
        Self::Secret(SecretBytes::new(bytes))
    }

    /// A key that nobody has, although its tokens name the published one.
    pub(super) fn wrong_key() -> anyhow::Result<Self> {
        Ok(Self::Key(DevelopmentKey::generate()?.into_private_pem()))
    }

    /// The value of a signature's header; `None` for no header.
    pub(super) fn signature(&self, sign: impl FnOnce(&SecretBytes) -> String) -> anyhow::Result<Option<String>> {
        match self {
            Self::None => Ok(None),
            Self::Text(text) => Ok(Some(text.clone())),
            Self::Secret(secret) => Ok(Some(sign(secret))),
            Self::Key(_) => anyhow::bail!("this sender signs with a secret"),
        }
    }

    /// The value of `Authorization` for these claims; `None` for no header.
    pub fn token(&self, scheme: &str, claims: &Value) -> anyhow::Result<Option<String>> {
        let token = match self {
            Self::None => return Ok(None),
            Self::Text(text) => return Ok(Some(text.clone())),
            Self::Secret(secret) => issue::sign_hs256(claims, secret)?,
            Self::Key(pem) => issue::sign_rs256(claims, KEY_ID, pem)?,
        };
        Ok(Some(format!("{scheme} {token}")))
    }
}
