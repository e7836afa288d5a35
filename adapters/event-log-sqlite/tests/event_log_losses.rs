//! Logs that have lost what was acknowledged: each is refused, and each refusal can be overridden, which
//! the log then records.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test speaks by panicking"
)]

use futures::future::join_all;
use lastseat_domain::StreamName;
use lastseat_domain::event::{Event, LossAccepted};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, Filter, NewEvent, Position, StreamWrite};
use lastseat_event_log_sqlite::{AcceptLoss, Anchor, Loss, LossKind, OpenError, SqliteLog, SqliteOptions, check_integrity};
use lastseat_in_process::SystemClock;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

fn open(path: &Path) -> Result<SqliteLog, OpenError> {
    SqliteLog::open(path, Arc::new(SystemClock))
}

fn open_accepting(path: &Path, position: u64) -> Result<SqliteLog, OpenError> {
    let options = SqliteOptions { accept_loss: ann(position), ..SqliteOptions::default() };
    SqliteLog::open_with(path, Arc::new(SystemClock), options)
}

fn ann(position: u64) -> Option<AcceptLoss> {
    Some(AcceptLoss { position, by: "ann".to_owned() })
}

fn write(key: &str) -> Vec<StreamWrite> {
    let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let event = NewEvent {
        id: Uuid::new_v5(&Uuid::nil(), key.as_bytes()),
        event_type: "Happened".to_owned(),
        data: json(&format!("\"{}\"", "x".repeat(300))),
        metadata: json("{}"),
    };
    vec![StreamWrite { stream: StreamName::from_log(key), expected: Expected::NoStream, events: vec![event] }]
}

async fn fill(log: &SqliteLog, numbers: std::ops::Range<u64>) {
    // One after the other: each is a transaction, and so a part of the write-ahead log, of its own.
    for n in numbers {
        assert!(log.append(write(&format!("a-{n}"))).await.unwrap()[0].is_written());
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A log of 100 events, 60 of them in the file itself and 40 in its write-ahead log only, as kill -9
/// leaves it.
async fn killed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (path, copy) = (folder.path().join("live.db"), folder.path().join("events.db"));
    let log = open(&path).unwrap();
    fill(&log, 0..60).await;
    log.close().await.unwrap();
    let log = open(&path).unwrap();
    fill(&log, 60..100).await;
    for suffix in ["", "-wal"] {
        std::fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
    }
    std::fs::copy(path.with_extension("mark"), copy.with_extension("mark")).unwrap();
    (folder, copy)
}

#[track_caller]
fn refused(path: &Path) -> Loss {
    let before = contents(path);
    let loss = match open(path) {
        Err(error @ OpenError::Lost { .. }) => {
            let text = error.to_string();
            let OpenError::Lost { loss, .. } = error else { panic!("{error}") };
            assert!(text.contains(&format!("`--accept-loss {}`", loss.found)), "{text}");
            loss
        }
        other => panic!("it was opened: {:?}", other.err()),
    };
    assert!(contents(path) == before, "a refusal changes no file");
    loss
}

/// SQLite makes an empty write-ahead log where there is none.
fn contents(path: &Path) -> Vec<Vec<u8>> {
    ["", "-wal"].iter().map(|suffix| std::fs::read(beside(path, suffix)).unwrap_or_default()).collect()
}

fn anchor(path: &Path) -> Anchor {
    let integrity = check_integrity(path).unwrap();
    assert_eq!(integrity.findings, Vec::<String>::new());
    integrity.anchor
}

/// Overrides the refusal: the decision is in the log, and the log can be used from then on.
async fn accepted(path: &Path, left: u64) -> LossAccepted {
    let log = open_accepting(path, left).unwrap();
    assert_eq!(log.head().await, Ok(Position(left + 1)));
    let stream = StreamName::operations();
    let events = log.read_stream(&stream, None, Direction::Forwards, 10).await.unwrap();
    let envelope = lastseat_domain::codec::decode(events.last().unwrap()).unwrap().unwrap();
    let metadata = &envelope.metadata;
    assert_eq!((metadata.actor.as_str(), envelope.position), ("ann", Position(left + 1)));
    assert!(metadata.causation.is_some() && metadata.correlation == metadata.causation, "{metadata:?}");
    let Event::LossAccepted(event) = &envelope.event else { panic!("{envelope:?}") };
    assert_eq!((event.found_position, event.by.as_str()), (left, "ann"));
    fill(&log, 500..510).await;
    log.close().await.unwrap();
    // Once is enough.
    let log = open(path).unwrap();
    assert_eq!(log.head().await, Ok(Position(left + 11)));
    log.close().await.unwrap();
    assert_eq!(anchor(path), Anchor::Holds { position: left + 11 });
    event.clone()
}

#[tokio::test]
async fn an_intact_log_is_opened_after_a_kill() {
    let (_folder, path) = killed().await;
    assert_eq!(anchor(&path), Anchor::Holds { position: 100 });
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(100)));
}

