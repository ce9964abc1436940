//! Leaving a server alone that keeps failing, so that it can recover and our workers do not wait for nothing.
//!
//! ```text
//!  closed ── 5 transient failures in a row ──▶ open (30 s, doubled each time, at most 10 min, plus randomness)
//!    ▲                                           │ time is up: the next call is the trial, all others wait
//!    └──────────── trial answered ────────── half open ── trial failed ──▶ open, for longer
//! ```
//!
//! In memory only: another process learns on its own, and a restart forgets.

mod circuit;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

pub use self::circuit::{Circuit, Evidence};
#[cfg(test)]
pub use self::circuit::{FAILURES_TO_OPEN, OPEN_FIRST, OPEN_MAX};

use super::CallFailure;
use crate::domain::Entropy;

/// The most destinations that are remembered; beyond it the one that was used longest ago is forgotten.
pub const DESTINATIONS_MAX: usize = 1024;

/// The circuits of all destinations, for tasks to share.
pub struct Breaker {
    circuits: Mutex<BTreeMap<String, (Circuit, Instant)>>,
    entropy: Arc<dyn Entropy>,
}

impl Breaker {
    /// All circuits closed.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { circuits: Mutex::default(), entropy }
    }

    /// Makes a call to `destination` (a host, or a host with a tenant) unless its circuit is open; then it fails at once
    /// with [`CallFailure::CircuitOpen`]. A call that is given up counts as nothing.
    pub async fn guard<T>(
        &self,
        destination: &str,
        call: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, CallFailure> {
        let asked = self.with(destination, |circuit| circuit.ask(Instant::now()));
        let generation = asked.map_err(|retry_after| CallFailure::CircuitOpen { retry_after })?;
        let mut passage = Passage { breaker: self, destination, generation, evidence: Evidence::Nothing };
        let result = call.await;
        passage.evidence = Evidence::of(&result);
        result
    }

    fn with<T>(&self, destination: &str, act: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if !circuits.contains_key(destination) {
            if circuits.len() >= DESTINATIONS_MAX {
                let oldest = circuits.iter().min_by_key(|(_, (_, used_at))| *used_at).map(|(name, _)| name.clone());
                oldest.map(|name| circuits.remove(&name));
            }
            circuits.insert(destination.to_owned(), (Circuit::default(), now));
        }
        let (circuit, used_at) = circuits.get_mut(destination).expect("it was put there");
        *used_at = now;
        act(circuit)
    }
}

/// A call under way. Reports when it ends, also when it is given up.
struct Passage<'a> {
    breaker: &'a Breaker,
    destination: &'a str,
    generation: u64,
    evidence: Evidence,
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        let mut randomness = [0];
        self.breaker.entropy.fill(&mut randomness);
        let (generation, evidence) = (self.generation, self.evidence);
        self.breaker
            .with(self.destination, |circuit| circuit.report(generation, evidence, Instant::now(), randomness[0]));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::pending;

    use super::*;
    use crate::outbound::OutboundError;

    struct NoRandomness;

    impl Entropy for NoRandomness {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[tokio::test]
    async fn an_open_circuit_stops_calls_to_its_destination_only() {
        let breaker = Breaker::new(Arc::new(NoRandomness));
        for _ in 0..FAILURES_TO_OPEN {
            let failed = async { Err::<(), _>(CallFailure::ServerFailed { status: 503, retry_after: None }) };
            assert!(breaker.guard("down.example", failed).await.is_err());
        }
        let mut is_called = false;
        let call = async {
            is_called = true;
            Ok(())
        };
        let failure = breaker.guard("down.example", call).await.expect_err("stopped");
        assert!(!is_called);
        assert!(matches!(failure, CallFailure::CircuitOpen { .. }) && failure.is_transient(), "{failure:?}");
        assert!(failure.retry_after().is_some_and(|wait| wait <= OPEN_FIRST));
        assert!(breaker.guard("up.example", async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn rejections_and_calls_that_reached_nobody_do_not_open_it() {
        let breaker = Breaker::new(Arc::new(NoRandomness));
        for _ in 0..20 {
            let refused = async { Err::<(), _>(CallFailure::Refused { status: 403 }) };
            let _ = breaker.guard("a", refused).await;
            let bad_address = async { Err::<(), _>(OutboundError::BadAddress { what: "x" }.into()) };
            let _ = breaker.guard("a", bad_address).await;
            let paced = async { Err::<(), _>(CallFailure::Paced { retry_after: OPEN_MAX }) };
            let _ = breaker.guard("a", paced).await;
            let given_up = breaker.guard("a", pending::<Result<(), CallFailure>>());
            assert!(tokio::time::timeout(Duration::from_millis(1), given_up).await.is_err());
        }
        assert!(breaker.guard("a", async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn only_so_many_destinations_are_remembered() {
        let breaker = Breaker::new(Arc::new(NoRandomness));
        for number in 0..DESTINATIONS_MAX + 50 {
            breaker.guard(&number.to_string(), async { Ok(()) }).await.expect("closed");
        }
        assert_eq!(breaker.circuits.lock().expect("no test panicked").len(), DESTINATIONS_MAX);
    }
}
