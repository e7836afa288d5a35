//! A node that starts from a snapshot goes on where the one left off that took it.

use crate::common;

use async_trait::async_trait;
use common::fault_injection::FaultPlan;
use common::*;
use lastseat_domain::booking::Phase;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, Filter, LogFault, NewEvent, Position, RecordedEvent, StreamWrite};
use lastseat_domain::show::{Show, ShowChanges};
use lastseat_engine::{BoxOffice, Paid, PriceTypeChoice, Snapshot, SnapshotDoubt};
use lastseat_testkit::{ForwardLog, ForwardingLog, MemoryLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

async fn take_snapshot(office: &BoxOffice) -> Snapshot {
    office.take_snapshot().await.unwrap().expect("the log has events")
}

/// Counts what is read of the whole log.
struct CountingLog {
    log: Arc<dyn EventLog>,
    events: Arc<AtomicUsize>,
}

#[async_trait]
impl ForwardLog for CountingLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.log
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let read = self.log.read_all(from, direction, limit, filter).await?;
        self.events.fetch_add(read.len(), Ordering::SeqCst);
        Ok(read)
    }
}

/// The first events of a log, in another one, as a backup has them.
async fn backup(bench: &TestBench, atomic: bool, events: usize) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::new(bench.clock.clone(), atomic));
    let all = bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
    for event in all.iter().take(events) {
        let RecordedEvent { stream, revision, id, event_type, data, metadata, .. } = RecordedEvent::clone(event);
        let events = vec![NewEvent { id, event_type, data, metadata }];
        log.append(vec![StreamWrite { stream, expected: Expected::after(revision), events }]).await.unwrap();
    }
    log
}

#[test]
fn a_node_goes_on_where_the_one_left_off_that_took_the_snapshot() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.open().await;
        let sold = hold_as(&bench, &first, "ann", seats(&["A-1", "A-2"])).await.unwrap().booking;
        assert!(matches!(pay(&first, &sold, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        let held = hold_as(&bench, &first, "ann", seats(&["A-3", "A-4"])).await.unwrap().booking;
        let snapshot = take_snapshot(&first).await;
        drop(first);

        let second = bench.node_from(&snapshot).await.unwrap();
        assert_eq!(code(hold(&bench, &second, seats(&["A-1"])).await), "seat_unavailable");
        assert_eq!(code(hold(&bench, &second, seats(&["A-3"])).await), "seat_unavailable");
        // Of eight seats ann has four.
        assert_eq!(code(hold_as(&bench, &second, "ann", floor(5)).await), "buyer_limit");
        hold_as(&bench, &second, "ann", floor(4)).await.unwrap();
        // Two can be sold again when they are refunded, two when their hold ends.
        second.refund(sold.id, "admin").await.unwrap();
        later(700).await;
        assert_eq!(second.booking(held.id).await.unwrap().unwrap().status(), "aborted");
        hold_as(&bench, &second, "ann", seats(&["A-1", "A-2", "A-3", "A-4"])).await.unwrap();
    });
}

