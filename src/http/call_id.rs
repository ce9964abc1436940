//! The id of one call, by which a line of our log is found again.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};

/// Fills a buffer with random bytes.
pub(super) type Randomness = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// The id of one call: 32 hexadecimal digits of randomness. Always ours, because a caller's would be hostile text in our log.
#[derive(Clone, Default)]
pub(super) struct CallId(String);

impl CallId {
    /// A new one.
    pub(super) fn new(randomness: &Randomness) -> Self {
        let mut bytes = [0_u8; 16];
        randomness(&mut bytes);
        Self(hex::encode(bytes))
    }

    /// The id that `stamp` gave to this request; empty when it did not pass there.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }

    /// The id as it is printed.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
