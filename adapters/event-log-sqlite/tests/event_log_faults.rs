//! The embedded log under faults: locks, crashes, full disks, damage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test speaks by panicking"
)]

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, Expected, Filter, LogFault, NewEvent, Position, RecordedEvent, StreamWrite, WriteOutcome,
};
use lastseat_event_log_sqlite::check_integrity;
use lastseat_event_log_sqlite::{OpenError, SqliteLog, SqliteOptions};
use lastseat_in_process::SystemClock;
use lastseat_testkit::{AppendFault, MemoryLog};
use serde_json::value::RawValue;
use std::io::{BufRead, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

fn open(path: &Path) -> Result<SqliteLog, OpenError> {
    SqliteLog::open(path, Arc::new(SystemClock))
}

fn open_with(path: &Path, options: SqliteOptions) -> SqliteLog {
    SqliteLog::open_with(path, Arc::new(SystemClock), options).unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    (folder, path)
}

/// One event of `bytes` bytes for the stream `key`, which has `count` events.
fn write(key: &str, count: u64, bytes: usize) -> Vec<StreamWrite> {
    let json = |text: String| RawValue::from_string(text).unwrap();
    let event = NewEvent {
        id: Uuid::new_v5(&Uuid::nil(), format!("{key} {count}").as_bytes()),
        event_type: "Happened".to_owned(),
        data: json(format!("\"{}\"", "x".repeat(bytes))),
        metadata: json("{}".to_owned()),
    };
    vec![StreamWrite { stream: StreamName::from_log(key), expected: Expected::after(count), events: vec![event] }]
}

/// Single events of 200 bytes in streams `a-0`, `a-1`, …
async fn fill(log: &SqliteLog, count: u64) {
    let appends = (0..count).map(|n| async move { log.append(write(&format!("a-{n}"), 0, 200)).await.unwrap() });
    assert!(join_all(appends).await.iter().all(|outcomes| outcomes[0].is_written()));
}

async fn all(log: &dyn EventLog) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await
}

/// Copies the log's high-water mark as it is now.
fn copy_mark(path: &Path, to: &Path) {
    std::fs::copy(path.with_extension("mark"), to.with_extension("mark")).unwrap();
}

/// Copies the files as a killed process leaves them: data in the operating system's page cache survives.
fn crash_copy(path: &Path, to: &Path, parts: &[&str]) {
    for part in parts {
        let with = |path: &Path| PathBuf::from(format!("{}{part}", path.display()));
        std::fs::copy(with(path), with(to)).unwrap();
    }
}

#[tokio::test]
async fn positions_are_dense_whatever_fails_in_between() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    let appends = (0..300_u64).map(|n| {
        let log = &log;
        async move {
            match n % 3 {
                0 => drop(log.append(write("seat-1", 5, 10)).await.unwrap()),
                1 => drop(log.append(write("large", 0, 2 * 1024 * 1024)).await.unwrap_err()),
                _ => drop(log.append(write(&format!("a-{n}"), 0, 10)).await.unwrap()),
            }
        }
    });
    join_all(appends).await;
    let positions: Vec<u64> = all(&log).await.unwrap().iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

