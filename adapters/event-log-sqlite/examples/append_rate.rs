//! Measures events a second that the embedded log writes.
//!
//! ```sh
//! cargo run --release -p lastseat-event-log-sqlite --example append_rate -- [seconds] [folder]
//! ```
//!
//! `seats`: one event to a seat of 100,000, each at its exact revision. `bookings`: one event to a
//! new stream each. `holds`: a new booking and two seats in one append. `conflicts`: the wrong
//! revision of one seat. Bodies and metadata are 300 bytes together.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement ends with the first error")]

use futures::future::join_all;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, NewEvent, StreamWrite};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const SEATS: u64 = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Seats,
    Bookings,
    Holds,
    Conflicts,
}

fn event(id: u128) -> NewEvent {
    let data = format!(r#"{{"booking":"{}","text":"{}"}}"#, Uuid::from_u128(id), "x".repeat(130));
    let metadata = format!(r#"{{"actor":"bench","text":"{}"}}"#, "x".repeat(80));
    NewEvent {
        id: Uuid::from_u128(id),
        event_type: "SeatLocked".to_owned(),
        data: RawValue::from_string(data).expect("JSON"),
        metadata: RawValue::from_string(metadata).expect("JSON"),
    }
}

/// Scatters numbers as the hashes in booking ids do.
fn scattered(n: u64) -> u128 {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// One caller: its next append waits for the answer to the last.
async fn caller(log: Arc<SqliteLog>, load: Load, caller: u64, callers: u64, end: Instant) -> (u64, Vec<Duration>) {
    let own_seats = (SEATS / callers).max(1);
    let mut revisions = vec![0_u64; usize::try_from(own_seats).expect("fits")];
    let mut events = 0;
    let mut took = Vec::new();
    for n in 0_u64.. {
        if Instant::now() >= end {
            break;
        }
        let number = caller * 100_000_000 + n * 4 + 1;
        let mut seat = |k: u64| {
            let local = (scattered(number + k) >> 64) as u64 % own_seats;
            let count = revisions.get_mut(usize::try_from(local).expect("fits")).expect("own");
            let expected = Expected::after(*count);
            *count += 1;
            let stream = StreamName::from_log(&format!("seat-demo.{:?}-{}", load, caller * own_seats + local));
            StreamWrite { stream, expected, events: vec![event(scattered(number + k))] }
        };
        let booking = || {
            let stream = StreamName::from_log(&format!("booking-{}", Uuid::from_u128(scattered(number))));
            StreamWrite { stream, expected: Expected::NoStream, events: vec![event(scattered(number))] }
        };
        let writes = match load {
            Load::Seats => vec![seat(0)],
            Load::Bookings => vec![booking()],
            Load::Holds => {
                let (one, two) = (seat(1), seat(2));
                if one.stream == two.stream { vec![booking(), one] } else { vec![booking(), one, two] }
            }
            Load::Conflicts => {
                let stream = StreamName::from_log("seat-demo.Seats-0");
                vec![StreamWrite { stream, expected: Expected::NoStream, events: vec![event(u128::MAX)] }]
            }
        };
        let count = writes.len() as u64;
        let start = Instant::now();
        let outcomes = log.append(writes).await.expect("the append succeeds");
        took.push(start.elapsed());
        assert!(load == Load::Conflicts || outcomes.iter().all(|outcome| outcome.is_written()), "{outcomes:?}");
        events += count;
    }
    (events, took)
}

async fn measure(log: &Arc<SqliteLog>, load: Load, callers: u64, seconds: u64) {
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let salt = log.head().await.expect("head").0;
    let tasks = (0..callers).map(|n| tokio::spawn(caller(Arc::clone(log), load, salt * 10_000 + n, callers, end)));
    let mut events = 0;
    let mut took = Vec::new();
    for done in join_all(tasks).await {
        let (count, times) = done.expect("no panic");
        events += count;
        took.extend(times);
    }
    let rate = events as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |permille: usize| took.get(took.len() * permille / 1000).copied().unwrap_or_default();
    println!(
        "{load:?} {callers:>5} in flight: {rate:>8.0} events/s, p50 {:?}, p99 {:?}, max {:?}",
        at(500),
        at(990),
        took.last().copied().unwrap_or_default()
    );
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(3, |text| text.parse().expect("seconds"));
    let folder = tempfile::tempdir_in(arguments.next().unwrap_or_else(|| ".".to_owned())).expect("a folder");
    for load in [Load::Seats, Load::Bookings, Load::Holds, Load::Conflicts] {
        let path = folder.path().join(format!("{load:?}.db"));
        let log = Arc::new(SqliteLog::open(&path, Arc::new(SystemClock)).expect("open"));
        if load == Load::Conflicts {
            let stream = StreamName::from_log("seat-demo.Seats-0");
            let write = StreamWrite { stream, expected: Expected::NoStream, events: vec![event(1)] };
            log.append(vec![write]).await.expect("append");
        }
        for callers in [1, 64, 1024] {
            measure(&log, load, callers, seconds).await;
        }
        reads(&log).await;
        let start = Instant::now();
        log.close().await.expect("close");
        println!("closed in {:?}", start.elapsed());
    }
}

/// Measures reads of streams in memory and in the file.
async fn reads(log: &Arc<SqliteLog>) {
    let head = log.head().await.expect("head");
    for (what, from) in [("from memory", None), ("from the file", Some(lastseat_domain::ports::event_log::Position(10_000)))] {
        let filter = lastseat_domain::ports::event_log::Filter::all();
        let sample = log.read_all(from, Direction::Backwards, 2000, &filter).await.expect("read");
        let start = Instant::now();
        for event in &sample {
            log.read_stream(&event.stream, None, Direction::Forwards, 100).await.expect("read");
        }
        let each = start.elapsed() / u32::try_from(sample.len().max(1)).expect("fits");
        println!("read_stream {what}: {each:?} each (of {head} events)");
    }
}
