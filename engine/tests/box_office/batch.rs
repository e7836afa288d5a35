//! Batches of holds: each is decided on its own, in the order of the requests.

use crate::common;

use async_trait::async_trait;
use common::batches::*;
use common::checker::{assert_safe, assert_settled};
use common::fault_injection::{AppendFate, FaultPlan};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::slow_guard::SlowGuard;
use common::*;
use futures::future::join_all;
use lastseat_domain::SeatId;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{EventLog, LogFault, StreamWrite, WriteOutcome};
use lastseat_engine::{CommandError, Fault, Hold, Settings};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn each_hold_has_its_own_answer_in_the_order_of_the_requests() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let batch = [
            request(&bench, "bob", seats(&["A-1", "A-2"])),
            request(&bench, "eve", seats(&["A-2"])),
            request(&bench, "eve", seats(&["A-3"])),
            request(&bench, "ann", seats(&["Z-1"])),
            request(&bench, "ann", best(2)),
            request(&bench, "dan", floor(19)),
            request(&bench, "dan", floor(6)),
            request(&bench, "eve", seats(&["A-3"])),
        ];
        let answers = send(&office, &batch).await;
        let expected =
            ["A-1 A-2", "seat_unavailable", "A-3", "unknown_seat", "A-4 A-5", "too_many_seats", "", "seat_unavailable"];
        let mut outcomes = outcomes(&answers);
        let units = std::mem::take(&mut outcomes[6]);
        assert_eq!(outcomes, expected, "atomic: {atomic}");
        assert_eq!(units.split(' ').filter(|unit| unit.starts_with("floor:")).count(), 6, "{units}");
        for (request, hold) in batch.iter().zip(&answers).filter_map(|(request, hold)| Some((request, hold.as_ref().ok()?))) {
            assert_eq!((hold.booking.id, hold.booking.buyer()), (request.booking, Some(&request.buyer)));
        }
        // The log names who sent the holds, not only for whom.
        let opened = bench.history().await.into_iter().filter(|e| matches!(e.event, Event::BookingOpened(_)));
        assert!(opened.map(|e| e.metadata.actor).all(|actor| actor == "seller"));
        later(3000).await;
        assert_settled(&bench, &format!("atomic: {atomic}")).await;
    });
}

#[test]
fn of_holds_for_the_same_seat_the_first_gets_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let batch: Vec<_> =
            (0..100).map(|n| request(&bench, &format!("buyer-{n}"), seats(&[&format!("A-{}", 1 + n % 10)]))).collect();
        let outcomes = outcomes(&send(&office, &batch).await);
        let (first, others) = outcomes.split_at(10);
        assert_eq!(first, (1..=10).map(|n| format!("A-{n}")).collect::<Vec<_>>(), "atomic: {atomic}");
        assert!(others.iter().all(|other| other == "seat_unavailable"), "{others:?}");
    });
}

/// The hold that tries for them may fail, so nobody may rely on this refusal.
#[test]
fn a_refusal_because_of_a_hold_in_progress_is_no_decision() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, faulty) = FaultPlan::around(&bench);
        let office = faulty.node().await;
        let batch = [
            keyed("0", "bob", seats(&["A-1"])),
            keyed("1", "eve", seats(&["A-1"])),
            request(&bench, "ann", floor(6)),
            request(&bench, "bob", floor(6)),
            request(&bench, "dan", floor(6)),
            request(&bench, "eve", floor(6)),
            request(&bench, "zoe", seats(&["Z-1"])),
        ];
        for nth in 0..100 {
            plan.append(nth, AppendFate::Unavailable);
        }
        let answers = send(&office, &batch).await;
        let kind = |answer: &Result<Hold, CommandError>| match answer {
            Ok(_) => "held",
            Err(CommandError::Rejected(_)) => "rejected",
            Err(CommandError::Contended(_)) => "contended",
            Err(CommandError::Failed(_)) => "failed",
        };
        let kinds: Vec<_> = answers.iter().map(kind).collect();
        assert_eq!(kinds, ["failed", "contended", "failed", "failed", "failed", "contended", "rejected"], "atomic: {atomic}");
        assert_eq!(outcomes(&answers)[1], "seat_unavailable");
        // Nobody has the seat. Once somebody has it, the same hold is rejected.
        let free = bench.node().await;
        assert_eq!(outcomes(&send(&free, &batch[1..2]).await), ["A-1"], "atomic: {atomic}");
        let taken = send(&free, &[request(&bench, "bob", seats(&["A-1"]))]).await;
        assert_eq!(kind(&taken[0]), "rejected");
    });
}

