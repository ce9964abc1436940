//! Randomness, as an argument.

/// Fills buffers with random bytes fit for keys. The only implementations are the operating system's and a test's.
pub trait Entropy: Send + Sync {
    /// Fills the whole of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}
