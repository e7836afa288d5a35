//! The circuit breaker of the calls to the store. It judges the store by silence: it opens when a call has failed and
//! nothing at all has been answered for a while, and not because one call was slow. While it is open, calls fail at once.
//! As soon as the store takes connections again, one trial call goes through; the first answer closes the circuit.

use std::time::Duration;
use tokio::time::Instant;

/// When the circuit opens, and how the store is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOptions {
    /// Time without any answer, in which calls fail, that opens it. Default 4 s.
    pub silence: Duration,
    /// Pause between two tries to connect while it is open. Default 250 ms.
    pub probe: Duration,
    /// Time after which a further trial call may start, on a new connection, if the last one has not ended. Default 1 s.
    pub trial: Duration,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self { silence: Duration::from_secs(4), probe: Duration::from_millis(250), trial: Duration::from_secs(1) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls fail at once.
    Open,
    /// One trial call is in progress; the others fail at once.
    Trying,
}

/// How a call was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    Freely,
    /// As the trial of an open circuit.
    OnTrial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open,
    /// The store takes connections: one call may try.
    Ready,
    /// Since when.
    Trying(Instant),
}

#[derive(Debug)]
pub(crate) struct Circuit {
    options: CircuitOptions,
    state: State,
    /// The last answer of the store.
    answered: Option<Instant>,
    /// Since when there were only failures.
    failing: Option<Instant>,
    /// When it left the closed state.
    opened: Option<Instant>,
}

impl Circuit {
    pub(crate) fn new(options: CircuitOptions) -> Self {
        Self { options, state: State::Closed, answered: None, failing: None, opened: None }
    }

    pub(crate) fn state(&self) -> CircuitState {
        match self.state {
            State::Closed => CircuitState::Closed,
            State::Open | State::Ready => CircuitState::Open,
            State::Trying(_) => CircuitState::Trying,
        }
    }

    /// When it opened, unless it is closed.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// Admits a call, whose outcome must be reported. `None`: it must fail at once.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Admitted> {
        let may_try = match self.state {
            State::Closed => return Some(Admitted::Freely),
            State::Open => false,
            State::Ready => true,
            State::Trying(since) => now.saturating_duration_since(since) >= self.options.trial,
        };
        may_try.then(|| {
            self.state = State::Trying(now);
            Admitted::OnTrial
        })
    }

    /// The store has answered something. Returns whether that has closed the circuit.
    pub(crate) fn answered(&mut self, now: Instant) -> bool {
        let closes = self.state != State::Closed;
        (self.state, self.answered, self.failing, self.opened) = (State::Closed, Some(now), None, None);
        closes
    }

    /// A call that began at `started` has failed because of the store or the network. Returns whether that has opened the circuit.
    pub(crate) fn failed(&mut self, started: Instant, now: Instant) -> bool {
        match self.state {
            State::Closed => {
                let quiet = self.answered.map_or(started, |answered| answered.max(started));
                let since = *self.failing.get_or_insert(quiet);
                if now.saturating_duration_since(since) < self.options.silence {
                    return false;
                }
                (self.state, self.opened) = (State::Open, Some(now));
                true
            }
            // The calls before the trial say nothing about it.
            State::Trying(since) if started >= since => {
                self.state = State::Open;
                false
            }
            State::Open | State::Ready | State::Trying(_) => false,
        }
    }

    /// A call that began at `started` was cancelled, or its outcome says nothing about the store's health.
    pub(crate) fn abandoned(&mut self, started: Instant) {
        if let State::Trying(since) = self.state
            && started >= since
        {
            self.state = State::Ready;
        }
    }

    /// The store takes connections.
    pub(crate) fn connectable(&mut self) {
        if self.state == State::Open {
            self.state = State::Ready;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn circuit() -> (Circuit, Instant) {
        let options = CircuitOptions { silence: 1000 * MS, probe: 50 * MS, trial: 200 * MS };
        (Circuit::new(options), Instant::now())
    }

    fn open() -> (Circuit, Instant) {
        let (mut circuit, start) = circuit();
        assert!(circuit.failed(start, start + 1000 * MS));
        (circuit, start + 1000 * MS)
    }

    #[test]
    fn slow_calls_do_not_open_it_while_others_are_answered() {
        let (mut circuit, start) = circuit();
        circuit.answered(start + 2900 * MS);
        for n in 0..100 {
            let now = start + n * 300 * MS;
            // Each has waited for three times as long as the silence that would open it.
            assert!(!circuit.failed(now, now + 3000 * MS));
            circuit.answered(now + 3000 * MS);
            assert_eq!(circuit.state(), CircuitState::Closed);
        }
    }

    #[test]
    fn it_opens_when_nothing_was_answered_for_the_whole_time() {
        let (mut circuit, start) = circuit();
        circuit.answered(start);
        assert!(!circuit.failed(start, start + 10 * MS), "the connection was refused at once");
        assert!(!circuit.failed(start + 990 * MS, start + 999 * MS));
        assert_eq!(circuit.admit(start + 999 * MS), Some(Admitted::Freely));
        assert!(circuit.failed(start + 995 * MS, start + 1000 * MS));
        assert_eq!((circuit.state(), circuit.admit(start + 9000 * MS)), (CircuitState::Open, None));
        assert!(!circuit.failed(start, start + 9000 * MS), "it is reported once");
    }

    #[test]
    fn a_quiet_time_without_calls_is_no_silence() {
        let (mut circuit, start) = circuit();
        circuit.answered(start);
        let later = start + 3_600_000 * MS;
        assert!(!circuit.failed(later, later + 10 * MS));
    }

    #[test]
    fn one_call_may_try_as_soon_as_the_store_takes_connections() {
        let (mut circuit, now) = open();
        assert_eq!(circuit.admit(now), None);
        circuit.connectable();
        assert_eq!((circuit.admit(now), circuit.state()), (Some(Admitted::OnTrial), CircuitState::Trying));
        assert_eq!(circuit.admit(now + MS), None, "and only one");
        assert!(circuit.answered(now + 2 * MS));
        assert_eq!((circuit.admit(now + 3 * MS), circuit.opened()), (Some(Admitted::Freely), None));
    }

    #[test]
    fn a_failed_trial_opens_it_again_and_the_pause_does_not_grow() {
        let (mut circuit, mut now) = open();
        for _ in 0..10 {
            circuit.connectable();
            assert_eq!(circuit.admit(now), Some(Admitted::OnTrial));
            assert!(!circuit.failed(now - MS, now), "a call from before it");
            assert_eq!(circuit.state(), CircuitState::Trying);
            assert!(!circuit.failed(now, now + MS));
            assert_eq!((circuit.state(), circuit.admit(now + MS)), (CircuitState::Open, None));
            now += 50 * MS;
        }
        assert!(circuit.opened().is_some());
    }

    #[test]
    fn a_trial_without_an_outcome_does_not_block_the_circuit() {
        let (mut circuit, now) = open();
        circuit.connectable();
        assert!(circuit.admit(now).is_some());
        circuit.abandoned(now - MS);
        assert_eq!(circuit.admit(now), None, "a call from before it says nothing of it");
        circuit.abandoned(now);
        assert!(circuit.admit(now).is_some(), "the next may try");
        assert_eq!(circuit.admit(now + 199 * MS), None);
        assert_eq!(circuit.admit(now + 200 * MS), Some(Admitted::OnTrial), "the one before it has taken too long");
    }
}
