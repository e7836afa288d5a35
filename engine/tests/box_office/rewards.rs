//! An account with many bookings costs no more than one with few.

use crate::common;

use async_trait::async_trait;
use common::*;
use lastseat_domain::event::{Event, ShowScheduled};
use lastseat_domain::loyalty;
use lastseat_domain::loyalty::{Account, MILESTONE_SEATS};
use lastseat_domain::plan::Area;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Expected, LogFault, NewEvent, StreamWrite, WriteOutcome};
use lastseat_domain::{BuyerId, StreamName};
use lastseat_engine::Paid;
use lastseat_testkit::{ForwardLog, ForwardingLog, counted_reads};
use serde_json::value::RawValue;
use std::sync::Arc;

const BOOKINGS: u32 = 60;

/// The test show with a floor that is large enough, and no limit for a buyer.
fn large_show() -> ShowScheduled {
    let show = test_show();
    let areas = show.areas.into_iter().map(|area| Area { capacity: area.capacity.map(|_| 1000), ..area }).collect();
    ShowScheduled { areas, max_seats_per_buyer: None, ..show }
}

/// The account as its events have it.
async fn account(bench: &TestBench) -> Account {
    let events: Vec<Event> =
        bench.history().await.into_iter().filter(|e| e.stream.category() == "loyalty").map(|e| e.event).collect();
    events.iter().fold(Account::default(), loyalty::evolve)
}

#[test]
fn an_agencys_account_is_not_read_again_for_each_booking() {
    for nodes in [1, 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(nodes == 1);
            let (log, reads) = counted_reads(bench.log.clone(), "loyalty");
            let bench = TestBench { log, ..bench };
            let office = bench.node().await;
            office.schedule_show(large_show(), "admin").await.unwrap();
            // Another node gives the same rewards; of each, one of them does.
            let other = if nodes == 2 { Some(bench.node().await) } else { None };
            for _ in 0..BOOKINGS {
                let held = hold_as(&bench, &office, "agency", floor(2)).await.unwrap().booking;
                pay(&office, &held, "pm_card_visa").await.unwrap();
            }
            later(10).await;
            let account = account(&bench).await;
            assert_eq!((account.counted.len(), account.seats), (60, BOOKINGS * 2));
            assert_eq!(account.milestones, BOOKINGS * 2 / MILESTONE_SEATS);
            // The whole account for each of the bookings would be 60 × 36 events and more. For each one the last
            // event and what another node has added is read.
            let read = reads.take_events();
            assert!(read < 500 * nodes, "{read} events were read by {nodes} nodes");
            drop(other);
        });
    }
}

/// The refund itself does not name its buyer. If the account that does can't be read, the booking's own stream says it.
#[test]
fn a_refund_gives_the_buyers_limit_back_although_their_account_can_not_be_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bench = TestBench::new(true);
        let office = bench.open().await;
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let event = NewEvent {
            id: lastseat_domain::ports::Ids::uuid(bench.ids.as_ref()),
            event_type: "PointsEarned".to_owned(),
            data: json(r#"{"from":"the future"}"#),
            metadata: json(r#"{"actor":"x","v":99,"at":"2030-01-01T00:00:00Z"}"#),
        };
        let stream = StreamName::loyalty(&BuyerId::new("ann").unwrap());
        bench.log.append(vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![event] }]).await.unwrap();
        let buy = async || {
            let held = hold_as(&bench, &office, "ann", floor(6)).await?.booking;
            pay(&office, &held, "pm_card_visa").await
        };
        let bought = buy().await.unwrap();
        let Paid::Confirmed(booking) = bought else { panic!("{bought:?}") };
        later(60).await;
        assert_eq!(code(buy().await), "buyer_limit", "six of eight");
        office.refund(booking.id, "admin").await.unwrap();
        later(60).await;
        buy().await.unwrap();
        assert_eq!(code(buy().await), "buyer_limit", "once, and no more");
    });
}

/// A log that takes no event of the agency's account until it is released.
struct SlowAccount {
    inner: Arc<dyn EventLog>,
    released: tokio::sync::watch::Receiver<bool>,
}

#[async_trait]
impl ForwardLog for SlowAccount {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if writes.iter().any(|write| write.stream.as_str() == "loyalty-agency") {
            let _ = self.released.clone().wait_for(|released| *released).await;
        }
        self.inner().append(writes).await
    }
}

#[test]
fn a_rush_of_one_account_keeps_no_other_waiting() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bench = TestBench::new(true);
        let (release, released) = tokio::sync::watch::channel(false);
        let log = Arc::new(ForwardingLog(SlowAccount { inner: bench.log.clone(), released }));
        let bench = TestBench { log, ..bench };
        let office = bench.node().await;
        office.schedule_show(large_show(), "admin").await.unwrap();
        let sell_to = async |buyer: &str, bookings: u32| {
            for _ in 0..bookings {
                let held = hold_as(&bench, &office, buyer, floor(1)).await.unwrap().booking;
                pay(&office, &held, "pm_card_visa").await.unwrap();
            }
        };
        // More than are worked on in parallel.
        sell_to("agency", 80).await;
        sell_to("anna", 1).await;
        later(10).await;
        let counted = async || {
            let events = bench.history().await;
            ["loyalty-agency", "loyalty-anna"]
                .map(|stream| events.iter().filter(|e| e.stream.as_str() == stream && e.event.name() == "PointsEarned").count())
        };
        assert_eq!(counted().await, [0, 1]);
        release.send_replace(true);
        later(10).await;
        assert_eq!(counted().await, [80, 1]);
    });
}
