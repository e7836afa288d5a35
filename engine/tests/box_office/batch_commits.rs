//! The holds of a batch reach a log that is atomic across streams in one call, and what becomes of the call is
//! what becomes of each of them.

use crate::common;

use async_trait::async_trait;
use common::batches::*;
use common::checker::assert_safe;
use common::slow_guard::SlowGuard;
use common::*;
use futures::FutureExt;
use futures::future::{BoxFuture, join, pending};
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, LogFault, Position, StreamWrite, WriteOutcome};
use lastseat_domain::ports::{Clock, SeatGuard};
use lastseat_domain::{BookingId, SeatId, Timestamp};
use lastseat_engine::{CommandError, Fault, Hold, HoldRequest};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::InProcessGuard;
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

type Answer = Result<Vec<WriteOutcome>, LogFault>;

/// What becomes of a call with the appends of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallFate {
    Carried,
    Unavailable,
    RequestLost,
    AnswerLost,
    /// Carried out, and answered for the first append only.
    MostAnswersMissing,
    /// Answered as written, and nothing written: a log that no engine is safe on.
    Lie,
}

/// A log that notes its calls.
struct Calls {
    inner: Arc<dyn EventLog>,
    /// Appends in each call of `append_each`.
    together: Mutex<Vec<usize>>,
    /// Calls of `append`.
    alone: AtomicUsize,
    fate: CallFate,
    /// What is appended alone gets no answer.
    is_silent: AtomicBool,
}

struct Noting(Arc<Calls>);

