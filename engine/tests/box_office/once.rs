//! Work that any node may do is done once: a booking costs the log as much with four nodes as with one.

use crate::common;

use async_trait::async_trait;
use common::checker::assert_settled;
use common::*;
use lastseat_domain::event::{PointsEarned, ShowScheduled};
use lastseat_domain::plan::Area;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, RecordedEvent, Revision, StreamWrite, WriteOutcome};
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_domain::{BuyerId, Metadata, StreamName, codec};
use lastseat_engine::{BoxOffice, Settings};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What was asked of the log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Cost {
    appends: usize,
    events: usize,
    reads: usize,
    events_read: usize,
}

/// Counts appends and reads of streams. What a node follows of the whole log is not counted: each reads all of it.
struct Counted {
    inner: Arc<dyn EventLog>,
    cost: Arc<Mutex<Cost>>,
    /// Loyalty accounts can't be written.
    without_accounts: bool,
}

#[async_trait]
impl ForwardLog for Counted {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if self.without_accounts && writes.iter().any(|write| write.stream.category() == "loyalty") {
            return Err(LogFault::Unavailable("no accounts here".to_owned()));
        }
        {
            let mut cost = self.cost.lock();
            cost.appends += 1;
            cost.events += writes.iter().map(|write| write.events.len()).sum::<usize>();
        }
        self.inner.append(writes).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let page = self.inner.read_stream(stream, from, direction, limit).await?;
        let mut cost = self.cost.lock();
        cost.reads += 1;
        cost.events_read += page.len();
        Ok(page)
    }
}

fn counted(bench: &TestBench, cost: &Arc<Mutex<Cost>>, without_accounts: bool) -> TestBench {
    let counted = Counted { inner: bench.log.clone(), cost: Arc::clone(cost), without_accounts };
    TestBench { log: Arc::new(ForwardingLog(counted)), ..bench.clone() }
}

/// The test show with a floor that is large enough, and no limit for a buyer.
fn large_show() -> ShowScheduled {
    let show = test_show();
    let areas = show.areas.into_iter().map(|area| Area { capacity: area.capacity.map(|_| 1000), ..area }).collect();
    ShowScheduled { areas, max_seats_per_buyer: None, ..show }
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

async fn names(bench: &TestBench, category: &str) -> Vec<&'static str> {
    bench.history().await.iter().filter(|e| e.stream.category() == category).map(|e| e.event.name()).collect()
}

/// Buyers with accounts who pay, let their holds go, and are refunded; guests who earn a voucher, and guests who earn
/// nothing: each with one node of several.
async fn cost_of_a_sale(atomic: bool, nodes: usize, settings: &Settings) -> Cost {
    let bench = TestBench::new(atomic);
    let cost = Arc::new(Mutex::new(Cost::default()));
    let counting = counted(&bench, &cost, false);
    let mut offices: Vec<BoxOffice> = Vec::new();
    for _ in 0..nodes {
        offices.push(counting.node_with(settings.clone()).await);
    }
    offices[0].schedule_show(large_show(), "admin").await.unwrap();
    later(5).await;
    *cost.lock() = Cost::default();
    let mut returned = vec![];
    for n in 0..12 {
        let office = &offices[n % nodes];
        let held = hold_as(&bench, office, &format!("buyer-{n}"), floor(2)).await.unwrap().booking;
        if n % 3 > 0 {
            pay(office, &held, "pm_card_visa").await.unwrap();
        }
        if n % 3 > 1 {
            returned.push((office, held.id));
        }
        later(1).await;
        let held = hold(&bench, office, floor(if n % 2 == 0 { 1 } else { 3 })).await.unwrap().booking;
        pay(office, &held, "pm_card_visa").await.unwrap();
        if n == 6 || n == 7 {
            returned.push((office, held.id));
        }
        later(1).await;
    }
    for (office, booking) in returned {
        office.refund(booking, "admin").await.unwrap();
        later(1).await;
    }
    later(700).await;
    let sale = cost.lock().clone();
    assert_settled(&bench, &format!("{nodes} nodes")).await;
    let loyalty = names(&bench, "loyalty").await;
    // Eight buyers have paid, and six guests have a voucher. Six guests have earned nothing. Returned are the money of four
    // buyers and of two guests, of whom one has a voucher.
    let count = |name: &str| loyalty.iter().filter(|it| **it == name).count();
    let counts = ["PointsEarned", "VoucherIssued", "PointsRevoked", "VoucherRevoked"].map(count);
    assert_eq!(counts, [14, 6, 5, 1], "{loyalty:?}");
    sale
}

