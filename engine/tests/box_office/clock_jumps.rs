//! Somebody sets the machine's clock, forward or back, while seats are held.

use crate::common;

use chrono::TimeDelta;
use common::checker::unsafe_now;
use common::*;
use futures::future::BoxFuture;
use lastseat_domain::booking::Phase;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::{BookingId, StreamName, Timestamp, codec};
use lastseat_engine::{BoxOffice, Hold};
use lastseat_in_process::{InProcessGuard, SteadyClock};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_testkit::{JumpingTime, MemoryLog};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How long a hold of the test show lasts.
const HOLD: Duration = Duration::from_secs(600);

struct Office {
    wall: Arc<JumpingTime>,
    bench: TestBench,
    office: BoxOffice,
}

/// A box office on the clock that a server has, over a machine's clock that can be set.
async fn open() -> Office {
    let wall = Arc::new(JumpingTime::start());
    let read = Arc::clone(&wall);
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::over(move || read.now()));
    let sandbox = Arc::new(SandboxGateway::in_memory(clock.clone()));
    let bench = TestBench {
        log: Arc::new(MemoryLog::new(clock.clone(), true)),
        guard: Arc::new(InProcessGuard::new(clock.clone())),
        payments: sandbox.clone(),
        sandbox,
        clock,
        ids: Arc::default(),
    };
    let office = bench.open().await;
    Office { wall, bench, office }
}

impl Office {
    async fn hold(&self) -> Hold {
        hold(&self.bench, &self.office, seats(&["A-1"])).await.unwrap()
    }

    async fn is_held(&self, booking: BookingId) -> bool {
        matches!(self.office.booking(booking).await.unwrap().unwrap().phase, Phase::Held)
    }

    /// How long a hold goes on, in real time, to the second.
    async fn lasts(&self, booking: BookingId) -> Duration {
        let started = Instant::now();
        while self.is_held(booking).await {
            assert!(started.elapsed() < HOLD * 100, "it does not end");
            later(1).await;
        }
        started.elapsed()
    }
}

fn in_virtual_time(test: impl AsyncFn()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test());
}

#[test]
fn a_clock_that_is_set_forward_ends_holds_within_seconds() {
    in_virtual_time(async || {
        let here = open().await;
        let booking = here.hold().await.booking.id;
        later(60).await;
        assert!(here.is_held(booking).await);
        here.wall.jump(TimeDelta::hours(2));
        assert!(here.lasts(booking).await <= Duration::from_secs(5));
        later(1).await;
        // Neither the seat table nor the guard's lease keeps it.
        let again = here.hold().await.booking.id;
        let lasts = here.lasts(again).await;
        assert!(lasts >= HOLD && lasts <= HOLD + Duration::from_secs(3), "{lasts:?}");
    });
}

#[test]
fn a_clock_that_is_set_back_neither_shortens_nor_doubles_a_hold() {
    in_virtual_time(async || {
        for back in
            [TimeDelta::milliseconds(20), TimeDelta::seconds(5), TimeDelta::minutes(5), TimeDelta::hours(2), TimeDelta::days(400)]
        {
            let here = open().await;
            let booking = here.hold().await.booking.id;
            later(60).await;
            here.wall.jump(-back);
            let lasts = here.lasts(booking).await + Duration::from_secs(60);
            assert!(lasts >= HOLD && lasts <= HOLD * 10 / 9 + Duration::from_secs(3), "set back by {back}: {lasts:?}");
            later(1).await;
            // One that begins while the time goes more slowly.
            let again = here.hold().await.booking;
            assert_eq!(again.expires_at.unwrap() - here.bench.clock.now(), TimeDelta::from_std(HOLD).unwrap());
            let lasts = here.lasts(again.id).await;
            assert!(lasts >= HOLD && lasts <= HOLD * 10 / 9 + Duration::from_secs(3), "after {back}: {lasts:?}");
        }
    });
}