#[async_trait]
impl ForwardLog for Noting {
    fn inner(&self) -> &dyn EventLog {
        &*self.0.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Answer {
        self.0.alone.fetch_add(1, Ordering::SeqCst);
        if self.0.is_silent.load(Ordering::SeqCst) { lost() } else { self.0.inner.append(writes).await }
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Answer> {
        let count = appends.len();
        self.0.together.lock().unwrap().push(count);
        match self.0.fate {
            CallFate::Carried => self.0.inner.append_each(appends).await,
            CallFate::Unavailable => vec![Err(LogFault::Unavailable("instructed to be down".to_owned())); count],
            CallFate::RequestLost => vec![lost(); count],
            CallFate::AnswerLost => {
                self.0.inner.append_each(appends).await;
                vec![lost(); count]
            }
            CallFate::MostAnswersMissing => self.0.inner.append_each(appends).await.into_iter().take(1).collect(),
            CallFate::Lie => appends.iter().map(|writes| Ok(writes.iter().map(as_if_written).collect())).collect(),
        }
    }
}

fn lost() -> Answer {
    Err(LogFault::OutcomeUnknown("instructed to lose the answer".to_owned()))
}

fn as_if_written(write: &StreamWrite) -> WriteOutcome {
    let last_revision = write.expected.next_revision() + write.events.len() as u64 - 1;
    WriteOutcome::Written { last_revision, position: Position(1) }
}

impl Calls {
    /// A bench whose log is noted and has this fate.
    fn of(bench: &TestBench, fate: CallFate) -> (Arc<Self>, TestBench) {
        let calls = Arc::new(Self {
            inner: bench.log.clone(),
            together: Mutex::default(),
            alone: AtomicUsize::new(0),
            fate,
            is_silent: AtomicBool::new(false),
        });
        let log = Arc::new(ForwardingLog(Noting(calls.clone())));
        (calls, TestBench { log, ..bench.clone() })
    }

    fn together(&self) -> Vec<usize> {
        self.together.lock().unwrap().clone()
    }

    fn alone(&self) -> usize {
        self.alone.load(Ordering::SeqCst)
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

/// All 20 seats, then places of the floor.
fn holds(count: usize) -> Vec<HoldRequest> {
    let selection = |n: usize| match n {
        0..20 => seats(&[&format!("{}-{}", ["A", "B"][n / 10], n % 10 + 1)]),
        _ => floor(1),
    };
    (0..count).map(|n| keyed(&n.to_string(), &format!("buyer-{n}"), selection(n))).collect()
}

async fn opened(bench: &TestBench) -> BTreeSet<BookingId> {
    let history = bench.history().await;
    let booking = |event: &Event| if let Event::BookingOpened(opened) = event { Some(opened.booking) } else { None };
    history.iter().filter_map(|envelope| booking(&envelope.event)).collect()
}

/// Bookings that were acknowledged and are not in the log.
async fn false_acknowledgements(bench: &TestBench, answers: &[Result<Hold, CommandError>]) -> usize {
    let opened = opened(bench).await;
    answers.iter().flatten().filter(|hold| !opened.contains(&hold.booking.id)).count()
}

#[test]
fn what_becomes_of_the_one_call_becomes_of_each_hold_and_a_repeat_finds_what_was_written() {
    for fate in [CallFate::Unavailable, CallFate::RequestLost, CallFate::AnswerLost] {
        run(async {
            let bench = TestBench::new(true);
            open_large(&bench, test_settings()).await.drain(std::time::Duration::ZERO).await;
            let (calls, outside) = Calls::of(&bench, fate);
            let (office, batch) = (outside.node().await, holds(200));
            calls.is_silent.store(true, Ordering::SeqCst);
            let answers = send(&office, &batch).await;
            assert_eq!(calls.together(), [200]);
            let is_expected = |answer: &Result<Hold, CommandError>| match answer {
                Err(CommandError::Failed(Fault::Unavailable(_))) => fate == CallFate::Unavailable,
                Err(CommandError::Failed(Fault::OutcomeUnknown(_))) => fate != CallFate::Unavailable,
                _ => false,
            };
            assert!(answers.iter().all(is_expected), "{fate:?}: {:?}", outcomes(&answers));
            // What can not have been written is not repeated.
            assert_eq!(calls.alone(), if fate == CallFate::Unavailable { 0 } else { 3 * 200 }, "{fate:?}");
            assert_eq!(opened(&bench).await.len(), if fate == CallFate::AnswerLost { 200 } else { 0 });
            assert!(office.status().degraded[0].contains("can't be written"), "{:?}", office.status().degraded);

            calls.is_silent.store(false, Ordering::SeqCst);
            let healthy = bench.node().await;
            let again = send(&healthy, &batch).await;
            assert!(again.iter().all(Result::is_ok), "{fate:?}: {:?}", outcomes(&again));
            let replayed = again.iter().flatten().filter(|hold| hold.replayed).count();
            assert_eq!(replayed, if fate == CallFate::AnswerLost { 200 } else { 0 }, "{fate:?}");
            assert_eq!((opened(&bench).await.len(), false_acknowledgements(&bench, &again).await), (200, 0));
            assert_safe(&bench, &format!("{fate:?}")).await;
        });
    }
}

/// Each hold finds out for itself: by the same append, which can't be written twice.
#[test]
fn holds_without_an_answer_from_the_one_call_repeat_their_own_appends() {
    for (fate, repeated) in [(CallFate::RequestLost, 200), (CallFate::AnswerLost, 200), (CallFate::MostAnswersMissing, 199)] {
        run(async {
            let bench = TestBench::new(true);
            open_large(&bench, test_settings()).await.drain(std::time::Duration::ZERO).await;
            let (calls, outside) = Calls::of(&bench, fate);
            let answers = send(&outside.node().await, &holds(200)).await;
            assert!(answers.iter().flatten().filter(|hold| !hold.replayed).count() == 200, "{fate:?}: {:?}", outcomes(&answers));
            assert_eq!((calls.together(), calls.alone()), (vec![200], repeated), "{fate:?}");
            assert_eq!((opened(&bench).await.len(), false_acknowledgements(&bench, &answers).await), (200, 0));
            assert_safe(&bench, &format!("{fate:?}")).await;
        });
    }
}

/// The failing twin of the two tests above.
#[test]
fn a_log_that_lies_about_the_one_call_is_noticed() {
    run(async {
        let bench = TestBench::new(true);
        open_large(&bench, test_settings()).await.drain(std::time::Duration::ZERO).await;
        let (_, outside) = Calls::of(&bench, CallFate::Lie);
        let answers = send(&outside.node().await, &holds(200)).await;
        assert_eq!(false_acknowledgements(&bench, &answers).await, 200);
    });
}

/// Two nodes whose guards know nothing of each other, so that only the log can refuse.
#[test]
fn of_two_batches_at_once_for_the_same_seats_the_first_call_gets_all_and_the_other_none() {
    run(async {
        let bench = TestBench::new(true);
        bench.open().await.drain(std::time::Duration::ZERO).await;
        let (calls, outside) = Calls::of(&bench, CallFate::Carried);
        let (first, second) = (with_own_guard(&outside).node().await, with_own_guard(&outside).node().await);
        let rival = |n: usize| keyed(&format!("rival-{n}"), &format!("rival-{n}"), seats(&[&format!("A-{}", n + 1)]));
        let (batch, rivals) = (holds(10), (0..10).map(rival).collect::<Vec<_>>());
        let (held, refused) = join(send(&first, &batch), send(&second, &rivals)).await;
        assert!(held.iter().all(Result::is_ok), "{:?}", outcomes(&held));
        assert_eq!(outcomes(&refused), ["seat_unavailable"; 10]);
        assert!(refused.iter().all(|answer| matches!(answer, Err(CommandError::Rejected(_)))), "the log has decided");
        assert_eq!((calls.together(), calls.alone()), (vec![10, 10], 0));
        assert_safe(&bench, "two batches").await;
    });
}

#[test]
fn a_hold_that_decides_again_after_a_conflict_appends_alone() {
    run(async {
        let bench = TestBench::new(true);
        bench.open().await.drain(std::time::Duration::ZERO).await;
        let (calls, outside) = Calls::of(&bench, CallFate::Carried);
        let (first, second) = (with_own_guard(&outside).node().await, with_own_guard(&outside).node().await);
        let batch = |node: &str| ["a", "b"].map(|n| keyed(&format!("{node}-{n}"), &format!("{node}-{n}"), best(2)));
        let (batch, rivals) = (batch("first"), batch("second"));
        let (held, others) = join(send(&first, &batch), send(&second, &rivals)).await;
        assert_eq!(outcomes(&held).len() + outcomes(&others).len(), 4);
        let seats = held.iter().chain(&others).flatten().flat_map(|hold| hold.booking.seats().iter().map(|priced| &priced.seat));
        assert_eq!(seats.collect::<BTreeSet<_>>().len(), 8, "{:?} {:?}", outcomes(&held), outcomes(&others));
        assert_eq!(calls.together(), [2, 2]);
        assert!(calls.alone() >= 2, "both holds of the second batch had lost their seats");
        assert_safe(&bench, "two batches").await;
    });
}

fn with_own_guard(bench: &TestBench) -> TestBench {
    let guard: Arc<dyn SeatGuard> = Arc::new(InProcessGuard::new(bench.clock.clone()));
    TestBench { guard, ..bench.clone() }
}

#[test]
fn a_hold_that_is_late_does_not_keep_the_others_from_their_commit() {
    run(async {
        let (calls, bench) = Calls::of(&TestBench::new(true), CallFate::Carried);
        let guard = SlowGuard { inner: bench.guard.clone(), slow: SeatId::new("A-1").unwrap() };
        let bench = TestBench { guard: Arc::new(guard), ..bench };
        let office = bench.open().await;
        let answers = send(&office, &holds(10)).await;
        assert!(answers.iter().all(Result::is_ok), "{:?}", outcomes(&answers));
        assert_eq!(calls.together(), [9, 1]);
    });
}

#[test]
fn no_hold_waits_for_those_that_are_refused() {
    run(async {
        let (calls, bench) = Calls::of(&TestBench::new(true), CallFate::Carried);
        let office = bench.open().await;
        hold_as(&bench, &office, "bob", seats(&["A-10"])).await.unwrap();
        let mut batch = holds(5);
        // A seat that does not exist, one that is taken, one that the batch itself takes, and too many for a buyer.
        let refused = [seats(&["Z-1"]), seats(&["A-10"]), seats(&["A-2"]), floor(19)];
        batch.extend(refused.into_iter().enumerate().map(|(n, selection)| keyed(&format!("refused-{n}"), "bob", selection)));
        let begun = bench.clock.now();
        let answers = send(&office, &batch).await;
        assert_eq!(bench.clock.now(), begun);
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [[true; 5].as_slice(), &[false; 4]].concat());
        assert_eq!(calls.together(), [5]);
    });
}

/// Each stream is a call over the network there, and nothing is committed together.
#[test]
fn on_a_log_that_is_not_atomic_no_hold_waits_for_another() {
    run(async {
        let (calls, bench) = Calls::of(&TestBench::new(false), CallFate::Carried);
        let office = bench.open().await;
        let before = calls.alone();
        let answers = send(&office, &holds(20)).await;
        assert!(answers.iter().all(Result::is_ok), "{:?}", outcomes(&answers));
        assert_eq!((calls.together(), calls.alone() - before), (vec![], 20));
    });
}

/// Holds of one key are one booking, in one batch, too: here with other places of the floor.
#[test]
fn two_holds_of_a_batch_under_one_key_are_one_booking() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let batch = [keyed("key", "bob", floor(2)), keyed("key", "bob", floor(2)), keyed("other", "bob", floor(2))];
        let answers = send(&office, &batch).await;
        let holds: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap()).collect();
        assert_eq!(holds.iter().map(|hold| hold.replayed).collect::<Vec<_>>(), [false, true, false], "atomic: {atomic}");
        assert_eq!(holds[0].booking.seats(), holds[1].booking.seats());
        assert_eq!(opened(&bench).await.len(), 2);
        assert_safe(&bench, &format!("atomic: {atomic}")).await;
    });
}

