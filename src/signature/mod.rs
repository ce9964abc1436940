//! Verification of what senders sign. Pure and sans-IO: bytes and credentials come in, a verdict goes out.
//!
//! Promises: the exact bytes that arrived are verified, before anybody parses them; comparisons take the same time
//! whatever the bytes are; a missing or empty credential is never "no signature needed"; each route takes one
//! algorithm, and no token chooses its own. It does not load credentials, fetch keys, read clocks or choose what a
//! sender is told: that is the business of `app` and `sources`. Where a published key is needed, a verifier has two
//! halves: `begin` says which key of which pinned host, `finish` takes it.

mod canonical_request;
mod claims;
pub mod connect_jwt;
pub mod forge_fit;
pub mod google_oidc;
pub mod hub_hmac;
pub mod issue;
mod mac;
mod rejection;
mod secret;
pub mod standard_webhooks;
mod strict_json;
#[cfg(test)]
mod tests;
pub mod token;

pub use canonical_request::CanonicalRequest;
pub use hub_hmac::{HubSignature, HubVerifier};
pub use rejection::Rejection;
pub use secret::SecretBytes;
pub use standard_webhooks::{StandardSecret, StandardSignature, StandardVerifier};
pub use token::UnverifiedToken;

/// Proof that a body was verified. Only a verifier of this room can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    #[cfg_attr(not(test), allow(dead_code, reason = "tests see by it which of the secrets has matched"))]
    credential_index: usize,
}

impl Verified {
    /// Which of the credentials matched, counted from 0 in the order they were given.
    #[cfg(test)]
    pub const fn credential_index(self) -> usize {
        self.credential_index
    }
}
