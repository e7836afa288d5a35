//! Damage, which is reported and never made worse.

use super::{all, fill, folder, open, open_with, write};
use futures::StreamExt;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use lastseat_event_log_sqlite::check_integrity;
use lastseat_event_log_sqlite::{OpenError, SqliteLog, SqliteOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

#[tokio::test]
async fn a_truncated_file_is_damaged() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    fill(&log, 500).await;
    log.close().await.unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    assert!(matches!(SqliteLog::open_read_only(&path), Err(OpenError::Damaged { .. })));
    assert!(matches!(check_integrity(&path), Err(OpenError::Damaged { .. })));
}

/// Overwrites some pages of 4 KiB with noise.
fn overwrite(path: &Path, pages: std::ops::Range<u64>) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(pages.start * 4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from((pages.end - pages.start) * 4096).unwrap()]).unwrap();
}

async fn closed_log_of_500(path: &Path) -> u64 {
    let log = open(path).unwrap();
    fill(&log, 500).await;
    log.close().await.unwrap();
    std::fs::metadata(path).unwrap().len() / 4096
}

#[tokio::test]
async fn damaged_pages_in_the_middle_are_reported() {
    let (_folder, path) = folder();
    let pages = closed_log_of_500(&path).await;
    overwrite(&path, pages / 2..pages / 2 + 3);
    assert!(!check_integrity(&path).unwrap().findings.is_empty());
    // Found before anything is sold, while the file is small enough for a full check.
    assert!(matches!(open(&path), Err(OpenError::Damaged { .. })));
    // And reported by a read that meets it.
    let log = SqliteLog::open_read_only(&path).unwrap();
    let read = all(&log).await;
    assert!(matches!(read, Err(LogFault::Damaged(_))), "{read:?}");
    let mut followed = log.subscribe(Position::START, Filter::all());
    let damaged = loop {
        match followed.next().await.expect("an error before the end") {
            Ok(Delivery::CaughtUp(_)) => panic!("it can't have delivered everything"),
            Ok(_) => {}
            Err(fault) => break fault,
        }
    };
    assert!(matches!(damaged, LogFault::Damaged(_)), "{damaged:?}");
    assert!(followed.next().await.is_none());
}

#[tokio::test]
async fn a_file_damaged_beyond_use_is_not_opened() {
    let (_folder, path) = folder();
    let pages = closed_log_of_500(&path).await;
    overwrite(&path, 1..pages);
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    let found = check_integrity(&path);
    assert!(found.as_ref().map_or(true, |integrity| !integrity.findings.is_empty()), "{found:?}");
}

/// Damage that only an append finds: another program used the next position.
#[tokio::test]
async fn a_log_that_others_write_to_stops_before_it_gets_worse() {
    let (_folder, path) = folder();
    let (sender, reason) = std::sync::mpsc::channel();
    let on_fatal = Arc::new(move |reason: &str| sender.send(reason.to_owned()).unwrap());
    let log = open_with(&path, SqliteOptions { on_fatal, ..SqliteOptions::default() });
    fill(&log, 5).await;
    let intruder = rusqlite::Connection::open(&path).unwrap();
    let sql = "INSERT INTO events SELECT position + 5, stream, 1, id, type, data, metadata, recorded_at FROM events";
    intruder.execute_batch(sql).unwrap();
    let answer = log.append(write("b-1", 0, 10)).await;
    assert!(matches!(answer, Err(LogFault::Damaged(_))), "{answer:?}");
    assert!(matches!(log.append(write("b-2", 0, 10)).await, Err(LogFault::Unavailable(_))));
    assert!(!reason.recv_timeout(std::time::Duration::from_secs(10)).unwrap().is_empty());
}

/// Removes rows directly, which SQLite itself does not notice.
#[tokio::test]
async fn removed_events_are_noticed() {
    for (sql, what) in [
        ("DELETE FROM events WHERE position = 25", "in the middle"),
        ("UPDATE events SET data = '{broken' WHERE position = 25", "not JSON"),
        ("DELETE FROM streams WHERE id = 25", "without a stream"),
        ("UPDATE events SET id = x'00' WHERE position = 25", "an id too short"),
    ] {
        let (_folder, path) = folder();
        let log = open(&path).unwrap();
        fill(&log, 50).await;
        log.close().await.unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert!(!check_integrity(&path).unwrap().findings.is_empty(), "{what}");
        let log = open(&path).unwrap();
        let read = all(&log).await;
        assert!(matches!(read, Err(LogFault::Damaged(_))), "{what}: {read:?}");
    }
}
