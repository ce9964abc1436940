//! How long is waited before something is tried again: doubled with each failure, bounded, and spread by randomness.

use std::time::Duration;

/// More doublings than this change nothing: every bound is reached before.
const DOUBLINGS_MAX: u32 = 20;

/// `first`, doubled so many times, at most `most`.
pub fn doubled(first: Duration, most: Duration, doublings: u32) -> Duration {
    first.saturating_mul(1 << doublings.min(DOUBLINGS_MAX)).min(most)
}

/// A part of `most`, chosen by a uniformly random number: between nothing and all of it, in whole milliseconds.
pub fn part_of(most: Duration, randomness: u64) -> Duration {
    let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(randomness % (most_ms + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_doubled_up_to_its_bound_and_never_overflows() {
        let (first, most) = (Duration::from_secs(1), Duration::from_mins(15));
        let waits = [0, 1, 2, 3, 10, u32::MAX].map(|doublings| doubled(first, most, doublings).as_secs());
        assert_eq!(waits, [1, 2, 4, 8, 900, 900]);
        assert_eq!(doubled(Duration::MAX, Duration::MAX, 3), Duration::MAX);
    }

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        for randomness in [0, 1, 999, 1_000, 1_001, u64::MAX] {
            assert!(part_of(Duration::from_secs(1), randomness) <= Duration::from_secs(1));
        }
        assert_eq!(part_of(Duration::ZERO, 7), Duration::ZERO);
        assert_eq!(part_of(Duration::from_secs(1), 1_000), Duration::from_secs(1));
    }
}
