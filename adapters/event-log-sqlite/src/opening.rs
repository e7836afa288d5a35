//! Opens the log for writing: takes the locks, compares the log with its high-water mark, and refuses one
//! that has lost events unless somebody has decided to go on with what is left.

use crate::known_streams::KnownStreams;
use crate::log_lock::LogLock;
use crate::loss::{FoundLog, Loss, judge};
use crate::mark::{self, FoundMark, MarkFile};
use crate::open_error::OpenError;
use crate::options::{AcceptLoss, SqliteOptions};
use crate::running_hash::{self, LogEnd};
use crate::schema::{self, Known};
use crate::transaction::Transaction;
use crate::{file_mode, readers};
use lastseat_domain::codec::{Metadata, encode};
use lastseat_domain::event::LossAccepted;
use lastseat_domain::ports::event_log::{Expected, Position, StreamWrite};
use lastseat_domain::{CommandId, StreamName, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A log that is ready to be written.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) lock: LogLock,
    pub(crate) mark: MarkFile,
    pub(crate) end: LogEnd,
}

/// Opens the log at `path`; creates it if there is none.
pub(crate) fn open(path: &Path, now: Timestamp, options: &SqliteOptions) -> Result<Opened, OpenError> {
    let io = |error: std::io::Error| OpenError::Io { path: path.to_owned(), reason: error.to_string() };
    let of = |error: rusqlite::Error| OpenError::of(path, &error);
    let mut lock = LogLock::take(path)?;
    let found = mark::read(path).map_err(io)?;
    let found_mark = found.mark;
    // Before SQLite sees the file: it removes the write-ahead log beside an empty one.
    let absent = judge_absent(path, found_mark, options.evidence.as_deref()).err();
    if is_absent(path) {
        decided(path, absent.as_ref(), options.accept_loss.as_ref())?;
    }

    lock.take_database(path)?;
    let (connection, known) = schema::open_writer(path, options.max_file_bytes)?;
    for file in files_of(path) {
        file_mode::close_to_others(&file);
    }
    let (log, end) = examine(&connection, known, found_mark).map_err(of)?;
    let loss = absent.or_else(|| judge(&log, found_mark, options.evidence.as_deref()).err());
    decided(path, loss.as_ref(), options.accept_loss.as_ref())?;
    if let (None, Some(warning)) = (&loss, found.warning()) {
        // Once: the next mark is written over it.
        tracing::warn!("{warning}");
    }
    let (mark, end) = match (loss, &options.accept_loss) {
        (Some(loss), Some(accepted)) => {
            let end = record_loss(path, &connection, known, &loss, &accepted.by, now)?;
            (MarkFile::create(path, end).map_err(io)?, end)
        }
        _ => {
            // The mark first: killed in between, an older log has one, and not the other way around.
            let mark = match found_mark {
                FoundMark::Mark(_) => MarkFile::reopen(path, end),
                FoundMark::None | FoundMark::Damaged => MarkFile::create(path, end),
            };
            let mark = mark.map_err(io)?;
            if known == Known::LogWithoutHash {
                in_transaction(&connection, || {
                    schema::add_running_hash(&connection)?;
                    running_hash::store(&connection, end)
                })
                .map_err(of)?;
            }
            (mark, end)
        }
    };
    schema::keep_changes(&connection).map_err(of)?;
    Ok(Opened { connection, lock, mark, end })
}

/// Whether the log may be opened: it has lost nothing, or what was accepted. A loss is named by the position
/// at which the log ends, so that a flag which nobody removed does not accept a later one.
fn decided(path: &Path, loss: Option<&Loss>, accepted: Option<&AcceptLoss>) -> Result<(), OpenError> {
    match (loss, accepted) {
        (None, None) => Ok(()),
        (Some(loss), Some(accepted)) if accepted.position == loss.found => Ok(()),
        (Some(loss), accepted) => {
            let accepted = accepted.map(|accepted| accepted.position);
            Err(OpenError::Lost { path: path.to_owned(), loss: loss.clone(), accepted })
        }
        (None, Some(_)) => Err(OpenError::NothingLost { path: path.to_owned() }),
    }
}