/// A flag that stayed in a unit file accepts nothing: neither where nothing is missing, nor a later loss.
#[tokio::test]
async fn only_the_loss_that_was_named_is_accepted() {
    let (_folder, path) = killed().await;
    let before = contents(&path);
    let error = open_accepting(&path, 100).err().unwrap();
    assert!(matches!(error, OpenError::NothingLost { .. }) && error.to_string().contains("remove `--accept-loss`"), "{error}");
    assert!(contents(&path) == before, "a refusal changes no file");
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    let before = contents(&path);
    for another in [0, 59, 61, 100] {
        let error = open_accepting(&path, another).err().unwrap();
        assert!(matches!(error, OpenError::Lost { accepted: Some(_), .. }), "{error}");
        let said = error.to_string();
        let both = [format!("`--accept-loss {another}` accepts another loss"), "`--accept-loss 60`".to_owned()];
        assert!(both.iter().all(|part| said.contains(part)), "{said}");
    }
    assert!(contents(&path) == before, "a refusal changes no file");
    accepted(&path, 60).await;
    assert!(matches!(open_accepting(&path, 60), Err(OpenError::NothingLost { .. })));
    // A new directory.
    let new = path.with_file_name("new.db");
    assert!(matches!(open_accepting(&new, 0), Err(OpenError::NothingLost { .. })));
    assert!(!new.exists(), "a refusal creates nothing");
}

/// Between commit and mark a process may be killed: the log is ahead, and nothing is missing.
#[tokio::test]
async fn a_log_may_be_ahead_of_its_mark() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    let log = open(&path).unwrap();
    fill(&log, 0..10).await;
    let mark = std::fs::read(path.with_extension("mark")).unwrap();
    fill(&log, 10..30).await;
    drop(log);
    std::fs::write(path.with_extension("mark"), mark).unwrap();
    assert_eq!(anchor(&path), Anchor::Holds { position: 10 });
    assert_eq!(open(&path).unwrap().head().await, Ok(Position(30)));
}

#[tokio::test]
async fn one_bit_in_the_write_ahead_log_is_noticed() {
    let (_folder, path) = killed().await;
    let mut wal = std::fs::read(beside(&path, "-wal")).unwrap();
    let middle = wal.len() / 2;
    wal[middle] ^= 0x10;
    std::fs::write(beside(&path, "-wal"), wal).unwrap();
    let loss = refused(&path);
    assert_eq!((loss.kind.clone(), loss.expected), (LossKind::CutOff, Some(100)));
    assert!((60..100).contains(&loss.found), "{loss}");
    assert_eq!(loss.missing(), Some(100 - loss.found));
    assert_eq!(anchor(&path), Anchor::Lost(loss.clone()));
    let event = accepted(&path, loss.found).await;
    assert_eq!(event.expected_position, Some(100));
}

#[tokio::test]
async fn a_write_ahead_log_that_was_cut_off_is_noticed() {
    let (_folder, path) = killed().await;
    let length = std::fs::metadata(beside(&path, "-wal")).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(beside(&path, "-wal")).unwrap().set_len(length - 1).unwrap();
    let loss = refused(&path);
    assert_eq!((loss.kind, loss.expected, loss.found), (LossKind::CutOff, Some(100), 99));
    accepted(&path, 99).await;
}

#[tokio::test]
async fn a_deleted_write_ahead_log_is_noticed() {
    let (_folder, path) = killed().await;
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    let loss = refused(&path);
    assert_eq!((loss.kind, loss.expected, loss.found), (LossKind::CutOff, Some(100), 60));
    accepted(&path, 60).await;
}

