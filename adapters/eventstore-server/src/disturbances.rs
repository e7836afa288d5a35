//! What a busy or failing cluster does to its clients, on purpose: for tests. Off unless set.

use chrono::TimeDelta;
use fastrand::Rng;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The default disturbs nothing. The same seed gives the same sequence of decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Disturbances {
    pub seed: u64,
    /// Messages that may wait for the reader of a live subscription. One more ends it with `ABORTED`, as in EventStoreDB,
    /// where 32 may wait.
    pub live_buffer: Option<usize>,
    /// When nothing is read from any connection, and nothing written to any. They stay open.
    pub stall: Option<Stall>,
    /// By how much the log's answers to reads and appends may be late. How late each one is, is drawn.
    pub slow: Duration,
    /// Another server that leads. This one refuses the calls that require the leader.
    pub follows: Option<Leader>,
    /// Share of the appends at which the server is deposed, and at once the leader again: that append is not written, and
    /// the call ends with what is on its way. Of a batch, the appends before it are written, and half of the time none of
    /// them is answered.
    pub depositions: f64,
}

/// Times of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// After the start of the server.
    pub after: TimeDelta,
    pub lasts: TimeDelta,
    /// From the beginning of one to the beginning of the next. Without it there is only one.
    pub every: Option<TimeDelta>,
}

/// How often a server has disturbed its clients: a test that has met no disturbance proves nothing.
#[derive(Debug, Default)]
pub struct DisturbanceCounts {
    cuts: AtomicU64,
    stalls: AtomicU64,
    late_answers: AtomicU64,
    refusals: AtomicU64,
    depositions: AtomicU64,
}

/// What a server has done to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Ended a live subscription.
    Cut,
    /// Let a connection wait.
    Stall,
    /// Answered late.
    LateAnswer,
    /// Refused a call, or an append, because another server leads.
    Refusal,
    /// Was deposed at an append.
    Deposition,
}

impl DisturbanceCounts {
    /// How often it was done since the start.
    #[must_use]
    pub fn get(&self, disturbance: Disturbance) -> u64 {
        self.of(disturbance).load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, disturbance: Disturbance) {
        self.of(disturbance).fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, disturbance: Disturbance) -> &AtomicU64 {
        match disturbance {
            Disturbance::Cut => &self.cuts,
            Disturbance::Stall => &self.stalls,
            Disturbance::LateAnswer => &self.late_answers,
            Disturbance::Refusal => &self.refusals,
            Disturbance::Deposition => &self.depositions,
        }
    }
}

/// The leader that a follower names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    pub host: String,
    pub port: u16,
    /// Appends that this server takes before it follows. 0: it follows from the start.
    pub after_appends: u64,
}

/// What happens to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendDecision {
    Written,
    /// Not written: the server is not the leader any more.
    Deposed {
        /// Whether the client gets the answers to what was written before.
        answers: bool,
    },
}

/// Decides what happens to each append, call and connection.
#[derive(Debug)]
pub(crate) struct FaultInjector {
    options: Disturbances,
    state: Mutex<State>,
    counts: Arc<DisturbanceCounts>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    appends: u64,
}

impl FaultInjector {
    /// None if nothing is disturbed.
    pub(crate) fn new(options: &Disturbances, counts: &Arc<DisturbanceCounts>) -> Option<Self> {
        let off = Disturbances { seed: options.seed, ..Disturbances::default() };
        let state = Mutex::new(State { rng: Rng::with_seed(options.seed), appends: 0 });
        (*options != off).then(|| Self { options: options.clone(), state, counts: Arc::clone(counts) })
    }

    /// Counts what was done.
    pub(crate) fn count(&self, disturbance: Disturbance) {
        self.counts.count(disturbance);
    }

    pub(crate) fn live_buffer(&self) -> Option<usize> {
        self.options.live_buffer
    }

    /// How much of a stall is left for a server of this age.
    pub(crate) fn stalled_for(&self, age: TimeDelta) -> Option<Duration> {
        self.options.stall?.left(age)
    }

    pub(crate) fn may_be_slow(&self) -> bool {
        !self.options.slow.is_zero()
    }

    /// By how much the next answer of the log is late.
    pub(crate) fn delay(&self) -> Duration {
        let share = self.state.lock().rng.f64();
        self.count(Disturbance::LateAnswer);
        self.options.slow.mul_f64(share)
    }

