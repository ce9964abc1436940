//! Verification of what senders sign. Pure and sans-IO: bytes and credentials come in, a verdict goes out.
//!
//! Promises: the exact bytes that arrived are verified, before anybody parses them; comparisons take the same time
//! whatever the bytes are; a missing or empty credential is never "no signature needed"; each route takes one
//! algorithm, and no token chooses its own. It does not load credentials, fetch keys, read clocks or choose what a
//! sender is told: that is the business of `app` and `sources`. Where a published key is needed, a verifier has two
//! halves: `begin` says which key of which pinned host, `finish` takes it.

pub mod hub_hmac;
mod mac;
mod refusal;
mod secret;
pub mod standard_webhooks;

pub use hub_hmac::{HubSignature, HubVerifier};
pub use mac::SECRETS_MAX;
pub use refusal::Refusal;
pub use secret::SecretBytes;
pub use standard_webhooks::{StandardSecret, StandardSignature, StandardVerifier};

/// Proof that a body was verified. Only a verifier of this room can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    credential_index: usize,
}

impl Verified {
    /// Which of the credentials matched, counted from 0 in the order they were given. An operator who rotates a secret
    /// sees by it whether the old one is still in use.
    pub const fn credential_index(&self) -> usize {
        self.credential_index
    }
}
