//! Proof of what was done: the audit chain and signed receipts. Both are checked offline, with the public key alone.
//!
//! ```text
//! audit:    chain_start(tenant) ─▶ hash(entry 1) ─▶ hash(entry 2) ─▶ …    a changed, lost or moved entry breaks the rest
//! receipt:  claims ─EdDSA─▶ JWS (RFC 7515), which names the audit entry and its hash
//! ```
//!
//! Promises: both hold ids, counts, times, names of tables and closed words; their types have no room for free text. A
//! receipt that reports something left is never signed. It stores nothing and reads no clock.

pub mod audit;
mod claims;
mod keys;
mod receipt;
mod word;

pub use claims::{AuditReference, ReceiptClaims, ReceiptScope, StepCount, VerificationSummary};
pub use keys::{PublicKey, SigningKey};
pub use receipt::{sign, verify};
pub use word::{IdText, Word};

/// Why a proof could not be made or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The key is not an Ed25519 key.
    #[error("not an Ed25519 key")]
    BadKey,
    /// A public key that is not the JWK of an Ed25519 key with an id (RFC 8037).
    #[error("not a JWK of an Ed25519 public key")]
    BadJwk,
    /// Verification found something left, so there is nothing to certify.
    #[error("an erasure that left something behind is not certified")]
    NotClean,
    /// The claims could not be written or signed.
    #[error("the receipt could not be signed")]
    Sign,
    /// Not a receipt at all: too long, not a JWS, or of another type.
    #[error("not a receipt")]
    NotAReceipt,
    /// Signed by another key than the one it is checked with.
    #[error("the receipt names another key")]
    OtherKey,
    /// The signature does not fit the content, or the algorithm is not `EdDSA`.
    #[error("the signature does not hold")]
    BadSignature,
    /// Rightly signed, but not the claims of a receipt that this version knows.
    #[error("the receipt's claims are not understood")]
    UnknownClaims,
    /// An id or word that is not of its closed form.
    #[error("not a plain id or word")]
    NotAWord,
}
