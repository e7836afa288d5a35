//! Moves the write-ahead log into the file, and keeps it short.

use crate::schema::BUSY_TIMEOUT;
use rusqlite::Connection;
use std::cell::Cell;
use std::time::Duration;

/// Length, in checkpoints, from which the write-ahead log has to begin again at its start. SQLite does that by itself once
/// everything is moved and nobody reads, but under load there are always readers. Then it would grow without end, and every
/// page that is read is looked for in all of it.
const LONGEST: u64 = 4;
/// How long the writer waits until nobody reads from the write-ahead log. Own reads take some hundredths of a second; those
/// of other programs may take long, and must not delay appends.
const PATIENCE: Duration = Duration::from_millis(100);

pub(super) struct WriteAheadLog {
    /// Bytes to move at a time.
    checkpoint_bytes: u64,
    page_bytes: u64,
    /// Pages that it had when they were moved, or could not be, for the last time.
    tried: Cell<u64>,
}

/// Pages of the write-ahead log, and how many of them are in the file as well.
struct Pages {
    logged: u64,
    moved: u64,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Not enough has been written since the last time.
    Nothing,
    Moved,
    /// The writer has waited until nobody was reading, or for as long as it may.
    Waited,
}

impl WriteAheadLog {
    pub(super) fn new(checkpoint_bytes: u64, page_bytes: u64) -> Self {
        Self { checkpoint_bytes, page_bytes, tried: Cell::new(0) }
    }

    /// Moves what has been written since the last time, if that is enough.
    pub(super) fn move_if_due(&self, connection: &Connection) -> rusqlite::Result<Done> {
        let Pages { logged, moved } = checkpoint(connection, "NOOP")?;
        // Not after each commit as long as somebody reads what is older. It is shorter if it has begun again since.
        let since = if logged < self.tried.get() { logged } else { logged - self.tried.get() };
        if since.min(logged.saturating_sub(moved)) * self.page_bytes < self.checkpoint_bytes {
            return Ok(Done::Nothing);
        }
        self.tried.set(logged);
        let Pages { logged, .. } = checkpoint(connection, "PASSIVE")?;
        if logged * self.page_bytes < LONGEST * self.checkpoint_bytes {
            return Ok(Done::Moved);
        }
        connection.busy_timeout(PATIENCE)?;
        let begun = checkpoint(connection, "RESTART");
        connection.busy_timeout(BUSY_TIMEOUT)?;
        begun.map(|_| Done::Waited)
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Pages> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    // SQLite's numbers are negative if there is no write-ahead log.
    let pages = |pages: i64| u64::try_from(pages).unwrap_or(0);
    statement.query_row([], |row| Ok(Pages { logged: pages(row.get(1)?), moved: pages(row.get(2)?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise each commit would wait for a reader that stays: a check of the whole file, a program of an analyst.
    #[test]
    fn a_reader_that_stays_is_waited_for_once_in_each_length_of_a_checkpoint() {
        const CHECKPOINT: u64 = 16 * 1024;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).expect("a file");
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a BLOB)")
            .expect("a table");
        let reader = Connection::open(&path).expect("a reader");
        let reading = reader.unchecked_transaction().expect("a transaction");
        reading.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).expect("an answer");
        let log = WriteAheadLog::new(CHECKPOINT, 4096);
        let (mut written, mut waited) = (0, 0);
        for _ in 0..60 {
            connection.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("a row");
            let before = written;
            written = std::fs::metadata(folder.path().join("a.db-wal")).expect("a write-ahead log").len();
            assert!(written > before, "it can't begin again");
            waited += u64::from(log.move_if_due(&connection).expect("it works") == Done::Waited);
        }
        assert!(waited > 3 && waited <= written / CHECKPOINT, "{waited} times for {written} bytes");
        drop(reading);
        connection.execute("INSERT INTO t VALUES (zeroblob(20000))", []).expect("a row");
        assert_eq!(log.move_if_due(&connection).expect("it works"), Done::Waited);
        for _ in 0..3 {
            connection.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("a row");
            let Pages { logged, .. } = checkpoint(&connection, "NOOP").expect("its length");
            assert!(logged < 10, "it has begun again: {logged} pages");
        }
    }
}