#[test]
fn each_hold_counts_on_its_buyers_limit() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let batch = [
            request(&bench, "bob", floor(6)),
            request(&bench, "bob", floor(3)),
            request(&bench, "eve", floor(6)),
            request(&bench, "bob", floor(2)),
        ];
        let answers = send(&office, &batch).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true], "atomic: {atomic}");
        assert_eq!(outcomes(&answers)[1], "buyer_limit");
        assert_eq!(code(hold_as(&bench, &office, "bob", floor(1)).await), "buyer_limit");
    });
}

/// A log that notes how many appends are in progress at once.
struct Counting {
    inner: Arc<dyn EventLog>,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl ForwardLog for Counting {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
        let outcomes = self.inner.append(writes).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        outcomes
    }
}

fn counting(bench: &TestBench) -> (TestBench, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let log = Counting { inner: bench.log.clone(), now: AtomicUsize::new(0), most: most.clone() };
    (TestBench { log: Arc::new(ForwardingLog(log)), ..bench.clone() }, most)
}

#[test]
fn a_batch_appends_together_and_never_takes_more_than_a_quarter_of_the_limit() {
    in_virtual_time(async |atomic| {
        for (limit, together) in [(4096, 1000), (100, 25), (1, 1)] {
            let (bench, most) = counting(&TestBench::new(atomic));
            let office = open_large(&bench, Settings { max_in_flight: limit, ..test_settings() }).await;
            let answers = send(&office, &thousand(&bench)).await;
            assert!(answers.iter().all(Result::is_ok), "atomic: {atomic}, limit {limit}");
            // Where nothing is committed together, fewer at a time.
            let expected = if atomic { together } else { together.min(64) };
            assert_eq!(most.load(Ordering::SeqCst), expected, "atomic: {atomic}, limit {limit}");
        }
    });
}

#[test]
fn what_is_too_much_at_a_time_is_answered_busy_hold_by_hold() {
    in_virtual_time(async |atomic| {
        let (bench, _) = counting(&TestBench::new(atomic));
        let office = open_large(&bench, Settings { max_in_flight: 8, ..test_settings() }).await;
        let batches: Vec<_> = (0..8).map(|_| thousand(&bench)).collect();
        let answers = join_all(batches.iter().map(|batch| send(&office, batch))).await;
        let is_busy = |answer: &&Result<Hold, CommandError>| matches!(answer, Err(CommandError::Failed(Fault::Busy { .. })));
        let (all, busy) = (answers.iter().flatten().count(), answers.iter().flatten().filter(is_busy).count());
        assert!(busy > 0 && busy < all, "{busy} of {all}");
        assert_safe(&bench, &format!("atomic: {atomic}")).await;
    });
}

#[test]
fn a_hold_that_the_guard_keeps_waiting_does_not_keep_the_others_from_the_log() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let guard = SlowGuard { inner: bench.guard.clone(), slow: SeatId::new("A-1").unwrap() };
        let bench = TestBench { guard: Arc::new(guard), ..bench };
        let office = bench.open().await;
        let batch =
            [request(&bench, "bob", seats(&["A-1"])), request(&bench, "eve", seats(&["A-2"])), request(&bench, "ann", floor(1))];
        let sending = tokio::spawn({
            let office = office.clone();
            async move { send(&office, &batch).await }
        });
        later(1).await;
        let opened = bench.history().await.into_iter().filter(|e| matches!(e.event, Event::BookingOpened(_))).count();
        assert_eq!(opened, 2, "atomic: {atomic}");
        let answers = sending.await.unwrap();
        assert!(answers.iter().all(Result::is_ok), "{:?}", outcomes(&answers));
    });
}