/// A snapshot from before a change, from after it, and none: the same show in the end, with every seat in its place.
#[test]
fn a_change_of_the_show_is_in_the_snapshot_or_in_the_log_after_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.open().await;
        hold(&bench, &first, seats(&["A-1"])).await.unwrap();
        hold(&bench, &first, floor(2)).await.unwrap();
        let before = take_snapshot(&first).await;
        first.pause_sales(&show(), "admin").await.unwrap();
        first.revise_show(&show(), larger_and_dearer(), Some(0), "admin").await.unwrap();
        first.resume_sales(&show(), "admin").await.unwrap();
        let held = hold(&bench, &first, seats(&["C-1", "A-2"])).await.unwrap().booking;
        hold(&bench, &first, floor(6)).await.unwrap();
        assert_eq!(held.opened.as_ref().unwrap().show_revision, 2);
        later(1).await;
        let after = take_snapshot(&first).await;
        let shorter = ShowChanges { hold_seconds: Some(60), ..ShowChanges::default() };
        first.revise_show(&show(), shorter, Some(2), "admin").await.unwrap();
        later(1).await;
        let newest = take_snapshot(&first).await;
        let of_first = first.show(&show()).unwrap();
        drop(first);
        for snapshot in [Some(before), Some(after), Some(newest), None] {
            let node = match &snapshot {
                Some(snapshot) => bench.node_from(snapshot).await.unwrap(),
                None => bench.node().await,
            };
            let of_node = node.show(&show()).unwrap();
            assert_eq!((of_node.facts.clone(), of_node.revision, of_node.head), (of_first.facts.clone(), 4, 4));
            let ids = |show: &Show| show.plan.seats().map(|(id, _)| id).collect::<Vec<_>>();
            assert_eq!(ids(&of_node), ids(&of_first));
            for taken in ["A-1", "A-2", "C-1"] {
                assert_eq!(code(hold(&bench, &node, seats(&[taken])).await), "seat_unavailable", "{taken}");
            }
            let held = hold(&bench, &node, seats(&["C-2", "B-2"])).await.unwrap().booking;
            assert_eq!((held.opened.as_ref().unwrap().show_revision, held.amount().unwrap().value), (4, 20_000));
            node.cancel(held.id, "buyer").await.unwrap();
            // Of 30 places 22 are left.
            let mut places = Vec::new();
            while let Ok(held) = hold(&bench, &node, floor(1)).await {
                places.push(held.booking);
            }
            assert_eq!(places.len(), 22);
            for booking in places {
                node.cancel(booking.id, "buyer").await.unwrap();
            }
            later(1).await;
            drop(node);
        }
    });
}

#[test]
fn only_what_came_after_the_snapshot_is_read() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.open().await;
        for seat in 1..=9 {
            hold(&bench, &first, seats(&[&format!("A-{seat}")])).await.unwrap();
        }
        later(1).await;
        let snapshot = take_snapshot(&first).await;
        hold(&bench, &first, seats(&["B-1"])).await.unwrap();
        later(1).await;
        let events = Arc::new(AtomicUsize::new(0));
        let log = Arc::new(ForwardingLog(CountingLog { log: bench.log.clone(), events: events.clone() }));
        let counted = TestBench { log, ..bench.clone() };
        let second = counted.node_from(&snapshot).await.unwrap();
        assert_eq!(events.load(Ordering::SeqCst), 2, "BookingOpened and SeatLocked");
        assert_eq!(code(hold(&counted, &second, seats(&["B-1"])).await), "seat_unavailable");
    });
}

#[test]
fn a_payment_in_progress_is_finished_by_the_next_node() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::from_secs(1)).await;
        let (plan, end) = FaultPlan::around(&bench);
        let first = end.node().await;
        let booking = hold(&bench, &first, seats(&["A-1"])).await.unwrap().booking;
        let paying = first.clone();
        let slow = booking.clone();
        let payment = tokio::spawn(async move { pay(&paying, &slow, "pm_lastseat_slow").await });
        later(1).await;
        let snapshot = take_snapshot(&first).await;
        plan.power.cut();
        payment.abort();
        drop(first);
        let second = bench.node_from(&snapshot).await.unwrap();
        later(60).await;
        let phase = second.booking(booking.id).await.unwrap().unwrap().phase;
        assert_eq!(phase, Phase::Confirmed { refund_requested: false });
    });
}

