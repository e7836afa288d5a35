//! Every fault of the log and the gateway, at every step: no answer says more than is so, what is
//! not known is said not to be known, and the same request again finds out.

use crate::common::checker::{assert_safe, assert_settled, flagged};
use crate::common::fault_injection::{AppendFate, CallFate, FaultPlan};
use crate::common::*;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::booking::Phase;
use lastseat_domain::event::{RequestFingerprint, ShowScheduled};
use lastseat_domain::ports::event_log::{Delivery, EventLog, Filter, LogFault, Position};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{BookingId, BuyerId, Rejection};
use lastseat_engine::{BoxOffice, CommandError, Fault, HoldRequest, Paid, PayRequest};
use lastseat_testkit::{AbsentGuard, FaultyGateway, ForwardLog, ForwardingLog, GatewayCall, GatewayCallFault, MemoryLog};
use std::sync::Arc;
use std::time::Duration;

pub fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn key(key: &str) -> Option<RequestFingerprint> {
    Some(RequestFingerprint { key: key.to_owned(), body: "body".to_owned() })
}

fn is_unknown<T>(result: &Result<T, CommandError>) -> bool {
    matches!(result, Err(CommandError::Failed(Fault::OutcomeUnknown(_))))
}

/// Hold and pay under idempotency keys, each repeated until it is known what became of it. Says how
/// often that took a repeat.
async fn insist(bench: &TestBench, office: &BoxOffice, what: &str) -> u32 {
    let hold = HoldRequest {
        fingerprint: key("hold"),
        ..HoldRequest::new(BookingId::from_key("ann", "hold"), show(), seats(&["A-1", "A-2"]), BuyerId::new("ann").unwrap())
    };
    let mut repeats = 0;
    let booking = loop {
        match office.hold(hold.clone()).await {
            Ok(hold) => break hold.booking,
            Err(CommandError::Failed(fault)) => {
                let opened = bench.booking_is_there(hold.booking).await;
                assert!(!(opened && matches!(fault, Fault::Unavailable(_))), "{what}: said that nothing was done: {fault}");
                repeats += 1;
            }
            Err(rejected) => panic!("{what}: {rejected}"),
        }
        assert!(repeats < 5, "{what}");
        later(2).await;
    };
    assert_eq!(booking.status(), "held", "{what}");
    let paid = loop {
        let before = bench.story(booking.id).await.len();
        let request = PayRequest {
            pay_with: Some("pm_card_visa".to_owned()).into(),
            return_url: None,
            fingerprint: key("pay"),
            origin: "ann".into(),
        };
        match office.pay(booking.id, request).await {
            Ok(Paid::Confirmed(booking)) => break booking,
            Ok(Paid::Pending(_)) => repeats += 1,
            Err(CommandError::Failed(fault)) => {
                let nothing = bench.story(booking.id).await.len() == before;
                assert!(nothing || !matches!(fault, Fault::Unavailable(_)), "{what}: said that nothing was done: {fault}");
                repeats += 1;
            }
            other => panic!("{what}: {other:?}"),
        }
        assert!(repeats < 5, "{what}");
        later(2).await;
    };
    assert!(matches!(paid.phase, Phase::Confirmed { .. }), "{what}");
    repeats
}

trait Look {
    async fn booking_is_there(&self, booking: BookingId) -> bool;
}

impl Look for TestBench {
    async fn booking_is_there(&self, booking: BookingId) -> bool {
        !self.story(booking).await.is_empty()
    }
}

#[test]
fn a_fault_at_any_append_is_found_out_or_said() {
    in_virtual_time(async |atomic| {
        let fates = [
            AppendFate::Unavailable,
            AppendFate::RequestLost,
            AppendFate::AnswerLost,
            AppendFate::SomeAnswerLost(0b001),
            AppendFate::SomeAnswerLost(0b110),
            AppendFate::SomeAnswerLost(0b011),
        ];
        for fate in fates {
            // One fault, which the engine rides out; and so many that it has to give up.
            for times in [1, 4] {
                for n in 0..7 {
                    let what = format!("atomic: {atomic}, {times} × {fate:?} from append {n}");
                    let bench = TestBench::new(atomic);
                    bench.open().await.drain(Duration::ZERO).await;
                    let (plan, end) = FaultPlan::around(&bench);
                    let office = end.node().await;
                    for k in 0..times {
                        plan.append(n + k, fate);
                    }
                    let repeats = insist(&bench, &office, &what).await;
                    assert!(times > 1 || fate == AppendFate::Unavailable || repeats == 0, "{what}: not even noticed");
                    assert_safe(&bench, &what).await;
                    later(900).await;
                    assert_settled(&bench, &what).await;
                    assert_eq!((flagged(&bench).await, bench.taken()), (0, 10_000), "{what}");
                }
            }
        }
    });
}

