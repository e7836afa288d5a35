//! Other programs write into lastseat's own streams, through the EventStoreDB-protocol server: event types
//! that begin with `$`, no metadata. Nodes, the read side and the audit skip such events.

use crate::common;
use crate::support;

use common::checker::assert_safe;
use common::{TestBench, code, hold, pay, seats, show, test_show};
use eventstore::{AppendToStreamOptions, Client, EventData, StreamState};
use lastseat_audit::Audit;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter};
use lastseat_engine::Paid;
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::{InProcessGuard, SystemClock};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_projections::ReadModel;
use std::sync::Arc;
use std::time::Duration;
use support::{Server, bounded, memory};

fn bench_over(log: Arc<dyn EventLog>) -> TestBench {
    let clock = Arc::new(SystemClock);
    let sandbox = Arc::new(SandboxGateway::in_memory(clock.clone()));
    let guard = Arc::new(InProcessGuard::new(clock.clone()));
    TestBench { log, guard, payments: sandbox.clone(), sandbox, clock, ids: Arc::default() }
}

/// Appends an event of another program at the end of a stream.
async fn append_foreign(server: &Server, stream: &StreamName, booking: &str) {
    let last = server.log.read_stream(stream, None, Direction::Backwards, 1).await.unwrap();
    let expected = last.first().map_or(StreamState::NoStream, |last| StreamState::StreamRevision(last.revision));
    let client = Client::new(server.connection_string().parse().unwrap()).unwrap();
    let event = EventData::json("$Noted", &serde_json::json!({ "booking": booking })).unwrap();
    let options = AppendToStreamOptions::default().stream_state(expected);
    client.append_to_stream(stream.as_str(), &options, event).await.unwrap();
}

/// Holds on one node, pays on another, with foreign events in every stream in between.
async fn sell_between_foreign_events(server: &Server, log: Arc<dyn EventLog>) {
    let bench = bench_over(Arc::clone(&log));
    let office = bench.node().await;
    office.schedule_show(test_show(), "admin").await.unwrap();
    let held = hold(&bench, &office, seats(&["A-1", "A-2"])).await.unwrap().booking;
    let (seat, other) = (held.opened.as_ref().unwrap().seats[0].seat.clone(), StreamName::from_log("checkpoint-1"));
    let touched = [StreamName::show(&show()), StreamName::seat(&show(), &seat), StreamName::booking(held.id), other];
    for stream in &touched {
        append_foreign(server, stream, &held.id.to_string()).await;
    }

    let node = bench.node().await;
    let paid = bounded("the payment", pay(&node, &held, "pm_card_visa")).await.unwrap();
    assert!(matches!(paid, Paid::Confirmed(_)), "{paid:?}");
    for stream in &touched {
        append_foreign(server, stream, &held.id.to_string()).await;
    }
    let node = bench.node().await;
    assert_eq!(code(hold(&bench, &node, seats(&["A-1"])).await), "seat_unavailable");
    assert_safe(&bench, "foreign events").await;

    let view = ReadModel::open(Arc::clone(&log), Arc::new(SystemClock), None).await.unwrap();
    let head = log.head().await.unwrap();
    assert!(view.wait_for(head, Duration::from_secs(30)).await, "the read model stops at {}", view.position());
    assert!(view.seat_map(&show()).is_some());

    let mut audit = Audit::new();
    for event in log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.foreign_events, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_over_an_eventstore_skips_foreign_events() {
    let server = Server::start(Arc::new(memory())).await;
    let log = Arc::new(server.client());
    sell_between_foreign_events(&server, log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_over_the_embedded_log_skips_foreign_events() {
    let folder = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(SqliteLog::open(folder.path().join("events.db"), Arc::new(SystemClock)).unwrap());
    let server = Server::start(Arc::clone(&log)).await;
    sell_between_foreign_events(&server, log).await;
}
