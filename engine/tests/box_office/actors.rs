//! Actors are lost and replaced, fall asleep and wake up; a box office is drained.

use crate::common;

use common::checker::assert_settled;
use common::fault_injection::{AppendFate, CallFate, FaultPlan};
use common::*;
use lastseat_engine::{CommandError, Fault, Paid, Settings};
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

/// A panic on the way of a payment, before or after every append and call: the actor is replaced
/// by one that starts from the log, the caller gets the answer, others never notice.
#[test]
fn a_payment_actor_that_panics_is_replaced_and_the_answer_comes() {
    in_virtual_time(async |atomic| {
        // The start, the decision, the capture; where the seats are not sold with the decision, theirs.
        for n in 0..if atomic { 3 } else { 4 } {
            for after in [false, true] {
                for gateway in [false, true] {
                    let what = format!("atomic: {atomic}, {n}, after: {after}, gateway: {gateway}");
                    let bench = TestBench::new(atomic);
                    bench.open().await.drain(Duration::ZERO).await;
                    let (plan, end) = FaultPlan::around(&bench);
                    let office = end.node().await;
                    let other = hold(&bench, &office, seats(&["A-2"])).await.unwrap().booking;
                    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
                    if gateway {
                        plan.call(n % 3, if after { CallFate::PanicsAfter } else { CallFate::Panics });
                    } else {
                        plan.append(n, if after { AppendFate::PanicsAfter } else { AppendFate::Panics });
                    }
                    let paid = pay(&office, &held, "pm_card_visa").await;
                    // The buyer named no key, so a second attempt may find the first one at work.
                    assert!(matches!(paid, Ok(Paid::Confirmed(_))), "{what}: {paid:?}");
                    assert!(plan.all_struck(), "{what}");
                    assert_eq!(office.cancel(other.id, "buyer").await.unwrap().status(), "aborted", "{what}");
                    later(700).await;
                    assert_settled(&bench, &what).await;
                    assert_eq!(bench.taken(), 5_000, "{what}");
                }
            }
        }
    });
}

#[test]
fn a_seat_actor_that_panics_is_replaced_and_the_answer_comes() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.open().await;
        let held = hold(&bench, &first, seats(&["A-1"])).await.unwrap().booking;
        first.cancel(held.id, "buyer").await.unwrap();
        first.drain(Duration::ZERO).await;
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        // The seat was touched, so its actor reads the log first.
        plan.panic_at_reads(2);
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
    });
}

/// An actor that fails again and again is given up, and the caller gets "outcome unknown".
#[test]
fn an_actor_that_panics_for_ever_is_given_up_and_others_live_on() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        plan.panic_at_reads(3);
        let cancelled = office.cancel(held.id, "buyer").await;
        assert!(matches!(cancelled, Err(CommandError::Failed(Fault::OutcomeUnknown(_)))), "{cancelled:?}");
        assert_eq!(office.cancel(held.id, "buyer").await.unwrap().status(), "aborted");
    });
}

#[test]
fn idle_actors_fall_asleep_and_wake_with_the_logs_memory() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1", "A-2"])).await.unwrap().booking;
        let sold = hold(&bench, &office, seats(&["A-3"])).await.unwrap().booking;
        pay(&office, &sold, "pm_card_visa").await.unwrap();
        // Those of the two seats that are held. The sold seat has none, and no booking has one without a command.
        assert_eq!(office.status().actors, 2);
        later(15).await;
        assert_eq!(office.status().actors, 0);
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
        assert_eq!(code(office.cancel(sold.id, "buyer").await), "already_confirmed");
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        later(15).await;
        assert_eq!(office.status().actors, 0);
        assert_settled(&bench, "asleep").await;
    });
}

/// However many seats are held at once, only so many have an actor; those that lost theirs are paid for
/// and released all the same.
#[test]
fn only_so_many_actors_are_awake() {
    in_virtual_time(async |atomic| {
        for (most, awake) in [(8, 5..=9), (0, 0..=1), (1000, 20..=20)] {
            let bench = TestBench::new(atomic);
            let settings = Settings { max_seat_actors: most, passivate_after: Duration::from_secs(3600), ..test_settings() };
            let office = bench.node_with(settings).await;
            office.schedule_show(test_show(), "admin").await.unwrap();
            let mut held = Vec::new();
            for n in 1..=10 {
                for row in ["A", "B"] {
                    held.push(hold(&bench, &office, seats(&[&format!("{row}-{n}")])).await.unwrap().booking);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let actors = office.status().actors;
                    assert!(actors <= *awake.end(), "{actors} of {most}");
                }
            }
            assert!(awake.contains(&office.status().actors), "{} of {most}", office.status().actors);
            for (n, booking) in held.iter().enumerate() {
                if n % 2 == 0 {
                    assert!(matches!(pay(&office, booking, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
                } else {
                    assert_eq!(office.cancel(booking.id, "buyer").await.unwrap().status(), "aborted");
                }
            }
            assert!(office.status().actors <= *awake.end());
            assert_settled(&bench, "bounded").await;
        }
    });
}

#[test]
fn a_drain_lets_running_commands_finish_and_no_new_ones_in() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let paying = tokio::spawn({
            let (office, held) = (office.clone(), held.clone());
            async move { pay(&office, &held, "pm_lastseat_slow").await }
        });
        later(1).await;
        let draining = tokio::spawn({
            let office = office.clone();
            async move { office.drain(Duration::from_secs(30)).await }
        });
        later(1).await;
        let late = hold(&bench, &office, seats(&["A-2"])).await;
        assert!(matches!(late, Err(CommandError::Failed(Fault::Stopping))), "{late:?}");
        let late = office.cancel(held.id, "buyer").await;
        assert!(matches!(late, Err(CommandError::Failed(Fault::Stopping))), "{late:?}");
        assert!(matches!(paying.await.unwrap(), Ok(Paid::Confirmed(_))));
        draining.await.unwrap();
        assert!(!office.status().ready);
        assert_eq!(office.status().actors, 0);
    });
}

/// Dropped without a drain: nothing of it goes on, not even the expiry of its holds.
#[test]
fn a_dropped_box_office_does_nothing_any_more() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let paying = tokio::spawn({
            let (office, held) = (office.clone(), held.clone());
            async move { pay(&office, &held, "pm_lastseat_slow").await }
        });
        later(1).await;
        paying.abort();
        drop(office);
        later(2000).await;
        assert_eq!(bench.story(held.id).await, ["BookingOpened", "PaymentStarted"]);
        let _fresh = bench.node().await;
        later(30).await;
        assert_settled(&bench, "dropped").await;
    });
}
