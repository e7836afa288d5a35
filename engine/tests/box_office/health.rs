//! How the engine says that it is not well, and what goes on meanwhile.

use crate::common;

use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::stream::{self, BoxStream, StreamExt};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Expected, Filter, LogFault, NewEvent, Position, StreamWrite};
use lastseat_domain::{StreamName, codec};
use lastseat_engine::{CommandError, Fault};
use lastseat_testkit::{ForwardLog, ForwardingLog, MemoryLog};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test());
}

#[test]
fn a_log_that_can_not_be_written_makes_the_engine_not_ready_until_it_can() {
    in_virtual_time(async || {
        let bench = TestBench::new(true);
        let log = MemoryLog::new(bench.clock.clone(), true);
        let bench = TestBench { log: Arc::new(log.clone()), ..bench };
        let office = bench.open().await;
        assert!(office.status().ready);
        log.set_down(true);
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_err());
        assert!(!office.status().ready);
        assert!(office.status().degraded[0].contains("can't be written"), "{:?}", office.status().degraded);
        // Nobody asks while it is not ready; so after a while it is asked again, and finds out.
        later(6).await;
        assert!(office.status().ready);
        log.set_down(false);
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
        assert!(office.status().ready && office.status().degraded.is_empty());
    });
}

/// A log that answers again clears "degraded", even while nothing is sold.
#[test]
fn a_log_that_is_followed_again_is_well_without_a_new_event() {
    in_virtual_time(async || {
        let bench = TestBench::new(true);
        bench.open().await.drain(Duration::ZERO).await;
        let fault_rate = FaultRate::default();
        let (outside, _) = with_random_faults(&bench, &SeededRandom::new(7), &fault_rate);
        let office = outside.node().await;
        later(5).await;
        let trouble = || office.status().degraded.iter().any(|why| why.contains("can't be followed"));
        assert!(!trouble());
        fault_rate.set(100);
        let mut waited = 0;
        while !trouble() {
            waited += 1;
            assert!(waited < 10_000, "the subscription never ended");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        fault_rate.set(0);
        later(5).await;
        assert!(!trouble(), "{:?}", office.status().degraded);
    });
}

#[test]
fn an_event_that_can_not_be_read_keeps_no_hold_from_ending() {
    in_virtual_time(async || {
        let bench = TestBench::new(true);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        // What a newer program might write, on a seat of its own.
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let event = NewEvent {
            id: lastseat_domain::ports::Ids::uuid(bench.ids.as_ref()),
            event_type: "SeatLocked".to_owned(),
            data: json(r#"{"from":"the future"}"#),
            metadata: json(r#"{"actor":"x","v":99,"at":"2030-01-01T00:00:00Z"}"#),
        };
        let stream = StreamName::from_log("seat-test.B-1");
        bench.log.append(vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![event] }]).await.unwrap();
        later(1).await;
        assert!(office.status().degraded[0].contains("skipped"), "{:?}", office.status().degraded);
        later(600).await;
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "the hold has ended");
        // The seat that it is about is not sold on a guess.
        assert!(hold(&bench, &office, seats(&["B-1"])).await.is_err());
    });
}

#[test]
fn a_show_that_a_newer_version_changed_is_not_sold() {
    in_virtual_time(async || {
        let bench = TestBench::new(true);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let (stream, body) = (StreamName::from_log("show-test"), r#"{"show":"test","rule":"none of today's"}"#);
        let event = NewEvent {
            id: codec::event_id(&stream, 1, "ShowRethought", body, codec::IdRule::Body),
            event_type: "ShowRethought".to_owned(),
            data: json(body),
            metadata: json(r#"{"actor":"x","v":1,"at":"2030-01-01T00:00:00Z"}"#),
        };
        bench.log.append(vec![StreamWrite { stream, expected: Expected::Revision(0), events: vec![event] }]).await.unwrap();
        later(1).await;
        assert!(office.status().degraded[0].contains("a newer one wrote it"), "{:?}", office.status().degraded);
        let refused = hold(&bench, &office, seats(&["B-1"])).await.unwrap_err();
        assert!(matches!(refused, CommandError::Failed(Fault::Damaged(_))), "{refused:?}");
    });
}

/// A log whose first subscription loses its server after a second, and finds it again after ten.
struct Losing(MemoryLog);

impl ForwardLog for Losing {
    fn inner(&self) -> &dyn EventLog {
        &self.0
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let loss = stream::iter([(1, Delivery::Interrupted("gone".to_owned())), (9, Delivery::CaughtUp(from))]);
        let loss = loss.then(async |(seconds, delivery)| {
            later(seconds).await;
            Ok(delivery)
        });
        stream::select(self.0.subscribe(from, filter), loss).boxed()
    }
}

#[test]
fn a_log_that_reconnects_by_itself_tells_the_engine_meanwhile() {
    in_virtual_time(async || {
        let bench = TestBench::new(true);
        let log = ForwardingLog(Losing(MemoryLog::new(bench.clock.clone(), true)));
        let office = TestBench { log: Arc::new(log), ..bench }.node().await;
        let trouble = || office.status().degraded.iter().any(|why| why.contains("can't be followed: gone"));
        assert!(!trouble());
        later(5).await;
        assert!(trouble() && office.status().ready, "{:?}", office.status());
        later(6).await;
        assert!(!trouble());
    });
}
