//! The circuit breaker of the calls to the store. It judges the store by silence: it opens when several calls have failed and
//! nothing at all has been answered for a while, and not because one call was slow. If only one call was there to fail, the store
//! is asked for something easy first. While the circuit is open, calls fail at once.
//! As soon as the store takes connections again, one trial call goes through; the first answer closes the circuit.

use std::time::Duration;
use tokio::time::Instant;

/// When the circuit opens, and how the store is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOptions {
    /// Time without any answer, in which several calls fail, that opens it. Default 4 s.
    pub silence: Duration,
    /// Pause between two tries to connect while it is open. Default 250 ms.
    pub probe: Duration,
    /// Time after which a further trial call may start, on a new connection, if the last one has not ended; also how long the
    /// store may take for the question that follows a single failed call. Default 1 s.
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

/// What follows from a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Nothing,
    /// One call has got no answer for as long as opens the circuit, and no other was there to be answered: ask the store.
    AskStore,
    /// This has opened the circuit.
    Opened,
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
    /// How many those are.
    failures: u32,
    /// When it left the closed state.
    opened: Option<Instant>,
}

impl Circuit {
    pub(crate) fn new(options: CircuitOptions) -> Self {
        Self { options, state: State::Closed, answered: None, failing: None, failures: 0, opened: None }
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
        self.failures = 0;
        closes
    }

    /// A call that began at `started` has failed because of the store or the network.
    pub(crate) fn failed(&mut self, started: Instant, now: Instant) -> Verdict {
        match self.state {
            State::Closed => {
                let quiet = self.answered.map_or(started, |answered| answered.max(started));
                let since = *self.failing.get_or_insert(quiet);
                self.failures = self.failures.saturating_add(1);
                if now.saturating_duration_since(since) < self.options.silence {
                    return Verdict::Nothing;
                }
                if self.failures == 1 {
                    return Verdict::AskStore;
                }
                (self.state, self.opened) = (State::Open, Some(now));
                Verdict::Opened
            }
            // The calls before the trial say nothing about it.
            State::Trying(since) if started >= since => {
                self.state = State::Open;
                Verdict::Nothing
            }
            State::Open | State::Ready | State::Trying(_) => Verdict::Nothing,
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
        assert_eq!(circuit.failed(start, start + 999 * MS), Verdict::Nothing);
        assert_eq!(circuit.failed(start, start + 1000 * MS), Verdict::Opened);
        (circuit, start + 1000 * MS)
    }

    #[test]
    fn slow_calls_do_not_open_it_while_others_are_answered() {
        let (mut circuit, start) = circuit();
        circuit.answered(start + 2900 * MS);
        for n in 0..100 {
            let now = start + n * 300 * MS;
            // Each has waited for three times as long as the silence that would open it.
            assert_eq!(circuit.failed(now, now + 3000 * MS), Verdict::Nothing);
            circuit.answered(now + 3000 * MS);
            assert_eq!(circuit.state(), CircuitState::Closed);
        }
    }

    #[test]
    fn it_opens_when_nothing_was_answered_for_the_whole_time() {
        let (mut circuit, start) = circuit();
        circuit.answered(start);
        assert_eq!(circuit.failed(start, start + 10 * MS), Verdict::Nothing, "the connection was refused at once");
        assert_eq!(circuit.failed(start + 990 * MS, start + 999 * MS), Verdict::Nothing);
        assert_eq!(circuit.admit(start + 999 * MS), Some(Admitted::Freely));
        assert_eq!(circuit.failed(start + 995 * MS, start + 1000 * MS), Verdict::Opened);
        assert_eq!((circuit.state(), circuit.admit(start + 9000 * MS)), (CircuitState::Open, None));
        assert_eq!(circuit.failed(start, start + 9000 * MS), Verdict::Nothing, "it is reported once");
    }

    #[test]
    fn one_call_without_an_answer_opens_it_only_if_the_store_does_not_answer_another_either() {
        let (mut circuit, start) = circuit();
        for answers in [true, false] {
            let failed = start + 1000 * MS;
            circuit.answered(start);
            assert_eq!(circuit.failed(start, failed), Verdict::AskStore);
            assert_eq!((circuit.state(), circuit.admit(failed)), (CircuitState::Closed, Some(Admitted::Freely)));
            if answers {
                circuit.answered(failed + 10 * MS);
            } else {
                assert_eq!(circuit.failed(failed, failed + 200 * MS), Verdict::Opened);
            }
        }
    }

    #[test]
    fn a_quiet_time_without_calls_is_no_silence() {
        let (mut circuit, start) = circuit();
        circuit.answered(start);
        let later = start + 3_600_000 * MS;
        assert_eq!(circuit.failed(later, later + 10 * MS), Verdict::Nothing);
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
            assert_eq!(circuit.failed(now - MS, now), Verdict::Nothing, "a call from before it");
            assert_eq!(circuit.state(), CircuitState::Trying);
            assert_eq!(circuit.failed(now, now + MS), Verdict::Nothing);
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