#[tokio::test]
async fn one_process_writes_a_log() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    let refused = open(&path).err().unwrap();
    assert_eq!(refused, OpenError::InUse { path: path.canonicalize().unwrap(), holder: Some(std::process::id()) });
    assert!(refused.to_string().contains("events.db"), "{refused}");

    // A link to the file is the same file.
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let link = elsewhere.path().join("other.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(open(&link), Err(OpenError::InUse { .. })));
    }
    log.close().await.unwrap();
    let log = open(&path).unwrap();
    drop(log);
    open(&path).unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    fill(&log, 50).await;
    log.close().await.unwrap();
    assert!(!path.with_extension("db-wal").exists(), "a closed log is a single file");
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(50)));
    let outcome = log.append(write("a-7", 1, 10)).await.unwrap();
    assert_eq!(outcome, [WriteOutcome::Written { last_revision: 1, position: Position(51) }]);
    let repeated = log.append(write("a-7", 0, 10)).await.unwrap();
    assert!(repeated[0].is_written() && log.head().await == Ok(Position(51)));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let (_folder, path) = folder();
    let (_other, copy) = folder();
    let log = open(&path).unwrap();
    fill(&log, 50).await;
    crash_copy(&path, &copy, &["", "-wal"]);
    copy_mark(&path, &copy);
    for _ in 0..2 {
        let inspected = SqliteLog::open_read_only(&copy).unwrap();
        assert_eq!(all(&inspected).await.unwrap().len(), 50);
        assert_eq!(check_integrity(&copy).unwrap().events, 50);
    }
    let log = open(&copy).unwrap();
    assert_eq!(all(&log).await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_torn_write_ahead_log_loses_only_its_torn_end() {
    let (_folder, path) = folder();
    let (_other, copy) = folder();
    let log = open(&path).unwrap();
    fill(&log, 20).await;
    let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let acknowledged = std::fs::metadata(wal(&path)).unwrap().len();
    copy_mark(&path, &copy);
    log.append(write("b-1", 0, 20_000)).await.unwrap();
    crash_copy(&path, &copy, &["", "-wal"]);
    // The power fails in the middle of the last write, before its sync and so before its answer.
    std::fs::OpenOptions::new().write(true).open(wal(&copy)).unwrap().set_len(acknowledged + 5000).unwrap();
    let log = open(&copy).unwrap();
    assert_eq!(all(&log).await.unwrap().len(), 20);
    assert!(log.append(write("b-1", 0, 10)).await.unwrap()[0].is_written());
    assert_eq!(log.head().await, Ok(Position(21)));
}

#[tokio::test]
async fn a_log_in_use_can_be_read_by_others() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    fill(&log, 5).await;
    let inspected = SqliteLog::open_read_only(&path).unwrap();
    assert_eq!(all(&inspected).await.unwrap().len(), 5);
    log.append(write("b-1", 0, 10)).await.unwrap();
    assert_eq!(inspected.head().await, Ok(Position(6)), "it sees later events");
    assert!(matches!(inspected.append(write("b-2", 0, 10)).await, Err(LogFault::Refused(_))));
    let deliveries: Vec<_> = inspected.subscribe(Position(4), Filter::all()).collect().await;
    assert!(matches!(&*deliveries, [Ok(Delivery::Event(_)), Ok(Delivery::Event(_)), Ok(Delivery::CaughtUp(Position(6)))]));
    let integrity = check_integrity(&path).unwrap();
    assert_eq!((integrity.events, integrity.streams, integrity.findings.len()), (6, 6, 0));
    // The reader doesn't block the writer.
    log.append(write("b-2", 0, 10)).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(all(&inspected).await.unwrap().len(), 7);
}

#[tokio::test]
async fn any_sqlite_tool_reads_it() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    log.append(write("seat-demo.A-1", 0, 3)).await.unwrap();
    let id = all(&log).await.unwrap()[0].id.to_string();
    let other = rusqlite::Connection::open(&path).unwrap();
    let row: (i64, String, i64, String, String, String, String) = other
        .query_row("SELECT position, stream, revision, id, type, data, recorded_at FROM event_log", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })
        .unwrap();
    let recorded = all(&log).await.unwrap()[0].recorded_at;
    assert_eq!(row.6.parse::<lastseat_domain::Timestamp>().unwrap(), recorded);
    let expected = (1, "seat-demo.A-1".to_owned(), 0, id, "Happened".to_owned(), "\"xxx\"".to_owned());
    assert_eq!((row.0, row.1, row.2, row.3, row.4, row.5), expected);
}

#[tokio::test]
async fn foreign_and_newer_files_are_refused_and_left_alone() {
    let (_folder, path) = folder();
    std::fs::write(&path, "not a database at all, but long enough to have a header of its own, one would think so").unwrap();
    assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));

    let (_folder, path) = folder();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
    assert!(matches!(SqliteLog::open_read_only(&path), Err(OpenError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let (_folder, path) = folder();
    open(&path).unwrap().close().await.unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::OtherVersion { found: 99, supported: 2, .. }), "{refused}");

    let (_folder, path) = folder();
    assert!(matches!(SqliteLog::open_read_only(&path), Err(OpenError::Missing { .. })));
    assert!(!path.exists(), "reading does not create");
    assert!(matches!(open(&path.join("no/such/folder/events.db")), Err(OpenError::Io { .. })));
}

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

