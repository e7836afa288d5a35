//! Measures appends and reads a second through the server, with the official Rust client on the same
//! machine.
//!
//! ```sh
//! cargo run --release -p lastseat-eventstore-server --example server_append_rate -- [seconds] [folder]
//! ```
//! Each append is one event of 300 bytes to a new stream, durable when answered; 1, 64 and 1,024 are in
//! flight on one `BatchAppend` session. The read is the whole log from its start.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement ends with the first error")]

use eventstore::{Client, EventData, ReadAllOptions, StreamState};
use futures::future::join_all;
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_eventstore_server::{ServerSettings, serve};
use lastseat_in_process::SystemClock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn event(number: u64) -> EventData {
    let body = serde_json::json!({ "booking": number, "text": "x".repeat(130) });
    let metadata = serde_json::json!({ "actor": "bench", "text": "x".repeat(80) });
    let event = EventData::json("SeatLocked", &body).expect("JSON").id(Uuid::from_u128(u128::from(number) + 1));
    event.metadata_as_json(&metadata).expect("JSON")
}

async fn appends(client: &Client, in_flight: u64, first: u64, time: Duration) -> u64 {
    let session = Arc::new(client.batch_append(&Default::default()).await.expect("a session"));
    let end = Instant::now() + time;
    let caller = |caller: u64| {
        let session = Arc::clone(&session);
        tokio::spawn(async move {
            let mut number = first + caller;
            while Instant::now() < end {
                let stream = format!("bench-{number}");
                session.append_to_stream(stream, StreamState::NoStream, vec![event(number)]).await.expect("no conflict");
                number += in_flight;
            }
            (number - first - caller) / in_flight
        })
    };
    join_all((0..in_flight).map(caller)).await.into_iter().map(|count| count.expect("no panic")).sum()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(3.0, |text| text.parse().expect("seconds"));
    let given = arguments.next();
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = given.map_or(temporary.path().to_owned(), Into::into);
    let clock = Arc::new(SystemClock);
    let log = Arc::new(SqliteLog::open(folder.join("server_append_rate.db"), clock.clone()).expect("a log"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("esdb://{}?tls=false", listener.local_addr().expect("an address"));
    let shutdown = CancellationToken::new();
    let settings = ServerSettings { write: true, ..ServerSettings::new(clock) };
    let server = tokio::spawn(serve(listener, log, settings, shutdown.clone()));
    let client = Client::new(uri.parse().expect("a connection string")).expect("a client");

    let time = Duration::from_secs_f64(seconds);
    let mut first = 0;
    for in_flight in [1, 64, 1024] {
        let count = appends(&client, in_flight, first, time).await;
        println!("append, {in_flight:>4} in flight  {:>8.0}/s", count as f64 / seconds);
        first += 1 << 32;
    }
    let (start, mut count) = (Instant::now(), 0_u32);
    let mut read = client.read_all(&ReadAllOptions::default()).await.expect("a read");
    while read.next().await.expect("an event").is_some() {
        count += 1;
    }
    println!("read the whole log     {:>8.0}/s", f64::from(count) / start.elapsed().as_secs_f64());
    shutdown.cancel();
    server.await.expect("no panic").expect("a server");
}
