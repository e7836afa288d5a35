//! The guard is a filter: down, forgetful, or lying, it costs speed and never a seat.

use crate::common;

use common::checker::{assert_safe, assert_settled};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_domain::{Rejection, SeatId};
use lastseat_engine::{CommandError, Fault, Paid, Status};
use lastseat_in_process::InProcessGuard;
use lastseat_testkit::{AbsentGuard, FaultyGuard, GuardFault};
use std::sync::Arc;
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

/// A bench with a guard whose faults can be set.
fn with_faulty_guard(atomic: bool) -> (TestBench, Arc<FaultyGuard>) {
    let bench = TestBench::new(atomic);
    let guard = Arc::new(FaultyGuard::new(bench.guard.clone()));
    (TestBench { guard: guard.clone(), ..bench }, guard)
}

/// Sells the floor and a seat to far more buyers than there is room for, in a slow world.
async fn rush(bench: &TestBench, what: &str) {
    let (outside, _) = with_random_faults(bench, &SeededRandom::new(11), &FaultRate::default());
    let nodes = [outside.node().await, outside.node().await];
    let one = join_all((0..40).map(|n| hold(bench, &nodes[n % 2], seats(&["B-1"])))).await;
    assert_eq!(one.iter().filter(|h| h.is_ok()).count(), 1, "{what}");
    let units = join_all((0..30).map(|n| hold(bench, &nodes[n % 2], floor(1)))).await;
    let held: Vec<_> = units.iter().flatten().collect();
    assert_eq!(held.len(), 20, "{what}: the sale goes on, and not beyond");
    let paid = join_all(held.iter().enumerate().map(|(n, h)| pay(&nodes[n % 2], &h.booking, "pm_card_visa"))).await;
    assert!(paid.iter().all(|p| matches!(p, Ok(Paid::Confirmed(_)))), "{what}: {paid:?}");
    assert_safe(bench, what).await;
    later(3000).await;
    assert_settled(bench, what).await;
    assert_eq!(bench.taken(), 20 * 2_000, "{what}");
}

#[test]
fn in_every_mood_nothing_is_oversold_and_the_sale_goes_on() {
    in_virtual_time(async |atomic| {
        for fault in [GuardFault::None, GuardFault::Unavailable, GuardFault::AnswersLost, GuardFault::SaysYes] {
            let (bench, guard) = with_faulty_guard(atomic);
            bench.open().await.drain(Duration::ZERO).await;
            guard.set(fault);
            rush(&bench, &format!("atomic: {atomic}, {fault:?}")).await;
        }
        let bench = TestBench { guard: Arc::new(AbsentGuard), ..TestBench::new(atomic) };
        bench.open().await.drain(Duration::ZERO).await;
        rush(&bench, &format!("atomic: {atomic}, no guard")).await;
    });
}

#[test]
fn a_guard_that_is_flushed_mid_sale_sells_nothing_twice() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let sold = hold(&bench, &office, seats(&["A-2"])).await.unwrap().booking;
        pay(&office, &sold, "pm_card_visa").await.unwrap();
        // Another node, another guard: empty, as after a flush.
        let flushed = TestBench { guard: Arc::new(InProcessGuard::new(bench.clock.clone())), ..bench.clone() };
        let other = flushed.node().await;
        for label in ["A-1", "A-2"] {
            assert_eq!(code(hold(&flushed, &other, seats(&[label])).await), "seat_unavailable");
        }
        assert!(matches!(pay(&other, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        later(3).await;
        assert_settled(&bench, "flushed").await;
    });
}

#[test]
fn a_failing_guard_is_reported_and_forgotten_once_it_answers() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        let office = bench.open().await;
        let calm = |status: &Status| status.degraded.is_empty() && status.guard_answers;
        assert!(calm(&office.status()));
        // One that knows says so before anybody has to find out.
        guard.set(GuardFault::Unavailable);
        let status = office.status();
        assert!(status.degraded[0].contains("set to be down by the test") && !status.guard_answers && status.ready, "{status:?}");
        assert_eq!(status.guard_failures, 0);
        // Another is found out by asking.
        guard.set(GuardFault::AnswersLost);
        assert!(calm(&office.status()));
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        let status = office.status();
        assert_eq!((status.degraded.len(), status.guard_answers, status.guard_failures), (1, false, 1), "{status:?}");
        guard.set(GuardFault::None);
        later(3).await;
        assert!(calm(&office.status()));
    });
}