#[tokio::test]
async fn an_append_is_carried_out_when_its_caller_gives_up() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    assert!(log.append(write("a-1", 0, 10)).now_or_never().is_none(), "polled once, then dropped");
    let second = log.append(write("a-2", 0, 10)).await.unwrap();
    assert_eq!(second, [WriteOutcome::Written { last_revision: 0, position: Position(2) }]);
    // Dropping the log writes what is queued.
    assert!(log.append(write("a-3", 0, 10)).now_or_never().is_none());
    drop(log);
    assert_eq!(open(&path).unwrap().head().await, Ok(Position(3)));
}

#[tokio::test]
async fn a_small_queue_makes_callers_wait_and_loses_nothing() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { queue: 1, queue_bytes: 0, ..SqliteOptions::default() });
    fill(&log, 500).await;
    assert_eq!(log.head().await, Ok(Position(500)));
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

#[tokio::test]
async fn closing_answers_what_is_queued_and_ends_what_runs() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    let mut followed = log.subscribe(Position::START, Filter::all());
    let appends = join_all((0..100).map(|n| log.append(write(&format!("a-{n}"), 0, 10))).collect::<Vec<_>>());
    let (answers, closed) = futures::future::join(appends, log.close()).await;
    closed.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(outcomes) if outcomes[0].is_written())));
    assert!(matches!(log.append(write("late", 0, 10)).await, Err(LogFault::Unavailable(_))));
    assert!(matches!(all(&log).await, Err(LogFault::Unavailable(_))));
    log.close().await.unwrap();
    let mut delivered = 0;
    while let Some(delivery) = followed.next().await {
        delivered += usize::from(matches!(delivery.unwrap(), Delivery::Event(_)));
    }
    assert_eq!(delivered, 100);
}