/// The log's files.
fn files_of(log: &Path) -> [PathBuf; 5] {
    let beside = |suffix: &str| {
        let mut name = log.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    [log.to_owned(), beside("-wal"), beside("-shm"), mark::path_of(log), log.with_extension("lock")]
}

/// Whether the log is not there, or is an empty file.
fn is_absent(path: &Path) -> bool {
    !std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// Whether a log that is not there, or is an empty file, has lost something.
pub(crate) fn judge_absent(path: &Path, mark: FoundMark, evidence: Option<&str>) -> Result<(), Loss> {
    if !is_absent(path) {
        return Ok(());
    }
    judge(&FoundLog { last: Position::START, matches_mark: true, older_version: false }, mark, evidence)
}

/// What the log is, and its end. Reads no more events than the log is ahead of its mark, except in a log
/// that has no running hash yet.
pub(crate) fn examine(connection: &Connection, known: Known, mark: FoundMark) -> rusqlite::Result<(FoundLog, LogEnd)> {
    let last = readers::last_position(connection)?;
    let older_version = known == Known::LogWithoutHash;
    let (matches_mark, end) = if older_version {
        let mut matches = true;
        let end = running_hash::computed(connection, LogEnd::default(), |end| {
            matches &= !matches!(mark, FoundMark::Mark(mark) if mark.position == end.position && mark != end);
        })?;
        (matches, end)
    } else {
        let stored = running_hash::stored(connection)?;
        match mark {
            FoundMark::Mark(mark) if mark.position <= last => {
                let computed = running_hash::computed(connection, mark, |_| ())?;
                (stored.unwrap_or_default() == computed, computed)
            }
            _ => (true, stored.unwrap_or_default()),
        }
    };
    Ok((FoundLog { last, matches_mark, older_version }, end))
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    // Rolled back when it is dropped.
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    let done = work()?;
    transaction.commit()?;
    Ok(done)
}

/// Appends `LossAccepted`, and computes the running hash of what is left.
fn record_loss(
    path: &Path,
    connection: &Connection,
    known: Known,
    loss: &Loss,
    by: &str,
    now: Timestamp,
) -> Result<LogEnd, OpenError> {
    let of = |error: rusqlite::Error| OpenError::of(path, &error);
    let count: u64 = connection.query_row("SELECT count(*) FROM events", [], |row| readers::unsigned(row, 0)).map_err(of)?;
    if count != loss.found {
        let reason = format!("it has {count} events, but its last position is {}", loss.found);
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    let end = in_transaction(connection, || {
        if known == Known::LogWithoutHash {
            schema::add_running_hash(connection)?;
        }
        let left = running_hash::computed(connection, LogEnd::default(), |_| ())?;
        let last_stream: Option<i64> = connection.query_row("SELECT max(id) FROM streams", [], |row| row.get(0))?;
        let write = loss_accepted(connection, loss, by, now)?;
        let mut streams = KnownStreams::new(2);
        let mut transaction = Transaction::new(connection, &mut streams, left, last_stream.unwrap_or(0) + 1, now)?;
        transaction.append(vec![write])?;
        Ok(transaction.finish()?.end)
    });
    let end = end.map_err(of)?;
    tracing::warn!(%loss, by, "the loss of events was accepted; it is recorded in operations-log");
    Ok(end)
}

fn loss_accepted(connection: &Connection, loss: &Loss, by: &str, now: Timestamp) -> rusqlite::Result<StreamWrite> {
    let stream = StreamName::operations();
    let sql = "SELECT e.revision, e.metadata FROM events e JOIN streams s ON s.id = e.stream \
               WHERE s.name = ?1 ORDER BY e.revision DESC LIMIT 1";
    let last = connection.query_row(sql, [stream.as_str()], |row| Ok((readers::unsigned(row, 0)?, row.get::<_, String>(1)?)));
    let last = last.optional()?;
    // Times don't go back within a stream, whatever the clock does.
    let last_at = last.as_ref().and_then(|(_, metadata)| serde_json::from_str::<Metadata>(metadata).ok()).map(|m| m.at);
    let at = last_at.map_or(now, |at| at.max(now));
    let expected = last.map_or(Expected::NoStream, |(revision, _)| Expected::Revision(revision));
    let event = LossAccepted {
        expected_position: loss.expected,
        found_position: loss.found,
        reason: loss.to_string(),
        by: by.to_owned(),
    };
    // Each start with `--accept-loss` is a command of its own.
    let digest = Sha256::digest(format!("accept-loss|{}|{at}|{by}", loss.found));
    let command = CommandId::new(std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default()));
    let command = Some(command.uuid());
    let metadata = Metadata { correlation: command, causation: command, ..Metadata::new(by, at) };
    let encoded = encode(stream, expected, &[event.into()], &metadata);
    encoded.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
