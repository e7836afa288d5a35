//! The room that a log takes, and has.

use super::{all, fill, folder, open, open_with, write};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{LogFault, Position, WriteOutcome};
use lastseat_event_log_sqlite::SqliteOptions;
use lastseat_event_log_sqlite::check_integrity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_full_file_is_unavailable_and_recovers() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { max_file_bytes: Some(400 * 1024), ..SqliteOptions::default() });
    fill(&log, 5).await;
    let answer = log.append(write("large", 0, 500 * 1024)).await;
    assert!(matches!(&answer, Err(LogFault::Unavailable(why)) if why.contains("no space left")), "{answer:?}");
    assert_eq!(log.head().await, Ok(Position(5)));
    // Smaller appends still succeed, and nothing of the large one was written.
    let outcome = log.append(write("a-0", 1, 10)).await.unwrap();
    assert_eq!(outcome, [WriteOutcome::Written { last_revision: 1, position: Position(6) }]);
    log.close().await.unwrap();
    let log = open(&path).unwrap();
    let outcome = log.append(write("large", 0, 500 * 1024)).await.unwrap();
    assert_eq!(outcome, [WriteOutcome::Written { last_revision: 0, position: Position(7) }]);
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

/// Needs a small disk, and so permissions that a test should not need:
/// `mount -t tmpfs -o size=3m none /mnt/small`, then `LOG_SMALL_DISK=/mnt/small cargo test … -- --ignored full_disk`.
#[tokio::test]
#[ignore = "needs a small disk in LOG_SMALL_DISK"]
async fn a_full_disk_is_unavailable_until_there_is_room() {
    let disk = PathBuf::from(std::env::var_os("LOG_SMALL_DISK").expect("LOG_SMALL_DISK"));
    let (ballast, path) = (disk.join("ballast"), disk.join("events.db"));
    std::fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();
    let log = open(&path).unwrap();
    let mut acknowledged = 0;
    let fault = loop {
        match log.append(write(&format!("a-{acknowledged}"), 0, 10_000)).await {
            Ok(_) => acknowledged += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(&fault, LogFault::Unavailable(why) if why.contains("no space left")), "{fault:?}");
    assert!(acknowledged > 10);
    assert!(matches!(log.append(write("b-1", 0, 10_000)).await, Err(LogFault::Unavailable(_))));
    std::fs::remove_file(&ballast).unwrap();
    let outcome = log.append(write("b-1", 0, 10_000)).await.unwrap();
    assert_eq!(outcome, [WriteOutcome::Written { last_revision: 0, position: Position(acknowledged + 1) }]);
    drop(log);
    let log = open(&path).unwrap();
    assert_eq!(all(&log).await.unwrap().len() as u64, acknowledged + 1);
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

#[tokio::test]
async fn the_write_ahead_log_stays_small() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { checkpoint_bytes: 64 * 1024, ..SqliteOptions::default() });
    for n in 0..300 {
        log.append(write(&format!("a-{n}"), 0, 10_000)).await.unwrap();
    }
    let wal = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    let file = std::fs::metadata(&path).unwrap().len();
    assert!(wal < 256 * 1024 && file > 2 * 1024 * 1024, "{wal} bytes beside {file}");
}

/// Reads with two connections, of which always one is reading, until `stop` is set.
fn read_all_the_time(path: &Path, stop: &AtomicBool) {
    const ONE_READ: Duration = Duration::from_millis(10);
    let connections = [(); 2].map(|()| rusqlite::Connection::open(path).unwrap());
    let mut before: Option<rusqlite::Transaction<'_>> = None;
    for connection in connections.iter().cycle() {
        let transaction = connection.unchecked_transaction().unwrap();
        let _streams: i64 = transaction.query_row("SELECT count(*) FROM streams", [], |row| row.get(0)).unwrap();
        drop(before.replace(transaction));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(ONE_READ);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_stays_small_although_somebody_always_reads() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { checkpoint_bytes: 64 * 1024, ..SqliteOptions::default() });
    log.append(write("first", 0, 10)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (path, stop) = (path.clone(), Arc::clone(&stop));
        move || read_all_the_time(&path, &stop)
    });
    for n in 0..600 {
        log.append(write(&format!("a-{n}"), 0, 10_000)).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    let wal = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(wal < 1024 * 1024, "{wal} bytes");
}
