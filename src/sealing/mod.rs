//! Keys, sealing and digests: how personal data is kept in our own memory, found again, and made unreadable for good.
//!
//! ```text
//! master key ─HKDF per purpose─▶ KEK ─wraps─▶ tenant key epochs ─wrap─▶ subject keys ─seal─▶ identities, events
//!                                    ─wraps─▶ body keys, one a day ─────seal─▶ raw deliveries
//!                                    ─seals─▶ credentials of sources
//! digest key ─HMAC-SHA256─▶ digests of identities, deliveries and bodies (each stored beside its key's id)
//! ```
//!
//! Promises: whatever was sealed opens only with the same key in the same place (table, tenant, row, column); destroying
//! a key destroys everything below it; no key and no personal value appears in an error or in `Debug`. It does not store
//! anything, and randomness comes in through [`Entropy`](crate::domain::Entropy).

mod aad;
mod digest;
mod envelope;
mod key_ring;
mod key_ring_file;
mod mac;
mod normalise;
mod pseudonym;
mod secret_key;
mod wrap;

pub use aad::Aad;
pub use digest::KeyedDigest;
pub use envelope::{OpenError, open, seal};
pub use key_ring::KeyRing;
pub use normalise::{Normalised, normalise};
pub use pseudonym::pseudonym;
pub use secret_key::SecretKey;
pub use wrap::{KeyPurpose, Wrapped, unwrap_under, wrap_under};

#[cfg(test)]
pub(crate) mod testing {
    //! Randomness that can be repeated, and a fixed ring.

    use std::sync::atomic::{AtomicU64, Ordering};

    use sha2::{Digest, Sha256};

    use super::KeyRing;
    use crate::domain::Entropy;

    /// The stream SHA-256(0), SHA-256(1), …
    #[derive(Default)]
    pub(crate) struct Counting(AtomicU64);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(32) {
                let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
                chunk.copy_from_slice(&block[..chunk.len()]);
            }
        }
    }

    /// The ring of the committed vectors: two master keys, two digest keys.
    pub(crate) fn fixed_ring() -> KeyRing {
        KeyRing::parse(include_str!("../../tests/vectors/key_ring.json")).expect("the ring of the vectors")
    }
}
