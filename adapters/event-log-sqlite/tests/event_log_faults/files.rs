//! The files of a log: who may have them, and what is in them after a restart or a crash.

use super::{all, copy_mark, crash_copy, fill, folder, open, write};
use futures::StreamExt;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position, WriteOutcome};
use lastseat_event_log_sqlite::check_integrity;
use lastseat_event_log_sqlite::{OpenError, SqliteLog};
use std::path::{Path, PathBuf};

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
