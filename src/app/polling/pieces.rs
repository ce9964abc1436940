//! What is asked in pieces, because the whole may have too large an answer.
//!
//! ```text
//!  1 2 3 4 ─ too large ─▶ 1 2 ─ answered │ 3 4 ─ too large ─▶ 3 ─ answered │ 4 ─ too large: it has no halves
//! ```
//!
//! Promises: pieces come in order and together are the whole; of n things at most 2n − 1 pieces are given out, whichever of
//! them are halved. Does not ask anybody.

/// Pieces that are still to be asked about.
pub(in crate::app) struct Pieces<'a, T> {
    /// The next one last.
    waiting: Vec<&'a [T]>,
}

impl<'a, T> Pieces<'a, T> {
    /// The whole as one piece; of nothing there is no piece.
    pub(in crate::app) fn of(whole: &'a [T]) -> Self {
        let waiting = if whole.is_empty() { Vec::new() } else { vec![whole] };
        Self { waiting }
    }

    /// Takes the next piece, which is never empty.
    pub(in crate::app) fn take(&mut self) -> Option<&'a [T]> {
        self.waiting.pop()
    }

    /// Puts both halves of a piece that was taken before all others. False for a single thing, which is not put back.
    pub(in crate::app) fn halve(&mut self, piece: &'a [T]) -> bool {
        if piece.len() < 2 {
            return false;
        }
        let (first, second) = piece.split_at(piece.len() / 2);
        self.waiting.extend([second, first]);
        true
    }

    /// True when nothing is to be asked any more.
    pub(in crate::app) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many pieces are asked when those are too large that hold one of `large` or more than `most`, and what comes of it.
    fn asked(count: usize, most: usize, large: &[usize]) -> (usize, Vec<usize>, Vec<usize>) {
        let whole: Vec<usize> = (0..count).collect();
        let mut pieces = Pieces::of(&whole);
        let (mut calls, mut answered, mut left_out) = (0, Vec::new(), Vec::new());
        while let Some(piece) = pieces.take() {
            calls += 1;
            assert!(!piece.is_empty());
            if piece.len() <= most && !piece.iter().any(|each| large.contains(each)) {
                answered.extend_from_slice(piece);
            } else if !pieces.halve(piece) {
                left_out.extend_from_slice(piece);
            }
        }
        assert!(pieces.is_empty());
        (calls, answered, left_out)
    }

    #[test]
    fn what_is_answered_at_once_is_asked_once_and_nothing_is_not_asked() {
        assert_eq!(asked(4, 4, &[]), (1, vec![0, 1, 2, 3], vec![]));
        assert_eq!(asked(0, 4, &[]), (0, vec![], vec![]));
    }

    #[test]
    fn where_nothing_is_ever_answered_the_calls_are_still_bounded() {
        for count in [1, 2, 3, 7, 999, 1000] {
            let (calls, answered, left_out) = asked(count, 0, &[]);
            assert_eq!((calls, answered.len(), left_out.len()), (2 * count - 1, 0, count));
        }
    }

    proptest! {
        #[test]
        fn everything_is_answered_in_order_but_what_is_too_large_alone(
            count in 1_usize..200, most in 1_usize..200, large in prop::collection::vec(0_usize..200, 0..5)
        ) {
            let (calls, answered, left_out) = asked(count, most, &large);
            let (expected_out, expected): (Vec<usize>, Vec<usize>) = (0..count).partition(|each| large.contains(each));
            prop_assert_eq!(answered, expected);
            prop_assert_eq!(left_out, expected_out);
            prop_assert!(calls < 2 * count);
        }
    }
}
