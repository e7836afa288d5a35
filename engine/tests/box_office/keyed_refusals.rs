//! A request with an idempotency key is refused as cheaply as one without, and its repeat still gets the
//! first answer.

use crate::common;

use async_trait::async_trait;
use common::fault_injection::FaultPlan;
use common::*;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use lastseat_domain::{BookingId, BuyerId};
use lastseat_engine::{BoxOffice, CommandError, Hold, HoldRequest, PriceTypeChoice, SeatSelection};
use lastseat_testkit::{ForwardLog, ForwardingLog};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

/// A hold under an idempotency key.
async fn keyed(office: &BoxOffice, key: &str, selection: SeatSelection) -> Result<Hold, CommandError> {
    let booking = BookingId::from_key("ann", key);
    let request = Some(RequestFingerprint { key: key.to_owned(), body: "hash".to_owned() });
    let buyer = BuyerId::guest(booking);
    office.hold(HoldRequest { fingerprint: request, ..HoldRequest::new(booking, show(), selection, buyer) }).await
}

#[test]
fn a_keyed_refusal_reads_nothing_from_the_log() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        bench.open().await.drain(Duration::ZERO).await;
        let (plan, counted) = FaultPlan::around(&bench);
        let office = counted.node().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        for quantity in [6, 6, 6, 2] {
            hold(&bench, &office, floor(quantity)).await.unwrap();
        }
        later(1).await;
        let before = plan.reads.load(Ordering::SeqCst);
        for n in 0..100 {
            assert_eq!(code(keyed(&office, &format!("seat {n}"), seats(&["A-1"])).await), "seat_unavailable");
            assert_eq!(code(keyed(&office, &format!("floor {n}"), floor(1)).await), "sold_out");
        }
        assert_eq!(plan.reads.load(Ordering::SeqCst), before, "atomic: {atomic}");
    });
}

#[test]
fn a_repeat_gets_its_first_answer_at_once_and_after_a_restart() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let first = keyed(&office, "k", seats(&["A-1"])).await.unwrap();
        let again = keyed(&office, "k", seats(&["A-1"])).await.unwrap();
        assert_eq!((again.booking.id, again.replayed), (first.booking.id, true));
        office.drain(Duration::ZERO).await;
        let restarted = bench.node().await;
        let again = keyed(&restarted, "k", seats(&["A-1"])).await.unwrap();
        assert_eq!((again.booking.id, again.replayed), (first.booking.id, true));
        assert_eq!(again.booking.opened, first.booking.opened);
    });
}

#[test]
fn a_repeat_at_another_node_gets_the_first_answer() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let nodes = [bench.open().await, bench.node().await];
        for ms in [0, 1, 1_000] {
            let (key, seat) = (format!("k{ms}"), format!("A-{}", ms.min(8) + 1));
            let first = keyed(&nodes[0], &key, seats(&[&seat])).await.unwrap();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let again = keyed(&nodes[1], &key, seats(&[&seat])).await.unwrap();
            assert_eq!(again.booking, first.booking, "after {ms} ms");
            // In the same instant it writes the very same events, which is no second effect either.
            assert_eq!(again.replayed, ms > 0, "after {ms} ms");
            let events = bench.history().await;
            let locks = events.iter().filter(|e| e.event.name() == "SeatLocked" && e.stream.as_str().ends_with(&seat));
            assert_eq!(locks.count(), 1, "after {ms} ms");
        }
    });
}

#[test]
fn a_refused_key_succeeds_once_the_seat_is_free_on_any_node() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let nodes = [bench.open().await, bench.node().await];
        let held = hold(&bench, &nodes[0], seats(&["A-1"])).await.unwrap().booking;
        later(1).await;
        for node in &nodes {
            assert_eq!(code(keyed(node, "k", seats(&["A-1"])).await), "seat_unavailable");
        }
        nodes[0].cancel(held.id, "buyer").await.unwrap();
        later(1).await;
        let hold = keyed(&nodes[1], "k", seats(&["A-1"])).await.unwrap();
        assert!(!hold.replayed, "a refusal is not stored");
        later(1).await;
        assert!(keyed(&nodes[0], "k", seats(&["A-1"])).await.unwrap().replayed);
    });
}

/// The check that the API does before it spends anything on a request.
#[test]
fn the_precheck_refuses_a_new_key_and_lets_a_repeat_pass() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        keyed(&office, "k", seats(&["A-1"])).await.unwrap();
        let check = |key: &str| {
            office.refuse_at_once(&show(), &seats(&["A-1"]), &PriceTypeChoice::First, Some(BookingId::from_key("ann", key)))
        };
        assert_eq!(check("k"), Ok(()));
        assert_eq!(check("new").unwrap_err().code(), "seat_unavailable");
        assert_eq!(
            office.refuse_at_once(&show(), &seats(&["A-1"]), &PriceTypeChoice::First, None).unwrap_err().code(),
            "seat_unavailable"
        );
    });
}

/// A log whose subscriptions never deliver anything: a node over it is as late as a node can be.
struct SilentLog(Arc<dyn EventLog>);

#[async_trait]
impl ForwardLog for SilentLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    fn subscribe(&self, _from: Position, _filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        stream::pending().boxed()
    }
}

/// Sales end on a node that has not read of the first request yet.
#[test]
fn a_repeat_after_sales_have_ended_gets_the_first_answer_on_a_late_node() {
    in_virtual_time(async |atomic| {
        for cancelled in [false, true] {
            let bench = TestBench::new(atomic);
            let on_time = bench.open().await;
            let late = TestBench { log: Arc::new(ForwardingLog(SilentLog(bench.log.clone()))), ..bench.clone() }.node().await;
            let first = keyed(&on_time, "k", seats(&["A-1"])).await.unwrap();
            if cancelled {
                late.cancel_show(&show(), "admin").await.unwrap();
            } else {
                late.pause_sales(&show(), "admin").await.unwrap();
            }
            let booking = BookingId::from_key("ann", "k");
            assert_eq!(late.refuse_at_once(&show(), &seats(&["A-1"]), &PriceTypeChoice::First, Some(booking)), Ok(()));
            let again = keyed(&late, "k", seats(&["A-1"])).await.unwrap();
            assert_eq!((again.booking.id, again.replayed), (first.booking.id, true), "atomic: {atomic}");
            let other = code(keyed(&late, "other", seats(&["A-2"])).await);
            assert_eq!(other, if cancelled { "show_cancelled" } else { "sales_paused" });
        }
    });
}
