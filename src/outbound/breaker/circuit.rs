//! The circuit of one server, as a pure state: time and randomness are arguments.

use crate::domain::back_off;
use std::time::{Duration, Instant};

use crate::outbound::CallFailure;

/// So many transient failures in a row open the circuit.
pub const FAILURES_TO_OPEN: u32 = 5;
/// How long the circuit stays open the first time.
pub const OPEN_FIRST: Duration = Duration::from_secs(30);
/// The longest it stays open, before randomness is added.
pub const OPEN_MAX: Duration = Duration::from_mins(10);
/// A trial that never reports is given up after this time, and another call becomes the trial.
pub const TRIAL_MAX: Duration = Duration::from_mins(2);
/// What a finished call says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It answered, if only to refuse.
    Alive,
    /// It did not, or wants to be left alone.
    Failing,
    /// Nothing: no call reached it.
    Nothing,
}

impl Evidence {
    /// What the result of a call says.
    pub fn of<T>(result: &Result<T, CallFailure>) -> Self {
        match result {
            Ok(_) | Err(CallFailure::Refused { .. } | CallFailure::BadAnswer { .. }) => Self::Alive,
            Err(CallFailure::Throttled { .. } | CallFailure::ServerFailed { .. }) => Self::Failing,
            Err(CallFailure::Unavailable { cause }) if cause.is_transient() => Self::Failing,
            Err(
                CallFailure::Unavailable { .. }
                | CallFailure::Paced { .. }
                | CallFailure::NotSendable { .. }
                | CallFailure::NoToken { .. }
                | CallFailure::CircuitOpen { .. },
            ) => Self::Nothing,
        }
    }
}

/// The circuit of one server, as a pure state.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    state: State,
    /// Counts changes of the state, so that a call from before one does not decide about what came after.
    generation: u64,
    /// How often in a row it opened without an answer in between.
    openings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { trial_began: Instant },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    /// Asks to call. Returns the generation to report with, or how long nobody may call.
    pub fn ask(&mut self, now: Instant) -> Result<u64, Duration> {
        match self.state {
            State::Closed { .. } => return Ok(self.generation),
            State::Open { until } if now < until => return Err(until - now),
            State::HalfOpen { trial_began } if now < trial_began + TRIAL_MAX => {
                return Err(trial_began + TRIAL_MAX - now);
            }
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
        self.enter(State::HalfOpen { trial_began: now });
        Ok(self.generation)
    }

    /// Reports what a call of this generation has shown. `randomness` (0 to 255) lengthens an opening by up to a quarter, so that
    /// many processes do not come back at once.
    pub fn report(&mut self, generation: u64, evidence: Evidence, now: Instant, randomness: u8) {
        if generation != self.generation {
            return;
        }
        match (self.state, evidence) {
            (State::Closed { failures }, Evidence::Failing) if failures + 1 >= FAILURES_TO_OPEN => {
                self.open(now, randomness);
            }
            (State::Closed { failures }, Evidence::Failing) => self.state = State::Closed { failures: failures + 1 },
            (State::Closed { .. }, Evidence::Alive) => self.state = State::Closed { failures: 0 },
            (State::HalfOpen { .. }, Evidence::Failing) => self.open(now, randomness),
            (State::HalfOpen { .. }, Evidence::Alive) => {
                self.openings = 0;
                self.enter(State::Closed { failures: 0 });
            }
            // A trial that reached nobody: the next call is the trial.
            (State::HalfOpen { .. }, Evidence::Nothing) => self.enter(State::Open { until: now }),
            (State::Closed { .. }, Evidence::Nothing) | (State::Open { .. }, _) => {}
        }
    }

    fn open(&mut self, now: Instant, randomness: u8) {
        let doubled = back_off::doubled(OPEN_FIRST, OPEN_MAX, self.openings);
        self.openings = self.openings.saturating_add(1);
        let jitter = doubled / 4 * u32::from(randomness) / u32::from(u8::MAX);
        self.enter(State::Open { until: now + doubled + jitter });
    }

    const fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(circuit: &mut Circuit, now: Instant, randomness: u8) {
        let generation = circuit.ask(now).expect("let through");
        circuit.report(generation, Evidence::Failing, now, randomness);
    }

    fn opened_at(start: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        (0..FAILURES_TO_OPEN).for_each(|_| fail(&mut circuit, start, 0));
        circuit
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_an_answer_in_between_starts_the_count_again() {
        let start = Instant::now();
        let mut circuit = Circuit::default();
        (0..4).for_each(|_| fail(&mut circuit, start, 0));
        let generation = circuit.ask(start).expect("closed");
        circuit.report(generation, Evidence::Alive, start, 0);
        (0..4).for_each(|_| fail(&mut circuit, start, 0));
        assert!(circuit.ask(start).is_ok());
        fail(&mut circuit, start, 0);
        assert_eq!(circuit.ask(start), Err(OPEN_FIRST));
    }

    #[test]
    fn one_trial_is_let_through_and_its_answer_closes_the_circuit() {
        let start = Instant::now();
        let mut circuit = opened_at(start);
        let later = start + OPEN_FIRST;
        let trial = circuit.ask(later).expect("the trial");
        assert!(circuit.ask(later).is_err(), "only one");
        circuit.report(trial, Evidence::Alive, later, 0);
        assert!(circuit.ask(later).is_ok());
        (0..FAILURES_TO_OPEN).for_each(|_| fail(&mut circuit, later, 0));
        assert_eq!(circuit.ask(later), Err(OPEN_FIRST), "an answer forgives earlier openings");
    }

    #[test]
    fn each_failed_trial_doubles_the_wait_up_to_ten_minutes_and_randomness_adds_a_quarter_at_most() {
        let mut now = Instant::now();
        let mut circuit = opened_at(now);
        for expected in [30, 60, 120, 240, 480, 600, 600, 600] {
            let wait = circuit.ask(now).expect_err("open");
            assert_eq!(wait, Duration::from_secs(expected));
            now += wait;
            fail(&mut circuit, now, 0);
        }
        now += OPEN_MAX;
        fail(&mut circuit, now, u8::MAX);
        assert_eq!(circuit.ask(now), Err(Duration::from_secs(750)));
    }

    #[test]
    fn a_call_from_before_the_opening_decides_nothing_after_it() {
        let start = Instant::now();
        let mut circuit = Circuit::default();
        let slow = circuit.ask(start).expect("closed");
        (0..FAILURES_TO_OPEN).for_each(|_| fail(&mut circuit, start, 0));
        circuit.report(slow, Evidence::Alive, start, 0);
        assert!(circuit.ask(start).is_err(), "still open");
        let trial = circuit.ask(start + OPEN_FIRST).expect("the trial");
        circuit.report(slow, Evidence::Failing, start + OPEN_FIRST, 0);
        circuit.report(trial, Evidence::Alive, start + OPEN_FIRST, 0);
        assert!(circuit.ask(start + OPEN_FIRST).is_ok());
    }

    #[test]
    fn a_trial_that_says_nothing_or_never_ends_makes_room_for_the_next() {
        let start = Instant::now();
        let mut circuit = opened_at(start);
        let later = start + OPEN_FIRST;
        let trial = circuit.ask(later).expect("the trial");
        circuit.report(trial, Evidence::Nothing, later, 0);
        circuit.ask(later).expect("the next trial");
        assert_eq!(circuit.ask(later), Err(TRIAL_MAX));
        assert!(circuit.ask(later + TRIAL_MAX).is_ok());
    }
}
