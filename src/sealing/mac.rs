//! HMAC-SHA256 under a key of ours.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::SecretKey;

/// HMAC-SHA256 of one message.
pub(super) fn hmac(key: &SecretKey, message: &[u8]) -> [u8; 32] {
    let mut hmac = keyed(key);
    hmac.update(message);
    hmac.finalize().into_bytes().into()
}

/// HMAC-SHA256 that takes its message in parts.
pub(super) fn keyed(key: &SecretKey) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.bytes()).expect("HMAC takes keys of every length")
}