/// A clock that shows each moment once, and on which no wait ends.
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_micros(1_800_000_000_000_000 + self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}

/// The twin: a log that gets the holds together, and commits them one by one.
struct OneByOne(Arc<dyn EventLog>);

#[async_trait]
impl ForwardLog for OneByOne {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for writes in appends {
            answers.push(self.0.append(writes).await);
        }
        answers
    }
}

/// Places 200 holds on the embedded log. It dates the events of a transaction alike, and here no two
/// transactions.
async fn transactions_of_200_holds(log: impl FnOnce(Arc<dyn EventLog>) -> Arc<dyn EventLog>) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Ticks(AtomicI64::new(0)));
    let embedded = Arc::new(SqliteLog::open(dir.path().join("log.db"), clock.clone()).unwrap());
    let bench = TestBench { log: log(embedded.clone()), clock, ..TestBench::new(true) };
    let office = open_large(&bench, test_settings()).await;
    let answers = send(&office, &holds(200)).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", outcomes(&answers));
    let of_holds = Filter { type_prefixes: vec!["BookingOpened".to_owned(), "SeatLocked".to_owned()], ..Filter::all() };
    let events = embedded.read_all(None, Direction::Forwards, usize::MAX, &of_holds).await.unwrap();
    assert_eq!(events.len(), 400);
    embedded.close().await.unwrap();
    events.iter().map(|event| event.recorded_at).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn the_embedded_log_commits_200_holds_in_one_transaction() {
    assert_eq!(transactions_of_200_holds(|log| log).await, 1);
    let one_by_one = |log| Arc::new(ForwardingLog(OneByOne(log))) as Arc<dyn EventLog>;
    assert_eq!(transactions_of_200_holds(one_by_one).await, 200);
}
