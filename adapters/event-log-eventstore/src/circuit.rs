//! The circuit breaker: when the store is given a rest. Pure; the time is an argument.
//!
//! Closed, every call goes through. After several failures in a row it opens, and calls fail at
//! once. After a pause one call is let through to see; the pause doubles with every failure and is
//! over with the first success.

use std::time::Duration;
use tokio::time::Instant;

/// When the circuit opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOptions {
    /// Failures in a row, without a success in between, that open it. At least 1. Default 5.
    pub failures: u32,
    /// How close together they have to be. Default 10 s.
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

/// Whether calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// They do.
    Closed,
    /// They fail at once, until the pause is over.
    Open,
    /// One call is under way to see whether the store is back; the others fail at once.
    Trying,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Circuit {
    options: CircuitOptions,
    state: CircuitState,
    /// Failures since the last success.
    failures: u32,
    /// When the first of them was.
    first_failure: Option<Instant>,
    /// When it last opened after having been closed.
    opened: Option<Instant>,
    pause: Duration,
    /// When the next call may try.
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

    /// Whether a call may go through that takes no longer than `within`. One that may has to report
    /// how it went; if it never does, another may try after that time.
    ///
    /// # Errors
    /// How long to wait before asking again.
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

    /// A call failed in a way that speaks of the store's or the network's health.
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
            // Of a call that set out before.
            CircuitState::Open => {}
        }
    }

    /// A call was given up by its caller, or its answer says nothing about the store's health.
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
    fn opens_after_failures_in_a_row_and_closes_with_a_success() {
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
    fn a_success_in_between_or_a_long_time_makes_failures_single() {
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
    fn the_pause_doubles_up_to_the_longest_and_a_given_up_try_is_free_again() {
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
        assert_eq!(circuit.admit(now + LONG, LONG), Ok(()), "one that is never heard of again blocks nobody for ever");
    }
}