#[test]
fn a_clock_that_jumps_to_and_fro_leaves_no_seat_stuck() {
    in_virtual_time(async || {
        let here = open().await;
        for minutes in [120, -120, 7, -30, 60, -1] {
            let booking = here.hold().await.booking.id;
            later(30).await;
            here.wall.jump(TimeDelta::minutes(minutes));
            let lasts = here.lasts(booking).await;
            assert!(lasts <= HOLD * 10 / 9 + Duration::from_secs(3), "{minutes}: {lasts:?}");
            later(1).await;
        }
        let history = here.bench.history().await;
        let mut last = Timestamp::MIN_UTC;
        for event in history {
            assert!(event.metadata.at >= last, "the log's times never go back");
            last = event.metadata.at;
        }
    });
}

/// A clock that goes on by a little at each reading, as a real one does between two lines of code.
struct Creeping {
    inner: Arc<dyn Clock>,
    /// Milliseconds for each reading.
    step: AtomicI64,
    ahead: AtomicI64,
}

impl Clock for Creeping {
    fn now(&self) -> Timestamp {
        self.inner.now() + TimeDelta::milliseconds(self.ahead.fetch_add(self.step.load(Ordering::SeqCst), Ordering::SeqCst))
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        self.inner.sleep_until(deadline)
    }
}

/// The rule and the events must go by one reading of the clock, or `verify` finds a booking that was committed too late.
#[test]
fn a_hold_that_ends_while_its_payment_is_decided_is_never_committed_after_its_end() {
    let outcomes = Mutex::new(BTreeSet::new());
    for early in 0..60 {
        in_virtual_time(async || {
            let here = TestBench::new(true);
            here.open().await.drain(Duration::ZERO).await;
            let clock = Arc::new(Creeping { inner: here.clock.clone(), step: AtomicI64::new(0), ahead: AtomicI64::new(0) });
            let bench = TestBench { clock: clock.clone(), ..here.clone() };
            let office = bench.node().await;
            let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
            let end = held.expires_at.unwrap() - TimeDelta::milliseconds(10 * early + 5);
            tokio::time::sleep((end - bench.clock.now()).to_std().unwrap()).await;
            clock.step.store(10, Ordering::SeqCst);
            let is_paid = pay(&office, &held, "pm_card_visa").await.is_ok();
            outcomes.lock().unwrap().insert(is_paid);
            assert_eq!(unsafe_now(&here).await, Vec::<String>::new(), "paid {early} readings before its end");
            let stream = StreamName::booking(held.id);
            for recorded in here.log.read_stream(&stream, None, Direction::Forwards, 100).await.unwrap() {
                let envelope = codec::decode(&recorded).unwrap().unwrap();
                let late = envelope.metadata.at >= held.expires_at.unwrap();
                assert!(!late || recorded.event_type != "BookingCommitted", "committed at {}", envelope.metadata.at);
            }
        });
    }
    assert_eq!(outcomes.into_inner().unwrap(), BTreeSet::from([true, false]), "some were in time, and some were not");
}

#[test]
fn a_payment_in_time_wins_and_one_that_is_late_by_the_clock_loses() {
    in_virtual_time(async || {
        let here = open().await;
        let booking = here.hold().await.booking;
        here.wall.jump(TimeDelta::hours(-2));
        later(590).await;
        assert!(pay(&here.office, &booking, "pm_card_visa").await.is_ok(), "its ten minutes are not over");
        let late = hold(&here.bench, &here.office, seats(&["B-1"])).await.unwrap().booking;
        here.wall.jump(TimeDelta::hours(4));
        // Time to be sure that it was set, and is not just wrong for a moment.
        here.bench.clock.now();
        later(3).await;
        assert_eq!(code(pay(&here.office, &late, "pm_card_visa").await), "booking_over");
        assert_eq!(here.bench.taken(), 5_000);
    });
}