/// Without the filter the log takes every loser, so fewer are let in at a time.
#[test]
fn without_a_guard_fewer_are_let_in() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (outside, _) = with_random_faults(&bench, &SeededRandom::new(3), &FaultRate::default());
        let office = outside.node_with(lastseat_engine::Settings { max_in_flight: 16, ..test_settings() }).await;
        let busy = |holds: &[Result<lastseat_engine::Hold, CommandError>]| {
            holds.iter().filter(|h| matches!(h, Err(CommandError::Failed(Fault::Busy { .. })))).count()
        };
        let crowd = async || join_all((0..8).map(|_| hold(&bench, &office, floor(1)))).await;
        assert_eq!(busy(&crowd().await), 0);
        guard.set(GuardFault::Unavailable);
        hold(&bench, &office, floor(1)).await.unwrap();
        assert_eq!(busy(&crowd().await), 6, "an eighth of 16 is 2");
        guard.set(GuardFault::None);
        later(3).await;
        assert_eq!(busy(&crowd().await), 0);
    });
}

/// What could not be released while the guard was down is released when it is back: the seat does
/// not wait for a lease, or for the mark of a sale, to lapse.
#[test]
fn a_guard_that_was_down_at_a_release_keeps_no_seat() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let sold = hold(&bench, &office, floor(2)).await.unwrap().booking;
        pay(&office, &sold, "pm_card_visa").await.unwrap();
        guard.set(GuardFault::Unavailable);
        office.cancel(held.id, "buyer").await.unwrap();
        office.refund(sold.id, "admin").await.unwrap();
        later(2).await;
        guard.set(GuardFault::None);
        later(6).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
        for quantity in [6, 6, 6, 2] {
            assert!(hold(&bench, &office, floor(quantity)).await.is_ok());
        }
    });
}

/// A slow guard takes a time-out for each call. Asked for all that it owes, it would keep the engine
/// from tidying up for hours.
#[test]
fn a_guard_that_is_still_down_is_asked_for_one_of_its_debts() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        let office = bench.open().await;
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(hold(&bench, &office, floor(1)).await.unwrap().booking);
        }
        guard.set(GuardFault::Unavailable);
        for booking in &held {
            office.cancel(booking.id, "buyer").await.unwrap();
        }
        let (before, rounds) = (guard.calls(), 20);
        // Between two rounds is half of the time after which actors are passivated.
        later(rounds * 5 / 2).await;
        let asked = guard.calls() - before;
        assert!((1..=2 * rounds).contains(&asked), "{asked} calls");
        guard.set(GuardFault::None);
        later(30).await;
        let seats = (1..=20).map(|n| SeatId::new(&format!("floor:{n}")).unwrap()).collect::<Vec<_>>();
        let all = bench.guard.lock(&show(), &seats, bench.new_booking(), Duration::from_secs(1)).await;
        assert!(matches!(all, Ok(Lock::Locked { fresh: 20, .. })), "nothing was forgotten: {all:?}");
    });
}

/// A hold that has its seats in the guard and loses one in the log gives the others back. If the
/// guard does not answer then, they do not wait for their leases to lapse.
#[test]
fn a_guard_that_was_down_when_a_hold_gave_up_keeps_no_seat() {
    in_virtual_time(async |atomic| {
        let mut gave_up = 0;
        for seed in 0..10 {
            let (bench, guard) = with_faulty_guard(atomic);
            bench.open().await.drain(Duration::ZERO).await;
            // Two nodes and a guard each, as where a guard with lost writes takes over.
            let other = TestBench { guard: Arc::new(InProcessGuard::new(bench.clock.clone())), ..bench.clone() };
            let (random, fault_rate) = (SeededRandom::new(seed), FaultRate::default());
            let nodes = [
                with_random_faults(&bench, &random, &fault_rate).0.node().await,
                with_random_faults(&other, &random, &fault_rate).0.node().await,
            ];
            // The lock is answered, what follows is not.
            guard.set_after(1, GuardFault::Unavailable);
            let two = hold(&bench, &nodes[0], seats(&["A-1", "A-2"]));
            let (two, one) = tokio::join!(two, hold(&other, &nodes[1], seats(&["A-1"])));
            assert!(two.is_ok() != one.is_ok(), "one of them has A-1");
            guard.set(GuardFault::None);
            later(60).await;
            if one.is_ok() {
                gave_up += 1;
                assert!(hold(&bench, &nodes[0], seats(&["A-2"])).await.is_ok(), "atomic: {atomic}, seed {seed}");
            }
        }
        assert!(gave_up > 0, "atomic: {atomic}: the one with two seats never lost");
    });
}

