//! A circuit breaker. Pure: the time is an argument.
//!
//! While it is closed, every call goes through. After several failures in a row it opens, and calls fail
//! at once. After a pause one trial call goes through; the pause doubles with each failed trial, and the
//! first success closes the circuit.

use std::time::Duration;
use tokio::time::Instant;

/// When the circuit opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOptions {
    /// Failures in a row that open it. At least 1. Default 5.
    pub failures: u32,
    /// Time within which they have to occur. Default 10 s.
    pub window: Duration,
    /// First pause. Default 250 ms.
    pub first_pause: Duration,
    /// Longest pause. Default 5 s.
    pub longest_pause: Duration,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(10),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls fail at once, until the pause is over.
    Open,
    /// One trial call is under way; the others fail at once.
    Trying,
}

#[derive(Debug)]
pub(crate) struct Circuit {
    options: CircuitOptions,
    state: CircuitState,
    /// Failures since the last success.
    failures: u32,
    first_failure: Option<Instant>,
    /// When it left the closed state.
    opened: Option<Instant>,
    pause: Duration,
    /// When the next trial call may start.
    try_at: Option<Instant>,
}

impl Circuit {
    pub(crate) fn new(options: CircuitOptions) -> Self {
        let pause = options.first_pause;
        Self { options, state: CircuitState::Closed, failures: 0, first_failure: None, opened: None, pause, try_at: None }
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.state
    }

    /// When it opened, unless it is closed.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// Admits a call that takes at most `within`. The caller must report the outcome; if it doesn't,
    /// another trial call is admitted after that time.
    ///
    /// # Errors
    /// How long to wait before trying again.
    pub(crate) fn admit(&mut self, now: Instant, within: Duration) -> Result<(), Duration> {
        if self.state == CircuitState::Closed {
            return Ok(());
        }
        let left = self.try_at.map(|at| at.saturating_duration_since(now)).unwrap_or_default();
        if !left.is_zero() {
            return Err(left);
        }
        self.state = CircuitState::Trying;
        self.try_at = Some(now + within);
        Ok(())
    }

    /// A call was answered.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::new(self.options.clone());
    }

    /// A call failed because of the store or the network.
    pub(crate) fn failed(&mut self, now: Instant) {
        match self.state {
            CircuitState::Closed => {
                if self.first_failure.is_none_or(|first| now.saturating_duration_since(first) > self.options.window) {
                    (self.first_failure, self.failures) = (Some(now), 0);
                }
                self.failures += 1;
                if self.failures >= self.options.failures {
                    self.opened = Some(now);
                    self.open(now);
                }
            }
            CircuitState::Trying => {
                self.pause = (self.pause * 2).min(self.options.longest_pause);
                self.open(now);
            }
            // A call from before it opened.
            CircuitState::Open => {}
        }
    }

    /// A call was cancelled, or its outcome says nothing about the store's health.
    pub(crate) fn abandoned(&mut self, now: Instant) {
        if self.state == CircuitState::Trying {
            self.state = CircuitState::Open;
            self.try_at = Some(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = CircuitState::Open;
        self.try_at = Some(now + self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(1);

    fn circuit() -> (Circuit, Instant) {
        let options = CircuitOptions { failures: 3, window: 1000 * MS, first_pause: 100 * MS, longest_pause: 300 * MS };
        (Circuit::new(options), Instant::now())
    }

    #[test]
    fn opens_after_failures_in_a_row_and_closes_after_a_success() {
        let (mut circuit, now) = circuit();
        for _ in 0..2 {
            circuit.failed(now);
            assert_eq!(circuit.admit(now, LONG), Ok(()));
        }
        circuit.failed(now);
        assert_eq!(circuit.admit(now + 40 * MS, LONG), Err(60 * MS));
        assert_eq!(circuit.admit(now + 100 * MS, LONG), Ok(()), "one may try");
        assert!(circuit.admit(now + 100 * MS, LONG).is_err(), "and only one");
        circuit.succeeded();
        assert_eq!((circuit.admit(now + 101 * MS, LONG), circuit.opened()), (Ok(()), None));
    }

    #[test]
    fn a_success_or_a_long_time_between_failures_resets_the_count() {
        let (mut circuit, now) = circuit();
        for n in 0..10 {
            circuit.failed(now + n * MS);
            circuit.failed(now + n * MS);
            circuit.succeeded();
        }
        for n in 0..10 {
            circuit.failed(now + n * 600 * MS);
        }
        assert_eq!(circuit.state(), CircuitState::Closed);
    }

    #[test]
    fn the_pause_doubles_up_to_the_longest_and_a_cancelled_trial_frees_its_place() {
        let (mut circuit, mut now) = circuit();
        (0..3).for_each(|_| circuit.failed(now));
        for pause in [100, 200, 300, 300] {
            assert_eq!(circuit.admit(now, LONG), Err(pause * MS));
            now += pause * MS;
            assert_eq!(circuit.admit(now, LONG), Ok(()));
            circuit.failed(now);
        }
        now += 300 * MS;
        assert_eq!(circuit.admit(now, LONG), Ok(()));
        circuit.abandoned(now);
        assert_eq!(circuit.admit(now, LONG), Ok(()), "the next may try");
        assert!(circuit.opened().is_some());
        assert!(circuit.admit(now, LONG).is_err());
        assert_eq!(circuit.admit(now + LONG, LONG), Ok(()), "a trial without an outcome doesn't block the circuit for good");
    }
}
