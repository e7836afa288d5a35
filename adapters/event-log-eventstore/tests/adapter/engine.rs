//! The engine on this adapter: box offices that share only a server, on a fast clock, with nodes and
//! connections failing at any step.

use crate::common;
use crate::support;

use chrono::TimeDelta;
use common::checker::{assert_safe, flagged, log_text, unsettled};
use common::fault_injection::{AppendFate, FaultPlan};
use common::{TestBench, code, hold, pay, seats, test_show};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::Timestamp;
use lastseat_domain::booking::Phase;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_engine::{BoxOffice, CommandError, Paid, Settings};
use lastseat_event_log_eventstore::EventStoreLog;
use lastseat_in_process::InProcessGuard;
use lastseat_payments_sandbox::SandboxGateway;
use std::sync::Arc;
use std::time::Duration;
use support::proxy::Proxy;
use support::{PATIENCE, Server, impatient, to};
use tokio::time::{Instant, sleep, timeout};

/// A minute of its time is a second: holds of ten minutes end within a test.
const PACE: i32 = 60;

struct FastClock(Instant);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::from_std(self.0.elapsed()).unwrap() * PACE
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        sleep(((deadline - self.now()) / PACE).to_std().unwrap_or_default()).boxed()
    }
}

/// A bench with its own connection to the log.
fn bench_at(log: impl EventLog) -> TestBench {
    let clock: Arc<dyn Clock> = Arc::new(FastClock(Instant::now()));
    let sandbox = Arc::new(SandboxGateway::in_memory(clock.clone()));
    TestBench {
        log: Arc::new(log),
        guard: Arc::new(InProcessGuard::new(clock.clone())),
        payments: sandbox.clone(),
        sandbox,
        clock,
        ids: Arc::default(),
    }
}

/// A box office with long payment time-outs, because steps take real time on the fast clock.
async fn open(bench: &TestBench) -> BoxOffice {
    bench.node_with(Settings { payment_patience: Duration::from_secs(1_200), ..Settings::default() }).await
}

/// The same bench for another node, with its own connection to the server.
fn another_node(bench: &TestBench, log: impl EventLog) -> TestBench {
    TestBench { log: Arc::new(log), ..bench.clone() }
}

