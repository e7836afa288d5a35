//! The limit for durable holds: SQLite with the embedded log's settings and a hold's rows, written
//! by one thread that commits whatever has come in, with as many holds in flight as the HTTP side
//! has connections. No rules, no actors, no HTTP.

use crate::outcome::Outcome;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// As large as what a hold appends: `BookingOpened` and `SeatLocked`, metadata included.
const OPENED: usize = 420;
const LOCKED: usize = 330;

type Waiter = oneshot::Sender<()>;

/// Durable holds a second with `in_flight` of them at a time.
pub(crate) async fn holds_per_second(folder: &Path, in_flight: usize, seconds: f64) -> Outcome<f64> {
    let path = folder.join("raw.db");
    let (to_writer, holds) = mpsc::channel::<Waiter>(in_flight);
    let writer = std::thread::spawn(move || write(&path, holds));
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let clients: Vec<_> = (0..in_flight)
        .map(|_| {
            let to_writer = to_writer.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                while Instant::now() < until {
                    let (committed, wait) = oneshot::channel();
                    if to_writer.send(committed).await.is_err() || wait.await.is_err() {
                        break;
                    }
                    done += 1;
                }
                done
            })
        })
        .collect();
    drop(to_writer);
    let mut done = 0;
    for client in clients {
        done += client.await?;
    }
    let elapsed = start.elapsed().as_secs_f64();
    writer.join().map_err(|_| "the raw writer panicked")?.map_err(|e| e.to_string())?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok(done as f64 / elapsed)
}

fn write(path: &Path, mut holds: mpsc::Receiver<Waiter>) -> rusqlite::Result<()> {
    let log = Connection::open(path)?;
    log.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE events (position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, data TEXT NOT NULL);
         CREATE UNIQUE INDEX place ON events (stream, revision);",
    )?;
    let (opened, locked) = ("x".repeat(OPENED), "x".repeat(LOCKED));
    let mut stream = 0_i64;
    while let Some(first) = holds.blocking_recv() {
        let mut waiting = vec![first];
        while let Ok(next) = holds.try_recv() {
            waiting.push(next);
        }
        log.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = log.prepare_cached("INSERT INTO events (stream, revision, data) VALUES (?1, 0, ?2)")?;
        for _ in &waiting {
            insert.execute(params![stream, opened])?;
            insert.execute(params![stream + 1, locked])?;
            stream += 2;
        }
        log.execute_batch("COMMIT")?;
        for waiter in waiting {
            // A client whose time is up does not wait any more.
            let _ = waiter.send(());
        }
    }
    Ok(())
}
