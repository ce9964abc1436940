//! Not calling faster than another system allows: calls are spaced evenly, and nobody waits longer than a bound.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::CallFailure;

/// The spacing of calls, as a pure state: a call reserves the next free moment.
#[derive(Debug, Clone)]
pub struct Spacing {
    interval: Duration,
    next_free: Option<Instant>,
}

impl Spacing {
    /// One call in each interval. Evenly spaced calls keep to a quota per second however its second is counted.
    pub const fn every(interval: Duration) -> Self {
        Self { interval, next_free: None }
    }

    /// Reserves the next free moment and says how long it is until then. Where that is longer than `wait_max` nothing is
    /// reserved, and the wait is the error.
    pub fn reserve(&mut self, now: Instant, wait_max: Duration) -> Result<Duration, Duration> {
        let moment = self.next_free.map_or(now, |free| free.max(now));
        let wait = moment - now;
        if wait > wait_max {
            return Err(wait);
        }
        self.next_free = Some(moment + self.interval);
        Ok(wait)
    }

    /// Lets no further call through for `pause`, because the other side has asked for it.
    pub fn pause(&mut self, now: Instant, pause: Duration) {
        let until = now + pause;
        self.next_free = Some(self.next_free.map_or(until, |free| free.max(until)));
    }
}

/// A spacing that tasks share.
#[derive(Debug)]
pub struct Pace {
    spacing: Mutex<Spacing>,
    wait_max: Duration,
}

/// The longest pause that one answer can impose on all calls of a pace.
pub const PAUSE_MAX: Duration = Duration::from_mins(1);

impl Pace {
    /// One call in each interval; who would wait longer than `wait_max` is sent away.
    pub const fn new(interval: Duration, wait_max: Duration) -> Self {
        Self { spacing: Mutex::new(Spacing::every(interval)), wait_max }
    }

    /// Waits for its turn. Fails with [`CallFailure::Paced`] at once when that is too far away. Who gives up waiting
    /// leaves an unused moment behind.
    pub async fn turn(&self) -> Result<(), CallFailure> {
        let reserved = self.with(|spacing| spacing.reserve(Instant::now(), self.wait_max));
        match reserved {
            Ok(wait) if wait.is_zero() => Ok(()),
            Ok(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Err(retry_after) => Err(CallFailure::Paced { retry_after }),
        }
    }

    /// Pauses all calls after the other side asked for fewer: as long as it said, a second where it did not, and never
    /// longer than [`PAUSE_MAX`].
    pub fn ease(&self, retry_after: Option<Duration>) {
        let pause = retry_after.unwrap_or(Duration::from_secs(1)).min(PAUSE_MAX);
        self.with(|spacing| spacing.pause(Instant::now(), pause));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Spacing) -> T) -> T {
        act(&mut self.spacing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENTH: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn calls_are_spaced_and_idle_time_is_not_saved_up() {
        let start = Instant::now();
        let mut spacing = Spacing::every(TENTH);
        assert_eq!(spacing.reserve(start, LONG), Ok(Duration::ZERO));
        assert_eq!(spacing.reserve(start, LONG), Ok(TENTH));
        assert_eq!(spacing.reserve(start, LONG), Ok(TENTH * 2));
        let later = start + LONG;
        assert_eq!(spacing.reserve(later, LONG), Ok(Duration::ZERO));
        assert_eq!(spacing.reserve(later, LONG), Ok(TENTH));
    }

    #[test]
    fn who_would_wait_too_long_is_told_so_and_takes_no_moment() {
        let start = Instant::now();
        let mut spacing = Spacing::every(TENTH);
        spacing.pause(start, Duration::from_secs(2));
        for _ in 0..3 {
            assert_eq!(spacing.reserve(start, Duration::from_secs(1)), Err(Duration::from_secs(2)));
        }
        assert_eq!(spacing.reserve(start, LONG), Ok(Duration::from_secs(2)));
        spacing.pause(start, TENTH);
        assert_eq!(spacing.reserve(start, LONG), Ok(Duration::from_millis(2100)), "a pause never shortens another");
    }

    #[tokio::test]
    async fn tasks_share_a_pace_and_an_overdrawn_one_sends_away() {
        let pace = Pace::new(Duration::from_millis(20), Duration::from_millis(100));
        let began = Instant::now();
        for _ in 0..3 {
            pace.turn().await.expect("a turn");
        }
        assert!(began.elapsed() >= Duration::from_millis(40));
        pace.ease(Some(Duration::from_hours(1)));
        let failure = pace.turn().await.expect_err("paused");
        let wait = failure.retry_after().expect("a known wait");
        assert!(failure.is_transient() && wait > LONG && wait <= PAUSE_MAX, "{failure:?}");
    }

    proptest! {
        #[test]
        fn no_second_holds_more_than_its_quota(arrivals in proptest::collection::vec(0_u64..3_000, 1..200)) {
            let start = Instant::now();
            let mut arrivals = arrivals;
            arrivals.sort_unstable();
            let mut spacing = Spacing::every(TENTH);
            let mut called: Vec<Duration> = Vec::new();
            for arrival in arrivals {
                let arrival = Duration::from_millis(arrival);
                let wait = spacing.reserve(start + arrival, Duration::from_hours(1)).expect("within the bound");
                called.push(arrival + wait);
            }
            for (index, from) in called.iter().enumerate() {
                let within = called[index..].iter().filter(|at| **at < *from + Duration::from_secs(1)).count();
                prop_assert!(within <= 10, "{within}");
            }
        }
    }
}
