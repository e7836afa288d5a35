//! The embedded log under faults: locks, crashes, full disks, damage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test speaks by panicking"
)]

mod damage;
mod files;
mod processes;
mod queue;
mod room;

use futures::future::join_all;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, Filter, LogFault, NewEvent, RecordedEvent, StreamWrite};
use lastseat_event_log_sqlite::{OpenError, SqliteLog, SqliteOptions};
use lastseat_in_process::SystemClock;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