#[test]
fn a_stop_lets_what_is_begun_finish_and_begins_nothing_more() {
    in_virtual_time(async |atomic| {
        let (bench, _) = counting(&TestBench::new(atomic));
        let office = open_large(&bench, Settings { max_in_flight: 40, ..test_settings() }).await;
        let sending = tokio::spawn({
            let (office, batch) = (office.clone(), thousand(&bench));
            async move { send(&office, &batch).await }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        office.drain(Duration::from_secs(10)).await;
        let answers = sending.await.unwrap();
        let stopped = |answer: &Result<Hold, CommandError>| matches!(answer, Err(CommandError::Failed(Fault::Stopping)));
        let held = answers.iter().take_while(|answer| answer.is_ok()).count();
        assert!(held > 0 && held < 1000, "atomic: {atomic}: {held}");
        assert!(answers[held..].iter().all(stopped), "{:?}", outcomes(&answers[held..]));
        let opened = bench.history().await.into_iter().filter(|e| matches!(e.event, Event::BookingOpened(_))).count();
        assert_eq!(opened, held);
    });
}

#[test]
fn a_repeated_batch_gives_the_same_bookings_on_any_node() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (first, second) = (bench.open().await, bench.node().await);
        let batch = [
            keyed("0", "bob", seats(&["A-1"])),
            keyed("1", "eve", seats(&["A-1"])),
            keyed("2", "eve", best(2)),
            keyed("3", "ann", floor(2)),
        ];
        let answers = send(&first, &batch).await;
        let ids = |answers: &[Result<Hold, CommandError>]| -> Vec<_> {
            answers.iter().map(|answer| answer.as_ref().ok().map(|hold| hold.booking.id)).collect()
        };
        let before = outcomes(&answers);
        for (name, office) in [("at once", &second), ("the same node", &first), ("a new node", &bench.node().await)] {
            let again = send(office, &batch).await;
            assert_eq!((ids(&again), outcomes(&again)), (ids(&answers), before.clone()), "atomic: {atomic}, {name}");
            // At the same moment it writes the same events, and can't tell who wrote them first.
            assert!(name == "at once" || again.iter().flatten().all(|hold| hold.replayed), "{name}");
        }
        let found = second.repeated_holds(&batch, "seller").await;
        let found: Vec<_> = found.into_iter().map(|hold| hold.unwrap().is_some()).collect();
        assert_eq!(found, [true, false, true, true]);
        let changed = [keyed("0", "bob", seats(&["B-1"]))];
        assert_eq!(code(second.repeated_holds(&changed, "seller").await.swap_remove(0)), "idempotency_key_reused");
        assert_eq!(outcomes(&send(&second, &changed).await), ["idempotency_key_reused"]);
    });
}

#[test]
fn an_unknown_outcome_is_that_of_its_hold_alone() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, faulty) = FaultPlan::around(&bench);
        let office = faulty.node().await;
        let batch: Vec<_> = (0..3).map(|n| keyed(&n.to_string(), "bob", seats(&[&format!("A-{}", n + 1)]))).collect();
        // The second hold's append, and each repeat of it.
        for nth in [1, 3, 4, 5] {
            plan.append(nth, AppendFate::AnswerLost);
        }
        let answers = send(&office, &batch).await;
        let unknown =
            |answer: &&Result<Hold, CommandError>| matches!(answer, Err(CommandError::Failed(Fault::OutcomeUnknown(_))));
        assert_eq!(answers.iter().filter(unknown).count(), 1, "{:?}", outcomes(&answers));
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
        // The repeat finds out.
        let again = send(&office, &batch).await;
        assert_eq!(outcomes(&again), ["A-1", "A-2", "A-3"]);
        assert!(again.iter().flatten().all(|hold| hold.replayed));
    });
}

#[test]
fn many_batches_for_the_same_seats_on_two_nodes_in_a_faulty_world_sell_nothing_twice() {
    in_virtual_time(async |atomic| {
        let what = format!("atomic: {atomic}");
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (outside, _) = with_random_faults(&bench, &SeededRandom::new(23), &FaultRate::default());
        let nodes = [outside.node().await, outside.node().await];
        let batches: Vec<Vec<_>> = (0..50)
            .map(|batch| {
                let hold = |n: usize| keyed(&format!("{batch}/{n}"), &format!("buyer-{batch}-{n}"), seats(&[&format!("A-{n}")]));
                (1..=10).map(hold).collect()
            })
            .collect();
        let answers = join_all(batches.iter().enumerate().map(|(n, batch)| send(&nodes[n % 2], batch))).await;
        let held: Vec<_> = answers.iter().flatten().flatten().flat_map(|hold| hold.booking.seats()).map(|s| &s.seat).collect();
        assert_eq!(held.len(), held.iter().collect::<BTreeSet<_>>().len(), "{what}: {held:?}");
        assert_safe(&bench, &what).await;
        later(3000).await;
        assert_settled(&bench, &what).await;
    });
}
