//! A raw delivery as it is sealed: what interpretation needs beside the body, and the exact bytes.

use zeroize::Zeroizing;

/// How far ahead of its bytes the memory for a body grows, in bytes.
pub(in crate::app) const GROWTH_BYTES_MAX: usize = 1024 * 1024;

/// The context of a delivery and its body. The body arrives into it, so that nothing is copied before it is sealed.
pub(in crate::app) struct RawDelivery {
    bytes: Zeroizing<Vec<u8>>,
    body_at: usize,
}

impl RawDelivery {
    /// Begins with what is known before the body: a context, which is the signature that the body came under or a source's
    /// own facts, and the identifier.
    pub(in crate::app) fn begin(context: &[u8], identifier: &[u8]) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + context.len() + identifier.len()));
        for part in [context, identifier] {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let body_at = bytes.len();
        Self { bytes, body_at }
    }

    /// A delivery that is complete.
    pub(in crate::app) fn of(context: &[u8], identifier: &[u8], body: &[u8]) -> Self {
        let mut raw = Self::begin(context, identifier);
        raw.push(body, Some(body.len()));
        raw
    }

    /// Memory is taken for what has come and at most a mebibyte ahead of it: doubling would take twice the body, and taking
    /// what was declared would let a sender take memory by its word.
    pub(in crate::app) fn push(&mut self, body: &[u8], declared_bytes: Option<usize>) {
        if self.bytes.capacity() - self.bytes.len() < body.len() {
            let ahead = declared_bytes.map_or(self.bytes.len(), |all| all.saturating_sub(self.body().len()));
            self.bytes.reserve_exact(ahead.min(GROWTH_BYTES_MAX).max(body.len()));
        }
        self.bytes.extend_from_slice(body);
    }

    pub(in crate::app) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::app) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// Context and body within a sealed delivery; `None` when the bytes are not of this form.
    pub(in crate::app) fn parts_of(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (context, rest) = part(bytes)?;
        let (_identifier, body) = part(rest)?;
        Some((context, body))
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    after.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_came_in_pieces_is_found_again_in_what_is_sealed() {
        let mut raw = RawDelivery::begin(b"sha256=aa", b"id-1");

        for piece in [b"one ".as_slice(), b"two ", b"", b"three"] {
            raw.push(piece, None);
        }

        assert_eq!(raw.body(), b"one two three");
        assert_eq!(RawDelivery::parts_of(raw.as_bytes()), Some((&b"sha256=aa"[..], raw.body())));
        assert_eq!(RawDelivery::parts_of(&raw.as_bytes()[..6]), None);
        assert_eq!(raw.as_bytes(), RawDelivery::of(b"sha256=aa", b"id-1", b"one two three").as_bytes());
    }

    #[test]
    fn memory_is_taken_for_bytes_that_came_and_little_more() {
        let chunk = vec![7_u8; 32 * 1024];
        for declared in [None, Some(8 * 1024 * 1024), Some(usize::MAX)] {
            let mut raw = RawDelivery::begin(b"sha256=aa", b"id-1");

            for _ in 0..256 {
                raw.push(&chunk, declared);
                assert!(raw.bytes.capacity() <= raw.bytes.len() + GROWTH_BYTES_MAX, "{declared:?}");
            }

            assert_eq!(raw.body().len(), 8 * 1024 * 1024);
        }
        let mut small = RawDelivery::begin(b"sha256=aa", b"id-1");
        small.push(&chunk, Some(chunk.len()));
        assert_eq!(small.bytes.capacity(), small.bytes.len());
    }
}