#[test]
fn a_log_that_was_restored_from_a_backup_does_not_confirm_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let first = bench.open().await;
        hold(&bench, &first, seats(&["A-1"])).await.unwrap();
        later(1).await;
        let snapshot = take_snapshot(&first).await;
        assert!(snapshot.check_on(&bench.log).await.is_ok());

        let shorter = backup(&bench, atomic, 2).await;
        let doubt = snapshot.check_on(&(shorter.clone() as _)).await.unwrap_err().to_string();
        assert_eq!(doubt, "it needs the log up to position 3, and the log ends at 2");
        // It is sold from again, and has as many events as before.
        let restored = TestBench { log: shorter, ..bench.clone() };
        let office = restored.node().await;
        hold(&restored, &office, seats(&["B-1"])).await.unwrap();
        let doubt = snapshot.check_on(&restored.log).await.unwrap_err().to_string();
        assert!(doubt.starts_with("the log does not have its landmark, event 0 of "), "{doubt}");
    });
}

/// Seats and filter are copied while the follower goes on with what another node writes.
#[test]
fn a_log_that_confirms_a_snapshot_has_everything_that_is_in_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let (first, other) = (bench.open().await, bench.node().await);
        later(1).await;
        let mut ahead = 0;
        for steps in 0..40 {
            let seat = format!("{}-{}", ["A", "B"][steps % 2], 1 + steps / 2 % 10);
            let held = async { hold(&bench, &other, seats(&[&seat])).await };
            let taken = async {
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
                take_snapshot(&first).await
            };
            let (held, snapshot) = tokio::join!(held, taken);
            let held = held.map(|hold| hold.booking.id);
            ahead += usize::from(snapshot.landmark.position > snapshot.position);
            let end = usize::try_from(bench.log.head().await.unwrap().0).unwrap();
            for events in usize::try_from(snapshot.position.0).unwrap()..=end {
                let cut = TestBench { log: backup(&bench, atomic, events).await, ..bench.clone() };
                let Ok(started) = cut.node_from(&snapshot).await else { continue };
                let whole = cut.node().await;
                let refuses =
                    |office: &BoxOffice| office.refuse_at_once(&show(), &seats(&[&seat]), &PriceTypeChoice::First, None).is_err();
                assert_eq!(refuses(&started), refuses(&whole), "{seat} after {events} of {end} events");
            }
            if let Ok(booking) = held {
                other.cancel(booking, "buyer").await.unwrap();
            }
            later(1).await;
        }
        assert!(ahead > 0, "no snapshot had anything that its position does not have");
    });
}

#[test]
fn a_log_of_the_other_kind_does_not_confirm_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        later(1).await;
        let snapshot = take_snapshot(&office).await;
        let other = backup(&bench, !atomic, usize::MAX).await;
        let doubt = snapshot.check_on(&(other as _)).await.unwrap_err().to_string();
        assert!(doubt.contains("embedded log"), "{doubt}");
    });
}

#[test]
fn a_snapshot_can_be_made_of_the_log_alone_and_of_an_older_one() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        later(1).await;
        let older = take_snapshot(&office).await.check(&*bench.log).await.unwrap();
        hold(&bench, &office, seats(&["A-2"])).await.unwrap();
        drop(office);
        for start in [None, Some(older)] {
            let snapshot = Snapshot::of_log(&*bench.log, start, bench.clock.now()).await.unwrap().unwrap();
            assert_eq!(snapshot.position, bench.log.head().await.unwrap());
            let next = bench.node_from(&snapshot).await.unwrap();
            for (seat, free) in [("A-1", false), ("A-2", false), ("A-3", true)] {
                assert_eq!(next.refuse_at_once(&show(), &seats(&[seat]), &PriceTypeChoice::First, None).is_ok(), free, "{seat}");
            }
        }
    });
}

#[test]
fn an_empty_log_has_no_snapshot() {
    in_virtual_time(async |atomic| {
        assert!(TestBench::new(atomic).node().await.take_snapshot().await.unwrap().is_none());
    });
}

trait CheckOn {
    async fn check_on(&self, log: &Arc<dyn EventLog>) -> Result<(), SnapshotDoubt>;
}

impl CheckOn for Snapshot {
    async fn check_on(&self, log: &Arc<dyn EventLog>) -> Result<(), SnapshotDoubt> {
        self.clone().check(&**log).await.map(drop)
    }
}
