//! How many bytes of memory the process gives to request bodies and their copies at once, over all connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The budget has too little left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// A bound on bytes in flight, shared by every worker thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct Budget {
    held: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Budget {
    /// A budget of which nothing is held.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { held: Arc::default(), bytes_max }
    }

    /// Bytes held now.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Holds `bytes`, to be grown as more arrive. Fails, holding nothing, when they do not fit.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Reservation, Exhausted> {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0 };
        reservation.grow_to(bytes)?;
        Ok(reservation)
    }
}

/// Bytes held for one body; dropping it gives them back, whatever ended the request.
pub(super) struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Reservation {
    /// Makes sure that `bytes` are held in all. Fails, and keeps what it had, when they do not fit.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        let fits = |held: usize| held.checked_add(more).filter(|sum| *sum <= self.budget.bytes_max);
        // The counter guards no other memory, so no ordering between threads is needed.
        self.budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| Exhausted)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Budget::new(100);

        let first = budget.reserve(60).expect("it fits");
        let mut second = budget.reserve(0).expect("nothing always fits");
        second.grow_to(40).expect("it just fits");

        assert_eq!(budget.held(), 100);
        drop(first);
        assert_eq!(budget.held(), 40);
        drop(second);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_refused_reservation_holds_nothing_and_a_refused_growth_keeps_what_it_had() {
        let budget = Budget::new(100);

        let mut held = budget.reserve(60).expect("it fits");

        assert!(budget.reserve(41).is_err());
        assert!(budget.reserve(usize::MAX).is_err());
        assert_eq!(held.grow_to(101), Err(Exhausted));
        assert_eq!(held.grow_to(50), Ok(()));
        assert_eq!(budget.held(), 60);
    }

    #[test]
    fn threads_never_hold_more_than_the_budget_together() {
        let budget = Budget::new(1_000);

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let held = budget.reserve(300);
                        assert!(budget.held() <= 1_000);
                        drop(held);
                    }
                });
            }
        });

        assert_eq!(budget.held(), 0);
    }
}