#[test]
fn a_fault_at_any_call_of_the_gateway_charges_once() {
    in_virtual_time(async |atomic| {
        for fate in [CallFate::Unavailable, CallFate::RequestLost, CallFate::AnswerLost] {
            for times in [1, 4, 9] {
                for n in 0..3 {
                    let what = format!("atomic: {atomic}, {times} × {fate:?} from call {n}");
                    let bench = TestBench::new(atomic);
                    bench.open().await.drain(Duration::ZERO).await;
                    let (plan, end) = FaultPlan::around(&bench);
                    let office = end.node().await;
                    for k in 0..times {
                        plan.call(n + k, fate);
                    }
                    insist(&bench, &office, &what).await;
                    later(900).await;
                    assert_settled(&bench, &what).await;
                    assert_eq!((flagged(&bench).await, bench.taken()), (0, 10_000), "{what}");
                }
            }
        }
    });
}

#[test]
fn a_log_that_is_down_refuses_and_everything_resolves_when_it_is_back() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let log = MemoryLog::new(bench.clock.clone(), atomic);
        let bench = TestBench { log: Arc::new(log.clone()), ..bench };
        let office = bench.open().await;
        let expires = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let pays = hold(&bench, &office, seats(&["A-2"])).await.unwrap().booking;
        log.set_down(true);
        let unavailable = |result: Result<(), CommandError>| matches!(result, Err(CommandError::Failed(Fault::Unavailable(_))));
        assert!(unavailable(hold(&bench, &office, seats(&["A-3"])).await.map(drop)));
        assert!(unavailable(pay(&office, &pays, "pm_card_visa").await.map(drop)));
        assert!(unavailable(office.cancel(expires.id, "buyer").await.map(drop)));
        later(1000).await;
        log.set_down(false);
        later(60).await;
        assert_settled(&bench, "back").await;
        assert!(office.status().degraded.is_empty());
        assert!(hold(&bench, &office, seats(&["A-1", "A-2", "A-3"])).await.is_ok());
    });
}

/// The outcome of the payment can't be found out any more: it is flagged for a person, and nothing is charged.
#[test]
fn a_payment_older_than_the_gateways_memory_is_flagged_and_never_sent_again() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let faulty = Arc::new(FaultyGateway::new(bench.payments.clone()));
        let bench = TestBench { payments: faulty.clone(), ..bench };
        let office = bench.node().await;
        office.schedule_show(ShowScheduled { hold_seconds: 86_400, ..test_show() }, "admin").await.unwrap();
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let calls = [GatewayCall::Create, GatewayCall::Confirm, GatewayCall::Retrieve, GatewayCall::Cancel];
        for call in calls {
            faulty.fail_all(call, Some(GatewayCallFault::RequestLost));
        }
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Pending(_))));
        later(86_500).await;
        for call in calls {
            faulty.fail_all(call, None);
        }
        let before: u64 = calls.iter().map(|c| faulty.calls(*c)).sum();
        later(3 * 86_400).await;
        assert_eq!(calls.iter().map(|c| faulty.calls(*c)).sum::<u64>(), before, "nothing is asked again");
        assert_eq!(flagged(&bench).await, 1);
        assert_eq!(bench.taken(), 0);
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "the seats are not a person's");
    });
}

/// The gateway is down when the buyer pays, and the buyer prolongs the hold meanwhile. The payment is
/// looked at as soon as without that, not when the longer hold ends.
#[test]
fn a_payment_under_way_is_looked_at_though_its_hold_was_prolonged() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        for call in 0..4 {
            plan.call(call, CallFate::Unavailable);
        }
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Pending(_))));
        office.extend(held.id, "buyer").await.unwrap();
        let taken = hold(&bench, &office, seats(&["A-1"])).await;
        assert!(
            matches!(&taken, Err(CommandError::Rejected(Rejection::SeatUnavailable { state: SeatState::InProcess, .. }))),
            "{taken:?}"
        );
        later(30).await;
        assert_eq!(office.booking(held.id).await.unwrap().unwrap().status(), "confirmed");
    });
}

/// A log that always has news, so that its follower never waits.
struct NeverQuiet(Arc<dyn EventLog>);