#[tokio::test]
async fn a_log_that_was_deleted_or_emptied_is_noticed() {
    for delete in [true, false] {
        let (_folder, path) = killed().await;
        if delete {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::write(&path, b"").unwrap();
        }
        let loss = refused(&path);
        assert_eq!((loss.kind, loss.expected, loss.found), (LossKind::CutOff, Some(100), 0));
        assert_eq!(path.exists(), !delete, "a refusal creates nothing");
        assert!(matches!(check_integrity(&path), Err(OpenError::Lost { .. })));
        accepted(&path, 0).await;
    }
}

/// A copy of an older state, sold on for a while: as long as the log that it replaces, and another one.
#[tokio::test]
async fn another_history_is_noticed() {
    let (folder, path) = killed().await;
    let other = folder.path().join("other.db");
    let log = open(&other).unwrap();
    fill(&log, 0..60).await;
    fill(&log, 1000..1060).await;
    drop(log);
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    std::fs::copy(&other, &path).unwrap();
    let loss = refused(&path);
    assert_eq!((loss.kind.clone(), loss.expected, loss.found), (LossKind::Changed, Some(100), 120));
    assert_eq!(anchor(&path), Anchor::Lost(loss));
    accepted(&path, 120).await;
}

#[tokio::test]
async fn the_last_events_taken_out_by_hand_are_noticed() {
    let (_folder, path) = killed().await;
    drop(open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch("DELETE FROM events WHERE position > 90").unwrap();
    assert_eq!(refused(&path).missing(), Some(10));
    accepted(&path, 90).await;
}

/// What a start does not read, `verify` does: every column counts.
#[tokio::test]
async fn a_change_of_any_column_is_found_by_the_full_check() {
    let (_folder, path) = killed().await;
    drop(open(&path).unwrap());
    for change in [
        "UPDATE events SET data = '\"y\"' WHERE position = 20",
        "UPDATE events SET metadata = '{\"at\":1}' WHERE position = 20",
        "UPDATE events SET type = 'Other' WHERE position = 20",
        "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 20",
        "UPDATE events SET id = x'00112233445566778899aabbccddeeff' WHERE position = 20",
        "UPDATE streams SET name = 'a-renamed' WHERE id = 20",
    ] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let copy = folder.path().join("events.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(path.with_extension("mark"), copy.with_extension("mark")).unwrap();
        assert_eq!(anchor(&copy), Anchor::Holds { position: 100 });
        rusqlite::Connection::open(&copy).unwrap().execute_batch(change).unwrap();
        assert!(matches!(anchor(&copy), Anchor::Lost(Loss { kind: LossKind::Changed, .. })), "{change}");
    }
}

#[tokio::test]
async fn a_missing_or_damaged_mark_is_no_proof() {
    for damage in [None, Some(Vec::new()), Some(vec![0; 8192])] {
        let (_folder, path) = killed().await;
        let mark = path.with_extension("mark");
        match &damage {
            None => std::fs::remove_file(&mark).unwrap(),
            Some(bytes) => std::fs::write(&mark, bytes).unwrap(),
        }
        let loss = refused(&path);
        assert_eq!((loss.kind.clone(), loss.expected, loss.found), (LossKind::NoMark, None, 100));
        // A copy has no mark, and can be checked all the same.
        let found = anchor(&path);
        assert_eq!(found, if damage.is_none() { Anchor::NoMark } else { Anchor::Lost(loss) });
        accepted(&path, 100).await;
    }
}

/// The newer entry and the log's end are damaged together: the older entry alone shows no loss. No refusal,
/// because a power cut can tear the entry, but the full check has no green tick.
#[tokio::test]
async fn half_a_mark_is_reported() {
    let (_folder, path) = killed().await;
    let mark = path.with_extension("mark");
    let whole = std::fs::read(&mark).unwrap();
    for slot in [0, 4096] {
        let mut damaged = whole.clone();
        damaged[slot + 20] ^= 1;
        std::fs::write(&mark, damaged).unwrap();
        let found = anchor(&path);
        let Anchor::HalfDamaged { position, warning } = found else { panic!("{found:?}") };
        assert!([99, 100].contains(&position) && warning.contains("compare with the payment gateway"), "{position}: {warning}");
    }
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(100)));
    log.close().await.unwrap();
    // The start has written it again.
    assert_eq!(anchor(&path), Anchor::Holds { position: 100 });
}