#[test]
fn a_booking_costs_the_same_with_one_node_and_with_several() {
    for atomic in [true, false] {
        let one = in_virtual_time(cost_of_a_sale(atomic, 1, &test_settings()));
        for nodes in [2, 4] {
            let several = in_virtual_time(cost_of_a_sale(atomic, nodes, &test_settings()));
            assert_eq!(several, one, "{nodes} nodes, atomic: {atomic}");
        }
    }
}

/// The twin: nodes that leave nothing to each other.
#[test]
fn nodes_that_do_not_wait_for_each_other_are_caught() {
    let impatient = Settings { settle_after: Duration::ZERO, ..test_settings() };
    for atomic in [true, false] {
        let [one, two] = [1, 2].map(|nodes| in_virtual_time(cost_of_a_sale(atomic, nodes, &impatient)));
        assert!(two.appends > one.appends && two.reads > one.reads, "{one:?}, {two:?}");
    }
}

/// What a node has appended, and what its subscription has delivered, it knows: it reads the account when the points are counted,
/// and nothing of the booking.
#[test]
fn a_payment_reads_the_account_once_and_not_the_booking() {
    for atomic in [true, false] {
        in_virtual_time(async {
            let bench = TestBench::new(atomic);
            let cost = Arc::new(Mutex::new(Cost::default()));
            let office = counted(&bench, &cost, false).node().await;
            office.schedule_show(large_show(), "admin").await.unwrap();
            let held = hold_as(&bench, &office, "ann", seats(&["A-1", "A-2"])).await.unwrap().booking;
            later(1).await;
            *cost.lock() = Cost::default();
            pay(&office, &held, "pm_card_visa").await.unwrap();
            later(5).await;
            assert_settled(&bench, "a payment").await;
            let Cost { reads, .. } = cost.lock().clone();
            assert_eq!(reads, 1, "atomic: {atomic}");
        });
    }
}

/// The ends of its two seats are read, which may be another booking's by now.
#[test]
fn a_hold_that_nobody_pays_is_ended_without_reading_the_booking() {
    for atomic in [true, false] {
        in_virtual_time(async {
            let bench = TestBench::new(atomic);
            let cost = Arc::new(Mutex::new(Cost::default()));
            let office = counted(&bench, &cost, false).node().await;
            office.schedule_show(large_show(), "admin").await.unwrap();
            hold(&bench, &office, seats(&["A-1", "A-2"])).await.unwrap();
            *cost.lock() = Cost::default();
            later(700).await;
            assert_settled(&bench, "a hold").await;
            let Cost { reads, events_read, .. } = cost.lock().clone();
            assert_eq!((reads, events_read), (2, 2), "atomic: {atomic}");
        });
    }
}

/// One node takes the money, and can't write the account.
#[test]
fn a_reward_that_a_node_does_not_give_is_given_by_another_after_a_delay() {
    in_virtual_time(async {
        let bench = TestBench::new(false);
        let cost = Arc::default();
        let (first, second) = (counted(&bench, &cost, true).node().await, bench.node().await);
        second.schedule_show(large_show(), "admin").await.unwrap();
        later(5).await;
        let held = hold_as(&bench, &first, "ann", floor(2)).await.unwrap().booking;
        pay(&first, &held, "pm_card_visa").await.unwrap();
        later(9).await;
        assert_eq!(names(&bench, "loyalty").await, [""; 0], "it is left to the first");
        later(5).await;
        assert_eq!(names(&bench, "loyalty").await, ["PointsEarned"]);
        first.refund(held.id, "admin").await.unwrap();
        later(15).await;
        assert_eq!(names(&bench, "loyalty").await, ["PointsEarned", "PointsRevoked"]);
        assert_settled(&bench, "two nodes").await;
    });
}

/// However long a payment in progress may take, a seat is not kept for more than ten seconds, and the guard keeps it as long.
#[test]
fn a_hold_whose_node_has_ended_is_ended_by_another_after_a_delay() {
    for settle_after in [Duration::from_secs(10), Duration::from_secs(86_400)] {
        in_virtual_time(async {
            let settings = Settings { settle_after, ..test_settings() };
            let bench = TestBench::new(false);
            let (first, second) = (bench.open().await, bench.node_with(settings).await);
            later(5).await;
            let held = hold(&bench, &first, seats(&["A-1"])).await.unwrap().booking;
            first.drain(Duration::ZERO).await;
            later(605).await;
            assert_eq!(bench.story(held.id).await, ["BookingOpened"], "it is left to the first");
            let label = ["A-1".parse().unwrap()];
            let rival = bench.new_booking();
            let lease = bench.guard.lock(&show(), &label, rival, Duration::from_secs(1)).await.unwrap();
            assert!(matches!(lease, Lock::Taken { .. }), "free in the guard, and not in the log: {lease:?}");
            later(6).await;
            assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"]);
            assert!(hold(&bench, &second, seats(&["A-1"])).await.is_ok());
        });
    }
}

