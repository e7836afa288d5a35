//! Moves the write-ahead log into the file, and keeps it short.

use crate::schema::BUSY_TIMEOUT;
use rusqlite::Connection;
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
    pub(super) checkpoint_bytes: u64,
    pub(super) page_bytes: u64,
}

/// Pages of the write-ahead log, and how many of them are in the file as well.
struct Pages {
    logged: u64,
    moved: u64,
}

impl WriteAheadLog {
    /// Moves what has been written since the last time, if that is enough.
    pub(super) fn move_if_due(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Pages { logged, moved } = checkpoint(connection, "NOOP")?;
        if logged.saturating_sub(moved) * self.page_bytes < self.checkpoint_bytes {
            return Ok(());
        }
        let Pages { logged, .. } = checkpoint(connection, "PASSIVE")?;
        if logged * self.page_bytes < LONGEST * self.checkpoint_bytes {
            return Ok(());
        }
        connection.busy_timeout(PATIENCE)?;
        let begun = checkpoint(connection, "RESTART");
        connection.busy_timeout(BUSY_TIMEOUT)?;
        begun.map(|_| ())
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Pages> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    // SQLite's numbers are negative if there is no write-ahead log.
    let pages = |pages: i64| u64::try_from(pages).unwrap_or(0);
    statement.query_row([], |row| Ok(Pages { logged: pages(row.get(1)?), moved: pages(row.get(2)?) }))
}
