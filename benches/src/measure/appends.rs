//! The event log's port by itself: durable appends of one event to a new stream each.

use super::plan::{Plan, rate};
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::server::Server;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Expected, NewEvent, StreamWrite};
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::{ServerSettings, serve};
use lastseat_in_process::SystemClock;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// With its metadata about as large as `SeatLocked`.
const BODY: usize = 200;

/// Appends through client and EventStoreDB-protocol server to the embedded log, against appends to it in the process.
pub(super) async fn through_the_server(in_flight: usize, plan: &Plan) -> Outcome<Figure> {
    let mut figure =
        Figure::new("appends through the EventStoreDB protocol", in_flight, "appends/s", "the same log, in the process");
    for _ in 0..plan.rounds {
        let folder = tempfile::tempdir_in(".")?;
        let clock = Arc::new(SystemClock);
        let own = Arc::new(SqliteLog::open(folder.path().join("own.db"), clock.clone())?);
        let limit = appends(own.clone(), None, 0, in_flight, plan.seconds).await?;
        own.close().await?;

        let served = Arc::new(SqliteLog::open(folder.path().join("served.db"), clock.clone())?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = format!("esdb://{}?tls=false", listener.local_addr()?);
        let shutdown = CancellationToken::new();
        let settings = ServerSettings { write: true, ..ServerSettings::new(clock) };
        let server = tokio::spawn(serve(listener, served.clone(), settings, shutdown.clone()));
        let log = Arc::new(EventStoreLog::open(&client, Options::default())?);
        let ours = appends(log, None, 0, in_flight, plan.seconds).await;
        shutdown.cancel();
        server.await??;
        served.close().await?;
        figure.add(ours?, limit);
    }
    Ok(figure)
}

/// Durable appends a second with so many of them in flight, and what each costs the process that has the log. Runs
/// with different numbers may follow each other on one log.
pub(super) async fn appends(
    log: Arc<dyn EventLog>,
    store: Option<&Server>,
    run: u8,
    in_flight: usize,
    seconds: f64,
) -> Outcome<Measured> {
    let first = u128::from(run) << 96;
    // The first one connects.
    append(&*log, first | (1 << 95)).await?;
    rate(store, in_flight, seconds, |caller, until| {
        let log = log.clone();
        async move {
            let mut done = 0;
            while Instant::now() < until {
                append(&*log, first | ((caller as u128) << 32) | u128::from(done)).await?;
                done += 1;
            }
            Ok(done)
        }
    })
    .await
}

async fn append(log: &dyn EventLog, number: u128) -> Outcome<()> {
    let (text, actor) = ("x".repeat(BODY), "x".repeat(60));
    let event = NewEvent {
        id: Uuid::from_u128(number + 1),
        event_type: "SeatLocked".to_owned(),
        data: RawValue::from_string(format!(r#"{{"text":"{text}"}}"#))?,
        metadata: RawValue::from_string(format!(r#"{{"actor":"{actor}"}}"#))?,
    };
    let stream = StreamName::from_log(&format!("bench-{number}"));
    let outcomes = log.append(vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![event] }]).await?;
    if outcomes.iter().all(|outcome| outcome.is_written()) { Ok(()) } else { Err(format!("not written: {outcomes:?}").into()) }
}