/// As over the network: an append may take this long.
struct Remote {
    inner: Arc<dyn EventLog>,
    longest_append: Duration,
}

impl ForwardLog for Remote {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    fn longest_append(&self) -> Duration {
        self.longest_append
    }
}

/// Otherwise the other would append while the first may still be at it.
#[test]
fn a_hold_is_left_to_its_node_for_longer_than_an_append_takes() {
    in_virtual_time(async {
        let bench = TestBench::new(false);
        let log = Arc::new(ForwardingLog(Remote { inner: bench.log.clone(), longest_append: Duration::from_secs(15) }));
        let bench = TestBench { log, ..bench };
        let (first, _second) = (bench.open().await, bench.node().await);
        later(5).await;
        let held = hold(&bench, &first, seats(&["A-1"])).await.unwrap().booking;
        first.drain(Duration::ZERO).await;
        later(614).await;
        assert_eq!(bench.story(held.id).await, ["BookingOpened"], "it is left to the first");
        later(3).await;
        assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"]);
    });
}

/// A node that starts knows of no other, and may have placed the holds itself before it ended.
#[test]
fn a_single_node_ends_holds_in_time_also_after_a_restart() {
    for atomic in [true, false] {
        in_virtual_time(async {
            let bench = TestBench::new(atomic);
            let office = bench.open().await;
            let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
            later(300).await;
            let other = hold(&bench, &office, seats(&["A-2"])).await.unwrap().booking;
            later(301).await;
            assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"]);
            let snapshot = office.take_snapshot().await.unwrap().unwrap();
            office.drain(Duration::ZERO).await;
            let office = bench.node_from(&snapshot).await.unwrap();
            later(300).await;
            assert_eq!(bench.story(other.id).await, ["BookingOpened", "BookingAborted"]);
            assert!(hold(&bench, &office, seats(&["A-1", "A-2"])).await.is_ok());
        });
    }
}

/// Two nodes, of which the one that opened the hold isn't the one that was asked last.
#[test]
fn a_hold_is_ended_by_the_node_that_extended_it() {
    in_virtual_time(async {
        let bench = TestBench::new(false);
        let (first, second) = (bench.open().await, bench.node().await);
        later(5).await;
        let held = hold(&bench, &first, seats(&["A-1"])).await.unwrap().booking;
        later(1).await;
        second.extend(held.id, "buyer").await.unwrap();
        later(1).await;
        first.drain(Duration::ZERO).await;
        later(1200).await;
        let history = bench.history().await;
        let ended = history.iter().find(|e| e.event.name() == "BookingAborted").expect("it has ended").metadata.at;
        let late = ended - held.expires_at.unwrap() - chrono::TimeDelta::seconds(600);
        assert!(late < chrono::TimeDelta::seconds(1), "{late} after its end");
    });
}

/// An earlier version has counted a guest's booking, and this one returns its money.
#[test]
fn points_that_a_guest_has_of_an_earlier_version_are_taken_back() {
    for atomic in [true, false] {
        in_virtual_time(async {
            let bench = TestBench::new(atomic);
            let office = bench.open().await;
            let [old, new] =
                [hold(&bench, &office, floor(2)).await.unwrap().booking, hold(&bench, &office, floor(2)).await.unwrap().booking];
            for held in [&old, &new] {
                pay(&office, held, "pm_card_visa").await.unwrap();
            }
            later(30).await;
            assert_eq!(names(&bench, "loyalty").await, [""; 0]);
            let captured = bench.history().await.into_iter().find(|e| e.event.name() == "PaymentCaptured").unwrap();
            let metadata = Metadata { causation: Some(captured.id), ..captured.metadata };
            let earned = PointsEarned { booking: old.id, show: show(), seats: 2, points: 20 };
            let account = StreamName::loyalty(&BuyerId::guest(old.id));
            let write = codec::encode(account, Expected::NoStream, &[earned.into()], &metadata).unwrap();
            bench.log.append(vec![write]).await.unwrap();
            later(1).await;
            for held in [&old, &new] {
                office.refund(held.id, "admin").await.unwrap();
            }
            later(1).await;
            assert_eq!(names(&bench, "loyalty").await, ["PointsEarned", "PointsRevoked"]);
        });
    }
}