/// Waits until nothing is unsettled.
async fn settles(bench: &TestBench, what: &str) {
    let wait = async {
        while !unsettled(bench).await.is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(PATIENCE, wait).await.is_err() {
        panic!("{what}: {:?}\n{}", unsettled(bench).await, log_text(bench).await);
    }
    assert_safe(bench, what).await;
}

async fn two_nodes() -> (Server, TestBench, BoxOffice, BoxOffice) {
    let server = Server::with_memory().await;
    let bench = bench_at(server.client());
    let a = open(&bench).await;
    a.schedule_show(test_show(), "admin").await.unwrap();
    let b = open(&another_node(&bench, server.client())).await;
    (server, bench, a, b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_on_one_node_paid_on_the_other_refused_on_both() {
    let (_server, bench, a, b) = two_nodes().await;
    let held = hold(&bench, &a, seats(&["A-1", "A-2"])).await.unwrap().booking;
    let Paid::Confirmed(paid) = pay(&b, &held, "pm_card_visa").await.unwrap() else { panic!("not confirmed") };
    assert_eq!((paid.id, bench.taken()), (held.id, 10_000));
    for office in [&a, &b] {
        assert_eq!(code(hold(&bench, office, seats(&["A-2"])).await), "seat_unavailable");
    }
    settles(&bench, "paid").await;
    assert_eq!(
        bench.story(held.id).await,
        ["BookingOpened", "PaymentStarted", "PaymentAuthorised", "BookingCommitted", "PaymentCaptured"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_buyers_on_two_nodes_one_gets_the_seat_and_it_comes_back_unpaid() {
    let (_server, bench, a, b) = two_nodes().await;
    let holds = join_all((0..100).map(|n| hold(&bench, if n % 2 == 0 { &a } else { &b }, seats(&["A-1"])))).await;
    assert_eq!(holds.iter().filter(|hold| hold.is_ok()).count(), 1);
    let held = holds.into_iter().flatten().next().unwrap().booking;
    settles(&bench, "not paid").await;
    assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"]);
    let again = async {
        while hold(&bench, &b, seats(&["A-1"])).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("the seat is free again on the other node");
}

/// Holds two seats and pays, while the power goes out at the nth append; then a fresh node cleans
/// up. Says whether the power went out.
async fn cut_at(nth: u64, fate: AppendFate) -> bool {
    let what = format!("{fate:?} at append {nth}");
    let server = Server::with_memory().await;
    let bench = bench_at(server.client());
    bench.open().await.drain(Duration::from_secs(1)).await;
    let (plan, end) = FaultPlan::around(&another_node(&bench, server.client()));
    let office = open(&end).await;
    plan.append(nth, fate);
    let story = async {
        let held = hold(&bench, &office, seats(&["A-1", "A-2"])).await.unwrap().booking;
        let paid = pay(&office, &held, "pm_card_visa").await.unwrap();
        assert!(matches!(paid, Paid::Confirmed(_)), "{what}: {paid:?}");
        held.id
    };
    let confirmed = tokio::select! {
        biased;
        () = plan.power.went_out() => None,
        booking = story => Some(booking),
        () = sleep(PATIENCE) => panic!("{what}: hangs"),
    };
    drop(office);
    assert_safe(&bench, &what).await;
    let fresh = open(&bench).await;
    settles(&bench, &what).await;
    assert_eq!(flagged(&bench).await, 0, "{what}");
    if let Some(booking) = confirmed {
        let phase = fresh.booking(booking).await.unwrap().map(|booking| booking.phase);
        assert_eq!(phase, Some(Phase::Confirmed { refund_requested: false }), "{what}: an acknowledged booking is lost");
    }
    plan.power.is_out()
}

/// Cuts at every step up to one that the story never gets to.
async fn cut_at_every_step(fate: AppendFate) {
    let cuts = join_all((0..10).map(|nth| cut_at(nth, fate))).await;
    let count = cuts.iter().filter(|cut| **cut).count();
    assert!(count >= 4, "{fate:?}: the power went out {count} times only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_before_every_append() {
    cut_at_every_step(AppendFate::CutBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_after_every_append() {
    cut_at_every_step(AppendFate::CutAfter).await;
}

/// The booking without its second seat; the seats without their booking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_within_every_append() {
    for mask in [0b011, 0b110] {
        cut_at_every_step(AppendFate::CutSome(mask)).await;
    }
}

/// One of two nodes has a connection that is cut repeatedly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outcome_is_false_over_a_connection_that_is_cut_repeatedly() {
    let (server, bench, good, _) = two_nodes().await;
    let proxy = Proxy::to(server.address).await;
    let far = another_node(&bench, EventStoreLog::open(&to(proxy.address), impatient()).unwrap());
    let bad = open(&far).await;
    let buy = async |n: usize| {
        let label = format!("{}-{}", if n.is_multiple_of(2) { "A" } else { "B" }, 1 + n % 10);
        let office = if n.is_multiple_of(3) { &good } else { &bad };
        let held = hold(&bench, office, seats(&[&label])).await.ok()?.booking;
        match pay(office, &held, "pm_card_visa").await {
            Ok(Paid::Confirmed(booking)) => Some(booking.id),
            _ => None,
        }
    };
    let buyers = async {
        let mut confirmed = Vec::new();
        for n in 0.. {
            let bought = join_all((0..4).map(|m| buy(n + m))).await;
            confirmed.extend(bought.into_iter().flatten());
            if n >= 30 && proxy.connections() > 5 {
                break;
            }
        }
        confirmed
    };
    let cuts = async {
        for n in 0.. {
            sleep(Duration::from_millis(60 + n % 5 * 20)).await;
            proxy.stall_answers(n % 2 == 0);
            sleep(Duration::from_millis(20)).await;
            proxy.cut();
            proxy.stall_answers(false);
        }
    };
    let confirmed = tokio::select! {
        confirmed = buyers => confirmed,
        () = cuts => Vec::new(),
        () = sleep(PATIENCE * 2) => panic!("the buyers hang"),
    };
    assert_safe(&bench, "cut wire").await;
    settles(&bench, "cut wire").await;
    assert!(!confirmed.is_empty(), "no booking was confirmed");
    for booking in confirmed {
        let phase = good.booking(booking).await.unwrap().map(|booking| booking.phase);
        assert_eq!(phase, Some(Phase::Confirmed { refund_requested: false }), "an acknowledged booking is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_a_hold_fails_soon_and_works_again_once_there_is_one() {
    let (mut server, bench, a, _) = two_nodes().await;
    server.stop().await;
    let outcome = timeout(PATIENCE, hold(&bench, &a, seats(&["A-1"]))).await.expect("hangs");
    assert!(matches!(outcome, Err(CommandError::Failed(_))), "{outcome:?}");
    let _server = Server::start_at(Arc::clone(&server.log), server.address).await;
    let again = async {
        while hold(&bench, &a, seats(&["A-1"])).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("a hold succeeds once the server is back");
}