    /// Who leads now, if it is another server.
    pub(crate) fn other_leader(&self) -> Option<&Leader> {
        let taken = self.state.lock().appends;
        self.options.follows.as_ref().filter(|leader| taken >= leader.after_appends)
    }

    /// What happens to the next append.
    pub(crate) fn next_append(&self) -> AppendDecision {
        let mut state = self.state.lock();
        // Both are drawn each time: one setting does not shift what the other decides.
        let (deposed, answers) = (state.rng.f64() < self.options.depositions, state.rng.bool());
        let follows = self.options.follows.as_ref().is_some_and(|leader| state.appends >= leader.after_appends);
        if deposed || follows {
            self.count(if follows { Disturbance::Refusal } else { Disturbance::Deposition });
            return AppendDecision::Deposed { answers };
        }
        state.appends += 1;
        AppendDecision::Written
    }
}

impl Stall {
    fn left(self, age: TimeDelta) -> Option<Duration> {
        let since = age - self.after;
        if since < TimeDelta::zero() {
            return None;
        }
        let since = match self.every.map(|every| every.num_milliseconds()) {
            Some(every @ 1..) => TimeDelta::milliseconds(since.num_milliseconds() % every),
            _ => since,
        };
        (self.lasts - since).to_std().ok().filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: TimeDelta = TimeDelta::seconds(1);

    fn injector(options: Disturbances) -> FaultInjector {
        FaultInjector::new(&options, &Arc::default()).unwrap()
    }

    #[test]
    fn a_seed_decides_and_nothing_happens_unasked() {
        let decisions = |seed| {
            let injector = injector(Disturbances { seed, depositions: 0.2, ..Disturbances::default() });
            (0..200).map(|_| injector.next_append()).collect::<Vec<_>>()
        };
        assert_eq!(decisions(1), decisions(1));
        assert_ne!(decisions(1), decisions(2));
        for decision in
            [AppendDecision::Written, AppendDecision::Deposed { answers: true }, AppendDecision::Deposed { answers: false }]
        {
            assert!(decisions(1).contains(&decision), "{decision:?}");
        }
        assert!(FaultInjector::new(&Disturbances { seed: 7, ..Disturbances::default() }, &Arc::default()).is_none());
    }

    #[test]
    fn one_setting_does_not_shift_what_another_decides() {
        let late = |depositions| {
            let injector = injector(Disturbances { slow: Duration::from_secs(1), depositions, ..Disturbances::default() });
            (0..9).map(|_| (injector.next_append(), injector.delay()).1).collect::<Vec<_>>()
        };
        assert_eq!(late(0.0), late(1.0));
        assert!(late(0.0).iter().all(|late| *late < Duration::from_secs(1)));
    }

    #[test]
    fn a_stall_has_an_end_and_comes_again_only_if_it_shall() {
        let once = Stall { after: SECOND * 5, lasts: SECOND * 2, every: None };
        let again = Stall { every: Some(SECOND * 10), ..once };
        let left = |stall: Stall| [4, 5, 6, 7, 15, 16, 17].map(|age| stall.left(SECOND * age).map(|left| left.as_secs()));
        assert_eq!(left(once), [None, Some(2), Some(1), None, None, None, None]);
        assert_eq!(left(again), [None, Some(2), Some(1), None, Some(2), Some(1), None]);
        // Without an end, and with nothing in between.
        assert_eq!(Stall { every: Some(TimeDelta::zero()), ..once }.left(SECOND * 5), Some(Duration::from_secs(2)));
        assert!(Stall { every: Some(SECOND), ..once }.left(SECOND * 99).is_some());
    }

    #[test]
    fn a_leader_that_is_deposed_stays_a_follower() {
        let leader = Leader { host: "other".to_owned(), port: 2113, after_appends: 2 };
        let injector = injector(Disturbances { follows: Some(leader.clone()), ..Disturbances::default() });
        assert_eq!([injector.next_append(), injector.next_append()], [AppendDecision::Written; 2]);
        assert!(matches!(injector.next_append(), AppendDecision::Deposed { .. }));
        assert_eq!(injector.other_leader(), Some(&leader));
        assert!(matches!(injector.next_append(), AppendDecision::Deposed { .. }));
    }
}