#[tokio::test]
async fn what_lies_beside_an_empty_log_can_show_that_it_was_not_empty() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    let evidence = || SqliteOptions { evidence: Some("payments were made".to_owned()), ..SqliteOptions::default() };
    let refused = SqliteLog::open_with(&path, Arc::new(SystemClock), evidence()).err().unwrap();
    assert!(refused.to_string().contains("it is empty, but payments were made"), "{refused}");
    assert!(!path.exists(), "a refusal creates nothing");
    let log = SqliteLog::open_with(&path, Arc::new(SystemClock), SqliteOptions { accept_loss: ann(0), ..evidence() });
    log.unwrap().close().await.unwrap();
    SqliteLog::open_with(&path, Arc::new(SystemClock), evidence()).unwrap();
}

fn downgrade(path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute_batch("DROP TABLE running_hash; PRAGMA user_version = 1").unwrap();
}

#[tokio::test]
async fn a_log_of_an_older_version_gets_its_mark_at_the_first_start() {
    let (_folder, path) = killed().await;
    drop(open(&path).unwrap());
    downgrade(&path);
    // Killed between mark and migration.
    drop(open(&path).unwrap());
    downgrade(&path);
    std::fs::remove_file(path.with_extension("mark")).unwrap();
    assert_eq!(anchor(&path), Anchor::NoMark);
    assert_eq!(SqliteLog::open_read_only(&path).unwrap().head().await, Ok(Position(100)));
    let log = open(&path).unwrap();
    fill(&log, 100..110).await;
    log.close().await.unwrap();
    assert_eq!(anchor(&path), Anchor::Holds { position: 110 });
    rusqlite::Connection::open(&path).unwrap().execute_batch("DELETE FROM events WHERE position > 90").unwrap();
    assert_eq!(refused(&path).missing(), Some(20));
}

/// The failing twin: as an older version left it, without mark and hash, the same damage is not seen.
#[tokio::test]
async fn without_the_mark_the_loss_goes_unseen() {
    let (_folder, path) = killed().await;
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    downgrade(&path);
    std::fs::remove_file(path.with_extension("mark")).unwrap();
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(60)), "40 acknowledged events are gone");
    log.close().await.unwrap();
    assert_eq!(anchor(&path), Anchor::Holds { position: 60 });
}

#[tokio::test]
async fn the_events_of_one_commit_move_the_mark_together() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    let log = open(&path).unwrap();
    let appends = (0..500).map(|n| log.append(write(&format!("a-{n}")))).collect::<Vec<_>>();
    assert!(join_all(appends).await.iter().all(|answer| answer.as_ref().unwrap()[0].is_written()));
    // Before the log is closed: the mark is as new as the last answer.
    assert_eq!(anchor(&path), Anchor::Holds { position: 500 });
    let all = log.read_all(None, Direction::Forwards, 1000, &Filter::all()).await.unwrap();
    assert_eq!(all.len(), 500);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    let modes = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        files
            .map(|f| (f.file_name().into_string().unwrap(), f.metadata().unwrap().permissions().mode() & 0o777))
            .collect::<Vec<_>>()
    };
    let log = open(&path).unwrap();
    fill(&log, 0..3).await;
    let open_modes = modes();
    assert!(open_modes.len() >= 5 && open_modes.iter().all(|(_, mode)| *mode == 0o600), "{open_modes:?}");
    log.close().await.unwrap();
    // As an older version left them.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let log = open(&path).unwrap();
    fill(&log, 3..6).await;
    let open_modes = modes();
    assert!(open_modes.iter().all(|(_, mode)| *mode == 0o600), "{open_modes:?}");
}

/// `rm events.lock` while a server runs does not let a second writer in.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_log_itself_is_locked() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("events.db");
    let log = open(&path).unwrap();
    fill(&log, 0..3).await;
    std::fs::remove_file(path.with_extension("lock")).unwrap();
    assert!(matches!(open(&path), Err(OpenError::InUse { .. })));
    // Nor does removing the log: its mark says that there was one.
    let away = folder.path().join("away.db");
    std::fs::rename(&path, &away).unwrap();
    std::fs::remove_file(path.with_extension("lock")).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Lost { .. })));
    std::fs::rename(&away, &path).unwrap();
    fill(&log, 3..6).await;
    assert!(log.read_all(None, Direction::Forwards, 10, &Filter::all()).await.unwrap().len() == 6);
    log.close().await.unwrap();
    open(&path).unwrap();
}
