//! Copies of a data directory, and what an enemy would do to them.

use lastseat_domain::codec::{Metadata, encode};
use lastseat_domain::ports::event_log::{Direction, EventLog, Expected};
use lastseat_domain::{Event, StreamName};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A copy of everything that lasts: the log with its write-ahead log and high-water mark, the gateway's payments, the
/// key. Not the views, which are made from the log.
pub fn copy(data: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for file in ["events.db", "events.db-wal", "events.mark", "sandbox.db", "sandbox.db-wal", "token.key"] {
        if data.join(file).exists() {
            std::fs::copy(data.join(file), to.join(file)).unwrap();
        }
    }
    to.to_owned()
}

fn open(data: &Path) -> Connection {
    Connection::open(data.join("events.db")).unwrap()
}

/// Runs SQL on a log that no server has open.
pub fn sql(data: &Path, statements: &str) {
    open(data).execute_batch(statements).unwrap();
}

/// Takes out the events that a condition on the view `event_log` picks; how many they were.
pub fn take_out(data: &Path, condition: &str) -> usize {
    let sql = format!("DELETE FROM events WHERE position IN (SELECT position FROM event_log WHERE {condition})");
    open(data).execute(&sql, []).unwrap()
}

/// Renumbers positions and revisions, as if the removed events had never been written.
pub fn close_the_gaps(data: &Path) {
    sql(
        data,
        "BEGIN;
         CREATE TEMP TABLE renumbered AS SELECT position AS old, row_number() OVER (ORDER BY position) AS new,
             row_number() OVER (PARTITION BY stream ORDER BY revision) - 1 AS revision FROM events;
         UPDATE events SET revision = (SELECT revision FROM renumbered WHERE old = position) + 1000000;
         UPDATE events SET position = -(SELECT new FROM renumbered WHERE old = position);
         UPDATE events SET position = -position, revision = revision - 1000000;
         DELETE FROM streams WHERE id NOT IN (SELECT stream FROM events);
         COMMIT;",
    );
}

/// Appends events to the end of their stream, as a program without rules would; by their own words
/// so much later than the last event of the log.
pub async fn plant(data: &Path, stream: StreamName, events: &[Event], later: chrono::TimeDelta) {
    let log = SqliteLog::open(data.join("events.db"), Arc::new(SystemClock)).unwrap();
    let last = log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap();
    let head = log.read_all(None, Direction::Backwards, 1, &lastseat_domain::ports::event_log::Filter::all()).await.unwrap();
    let at = lastseat_domain::codec::decode(&head[0]).unwrap().unwrap().metadata.at + later;
    let expected = last.first().map_or(Expected::NoStream, |event| Expected::Revision(event.revision));
    let write = encode(stream, expected, events, &Metadata::new("enemy", at)).unwrap();
    assert!(log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
    log.close().await.unwrap();
}