#[async_trait]
impl ForwardLog for NeverQuiet {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let noise = stream::repeat_with(|| Ok(Delivery::Checkpoint(Position::START)));
        stream::select(self.0.subscribe(from, filter), noise).boxed()
    }
}

/// In real time, because virtual time stops while any task is at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_end_while_the_log_never_lets_up() {
    let bench = TestBench::new(true);
    let bench = TestBench { log: Arc::new(ForwardingLog(NeverQuiet(bench.log.clone()))), ..bench };
    let office = bench.node().await;
    office.schedule_show(ShowScheduled { hold_seconds: 1, ..test_show() }, "admin").await.unwrap();
    hold(&bench, &office, seats(&["A-1"])).await.unwrap();
    let freed = async {
        while hold(&bench, &office, seats(&["A-1"])).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), freed).await.expect("the first hold ends and the second gets the seat");
}

/// The log fails after the decision to cancel: that is not "nothing was done".
#[test]
fn a_cancellation_that_was_decided_is_not_said_to_be_undone() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        plan.append(1, AppendFate::Unavailable);
        let cancelled = office.cancel(held.id, "buyer").await;
        assert!(is_unknown(&cancelled), "{cancelled:?}");
        assert_eq!(office.cancel(held.id, "buyer").await.unwrap().status(), "aborted");
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    });
}

/// The log lets the booking open without one of its seats, and nobody knows. The same request again
/// gets the seat, or a no; never a hold that is none.
#[test]
fn a_repeated_hold_is_completed_or_refused() {
    in_virtual_time(async |atomic| {
        for taken_meanwhile in [false, true] {
            let what = format!("atomic: {atomic}, taken meanwhile: {taken_meanwhile}");
            let bench = TestBench { guard: Arc::new(AbsentGuard), ..TestBench::new(atomic) };
            bench.open().await.drain(Duration::ZERO).await;
            let (plan, end) = FaultPlan::around(&bench);
            let office = end.node().await;
            (0..4).for_each(|n| plan.append(n, AppendFate::SomeAnswerLost(0b011)));
            let request = HoldRequest {
                fingerprint: key("hold"),
                ..HoldRequest::new(
                    BookingId::from_key("ann", "hold"),
                    show(),
                    seats(&["A-1", "A-2"]),
                    BuyerId::new("ann").unwrap(),
                )
            };
            let first = office.hold(request.clone()).await;
            assert!(is_unknown(&first), "{what}: {first:?}");
            if taken_meanwhile {
                hold(&bench, &office, seats(&["A-2"])).await.unwrap();
            }
            let again = office.hold(request.clone()).await;
            if taken_meanwhile {
                for again in [again, office.hold(request).await] {
                    assert!(matches!(again, Err(CommandError::Rejected(_))), "{what}: {again:?}");
                }
            } else {
                let held = again.unwrap().booking;
                assert_eq!(code(hold(&bench, &office, seats(&["A-2"])).await), "seat_unavailable", "{what}");
                assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
            }
            later(700).await;
            assert_settled(&bench, &what).await;
        }
    });
}

/// The refund comes before the account has counted the booking: it waits for that.
#[test]
fn points_are_taken_back_even_if_they_were_late() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        let held = hold_as(&bench, &office, "ann", seats(&["A-1"])).await.unwrap().booking;
        // After the start, the decision, the capture, and where it can't go with the decision the seat, comes the account.
        plan.append(if atomic { 3 } else { 4 }, AppendFate::Unavailable);
        pay(&office, &held, "pm_card_visa").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(plan.all_struck());
        assert_eq!(office.refund(held.id, "admin").await.unwrap().status(), "refunded");
        later(30).await;
        assert_settled(&bench, "refunded").await;
    });
}

/// Whether its seats were locked is in the log, and a lock left in the guard would keep others from them for as long as
/// a hold lasts.
#[test]
fn a_hold_whose_outcome_is_unknown_leaves_nothing_in_the_guard() {
    in_virtual_time(async |atomic| {
        for selection in [seats(&["A-1"]), floor(6)] {
            let bench = TestBench::new(atomic);
            let (plan, end) = FaultPlan::around(&bench);
            bench.open().await.drain(Duration::ZERO).await;
            let office = end.node().await;
            for n in 0..4 {
                plan.append(n, AppendFate::RequestLost);
            }
            let lost = hold(&bench, &office, selection.clone()).await;
            assert!(is_unknown(&lost), "{lost:?}");
            let other = hold(&bench, &office, selection).await;
            assert!(other.is_ok(), "atomic: {atomic}, {other:?}");
        }
    });
}