#[tokio::test]
async fn a_slow_subscriber_falls_back_to_the_file_and_catches_up_again() {
    let (_folder, path) = folder();
    let log = open_with(&path, SqliteOptions { tail_events: 50, ..SqliteOptions::default() });
    fill(&log, 10).await;
    let mut followed = log.subscribe(Position::START, Filter::all());
    let mut next = 1;
    for count in [10, 1500] {
        if count > 10 {
            let appends = (10..count).map(|n| log.append(write(&format!("a-{n}"), 0, 200))).collect::<Vec<_>>();
            join_all(appends).await;
        }
        loop {
            match followed.next().await.unwrap().unwrap() {
                Delivery::Event(event) => {
                    assert_eq!(event.position.0, next);
                    next += 1;
                }
                Delivery::Checkpoint(_) | Delivery::Interrupted(_) => {}
                Delivery::CaughtUp(position) => {
                    assert_eq!((position.0, next), (count, count + 1));
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_log_is_refused() {
    let (_folder, path) = folder();
    let log = open(&path).unwrap();
    fill(&log, 5).await;
    for log in [Arc::new(log) as Arc<dyn EventLog>, Arc::new(MemoryLog::new(Arc::new(SystemClock), true))] {
        let deliveries: Vec<_> = log.subscribe(Position(6), Filter::all()).collect().await;
        assert!(matches!(&*deliveries, [Err(LogFault::Refused(_))]), "{deliveries:?}");
    }
}

/// A real write error: the test runs itself again with a limit on file sizes.
#[cfg(unix)]
#[tokio::test]
async fn a_failing_disk_stops_the_log_and_recovers_in_a_new_process() {
    let (_folder, path) = folder();
    let myself = std::env::current_exe().unwrap();
    let script = "trap '' XFSZ; ulimit -f 200; exec \"$0\" --ignored --exact --nocapture with_a_limit_on_the_size_of_files";
    let run = std::process::Command::new("sh").args(["-c", script]).arg(myself).env("LOG_UNDER_TEST", &path).output();
    let run = run.unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{err}");
    let acknowledged: u64 = out.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap().parse().unwrap();
    assert!(acknowledged > 0);

    let log = open(&path).unwrap();
    let events = all(&log).await.unwrap();
    assert!(events.len() as u64 >= acknowledged, "{} of {acknowledged}", events.len());
    log.append(write(&format!("a-{acknowledged}"), 0, 5000)).await.unwrap();
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn with_a_limit_on_the_size_of_files() {
    let Some(path) = std::env::var_os("LOG_UNDER_TEST") else { return };
    let (sender, reason) = std::sync::mpsc::channel();
    let on_fatal = Arc::new(move |reason: &str| sender.send(reason.to_owned()).unwrap());
    let log = open_with(Path::new(&path), SqliteOptions { on_fatal, ..SqliteOptions::default() });
    for n in 0.. {
        match log.append(write(&format!("a-{n}"), 0, 5000)).await {
            Ok(_) => continue,
            Err(LogFault::OutcomeUnknown(_)) => println!("\nacknowledged {n}"),
            Err(other) => panic!("{other:?}"),
        }
        break;
    }
    assert!(matches!(log.append(write("b-1", 0, 10)).await, Err(LogFault::Unavailable(_))));
    let reason = reason.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert!(reason.contains("commit"), "{reason}");
}

/// The test runs itself again and kills that process while it writes.
#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let (_folder, path) = folder();
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "until_it_is_killed"])
        .env("LOG_UNDER_TEST", &path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(victim.stdout.take().unwrap()).lines();
    let acknowledged = |line: &String| line.strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
    let mut lines = lines.map_while(Result::ok).filter_map(|line| acknowledged(&line));
    let some = lines.find(|n| *n > 200).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Output up to the kill counts, too.
    let last = lines.last().unwrap_or(some);

    let inspected = SqliteLog::open_read_only(&path).unwrap();
    let found = all(&inspected).await.unwrap().len() as u64;
    assert!(found > last, "{found} found, number {last} was acknowledged");
    assert!(check_integrity(&path).unwrap().findings.is_empty());
    drop(inspected);
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(found)));
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn until_it_is_killed() {
    let Some(path) = std::env::var_os("LOG_UNDER_TEST") else { return };
    let log = open(Path::new(&path)).unwrap();
    println!();
    for n in 0_u64..1_000_000 {
        log.append(write(&format!("a-{n}"), 0, 200)).await.unwrap();
        println!("acknowledged {n}");
    }
}

#[tokio::test]
async fn the_memory_log_fails_as_scripted() {
    let clock = Arc::new(SystemClock);
    let log = MemoryLog::new(clock.clone(), false);
    log.fail_next_appends(vec![AppendFault::None, AppendFault::Unavailable]);
    let three = |n: u64| ["x", "y", "z"].iter().flat_map(|key| write(&format!("{key}-{n}"), 0, 10)).collect::<Vec<_>>();
    assert!(log.append(three(0)).await.is_ok());
    assert!(matches!(log.append(three(1)).await, Err(LogFault::Unavailable(_))));
    for (n, fault, written) in
        [(2, AppendFault::AnswerLost, 3), (3, AppendFault::RequestLost, 0), (4, AppendFault::OnlyFirst(1), 1)]
    {
        log.fail_next_appends(vec![fault]);
        assert!(matches!(log.append(three(n)).await, Err(LogFault::OutcomeUnknown(_))));
        let events = all(&log).await.unwrap();
        let found = events.iter().filter(|event| event.stream.as_str().ends_with(&format!("-{n}"))).count();
        assert_eq!(found, written, "append {n}");
        assert!(log.append(three(n)).await.unwrap().iter().all(|outcome| outcome.is_written()));
    }
    log.set_down(true);
    assert!(matches!(log.head().await, Err(LogFault::Unavailable(_))));
    log.set_down(false);
    assert_eq!(all(&log).await.unwrap().len(), 12);

    let atomic = MemoryLog::new(clock, true);
    atomic.fail_next_appends(vec![AppendFault::OnlyFirst(1)]);
    assert!(matches!(atomic.append(three(0)).await, Err(LogFault::OutcomeUnknown(_))));
    assert!(all(&atomic).await.unwrap().is_empty(), "all or nothing");
}