/// A call to a slow guard takes its time-out, which a buyer must not wait for with every choice.
#[test]
fn a_hold_waits_once_for_a_guard_that_does_not_answer() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        guard.set(GuardFault::Unavailable);
        let (outside, _) = with_random_faults(&bench, &SeededRandom::new(5), &FaultRate::default());
        let nodes = [outside.node().await, outside.node().await];
        let before = guard.calls();
        let units = join_all((0..20).map(|n| hold(&bench, &nodes[n % 2], floor(1)))).await;
        assert!(units.iter().all(Result::is_ok), "atomic: {atomic}");
        assert_eq!(guard.calls() - before, 20, "atomic: {atomic}");
    });
}

/// The mark of a sale outlived the sale, and the node that had to remove it is dead.
#[test]
fn a_leftover_mark_of_a_sale_is_not_believed() {
    in_virtual_time(async |atomic| {
        let (bench, guard) = with_faulty_guard(atomic);
        let office = bench.open().await;
        let sold = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        pay(&office, &sold, "pm_card_visa").await.unwrap();
        guard.set(GuardFault::Unavailable);
        office.refund(sold.id, "admin").await.unwrap();
        drop(office);
        guard.set(GuardFault::None);
        let office = bench.node().await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    });
}

#[tokio::test(start_paused = true)]
async fn the_last_units_are_found_wherever_the_guard_has_them() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        // Another node is just taking all of the 20 but the 4th and the last: more than are offered
        // to the guard at first.
        let taken: Vec<_> = (1..20).filter(|n| *n != 4).map(|n| SeatId::new(&format!("floor:{n}")).unwrap()).collect();
        let other = bench.new_booking();
        bench.guard.lock(&show(), &taken, other, Duration::from_secs(60)).await.unwrap();
        let three = hold(&bench, &office, floor(3)).await.unwrap_err();
        assert!(matches!(three, CommandError::Rejected(Rejection::NotEnoughTogether { available: 2 })), "{three:?}");
        let two = hold(&bench, &office, floor(2)).await.unwrap().booking;
        let got: Vec<String> = two.seats().iter().map(|p| p.seat.to_string()).collect();
        assert_eq!(got, ["floor:20", "floor:4"], "atomic: {atomic}");
        assert_eq!(code(hold(&bench, &office, floor(1)).await), "sold_out");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_clock_has_made_endless_blocks_no_seat() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let gone = bench.new_booking();
        let seat = [SeatId::new("A-1").unwrap()];
        // Somebody at work, whose hold may yet get into the log; and the leftover of a clock set back.
        bench.guard.lock(&show(), &seat, gone, Duration::from_secs(2 * 630)).await.unwrap();
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable", "atomic: {atomic}");
        bench.guard.release(&show(), &seat, gone).await.unwrap();
        bench.guard.lock(&show(), &seat, gone, Duration::from_secs(86_400)).await.unwrap();
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "atomic: {atomic}");
    }
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_sales_make_no_area_sold_out() {
    for atomic in [true, false] {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let gone = bench.new_booking();
        let units: Vec<_> = (1..=20).map(|n| SeatId::new(&format!("floor:{n}")).unwrap()).collect();
        // Others at work, whose holds may yet get into the log.
        bench.guard.lock(&show(), &units, gone, Duration::from_secs(600)).await.unwrap();
        assert_eq!(code(hold(&bench, &office, floor(2)).await), "sold_out", "atomic: {atomic}");
        // Marks of sales that the log has undone, and the guard never heard of it.
        bench.guard.mark_sold(&show(), &units, gone, Duration::from_secs(86_400)).await.unwrap();
        for _ in 0..10 {
            hold(&bench, &office, floor(2)).await.unwrap();
        }
        assert_eq!(code(hold(&bench, &office, floor(1)).await), "sold_out", "atomic: {atomic}");
        assert_safe(&bench, "leftovers").await;
    }
}
