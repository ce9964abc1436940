//! A sender's shared secret in memory.

use std::fmt;

use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, never printed.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over the bytes of a secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// True when there is nothing in it, which no verifier accepts.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for a computation with the key or for sealing it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        assert_eq!(format!("{:?}", SecretBytes::new(b"hunter2".to_vec())), "[secret]");
    }
}
