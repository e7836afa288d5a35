//! A hash over the whole log, carried from event to event: each covers the one before it and all columns
//! of the next event.

use crate::readers::{integer, unsigned};
use lastseat_domain::ports::event_log::Position;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest, Sha256};

/// The hash of the log up to an event. All zeros for the empty log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RunningHash(pub(crate) [u8; 32]);

/// A position, and the hash of all events up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub(crate) position: Position,
    pub(crate) hash: RunningHash,
}

/// All columns of an event.
pub(crate) struct Columns<'a> {
    pub(crate) position: u64,
    pub(crate) stream: &'a [u8],
    pub(crate) revision: u64,
    pub(crate) id: &'a [u8],
    pub(crate) event_type: &'a [u8],
    pub(crate) data: &'a [u8],
    pub(crate) metadata: &'a [u8],
    /// Microseconds since 1970.
    pub(crate) recorded_at: i64,
}

impl RunningHash {
    /// The hash with one more event.
    pub(crate) fn with(self, event: &Columns<'_>) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(event.position.to_be_bytes());
        hash.update(event.revision.to_be_bytes());
        hash.update(event.recorded_at.to_be_bytes());
        for text in [event.stream, event.id, event.event_type, event.data, event.metadata] {
            // With its length, so that no byte can move from one column to the next.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }
}

/// One row, so that a start compares the log with its mark without reading all events.
pub(crate) const SCHEMA: &str = "
CREATE TABLE running_hash (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,    -- of the last event
    hash     BLOB NOT NULL        -- SHA-256 over all columns of all events up to it
) STRICT;
";

/// Writes the row, inside the transaction that wrote the events.
pub(crate) fn store(connection: &Connection, end: LogEnd) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO running_hash (one, position, hash) VALUES (1, ?1, ?2)")?;
    statement.execute((integer(end.position.0), end.hash.0.as_slice()))?;
    Ok(())
}

/// The row; `None` if somebody has deleted it.
pub(crate) fn stored(connection: &Connection) -> rusqlite::Result<Option<LogEnd>> {
    let sql = "SELECT position, hash FROM running_hash WHERE one = 1";
    let end = |row: &Row<'_>| Ok(LogEnd { position: Position(unsigned(row, 0)?), hash: RunningHash(row.get(1)?) });
    connection.query_row(sql, [], end).optional()
}

/// Computes the hash from `start`, over all later events. `at` is called with every end on the way.
pub(crate) fn computed(connection: &Connection, start: LogEnd, mut at: impl FnMut(LogEnd)) -> rusqlite::Result<LogEnd> {
    let mut statement = connection.prepare(
        "SELECT e.position, s.name, e.revision, e.id, e.type, e.data, e.metadata, e.recorded_at \
         FROM events e LEFT JOIN streams s ON s.id = e.stream WHERE e.position > ?1 ORDER BY e.position",
    )?;
    let mut rows = statement.query([integer(start.position.0)])?;
    let mut end = start;
    while let Some(row) = rows.next()? {
        let columns = Columns {
            position: unsigned(row, 0)?,
            stream: row.get_ref(1)?.as_bytes()?,
            revision: unsigned(row, 2)?,
            id: row.get_ref(3)?.as_bytes()?,
            event_type: row.get_ref(4)?.as_bytes()?,
            data: row.get_ref(5)?.as_bytes()?,
            metadata: row.get_ref(6)?.as_bytes()?,
            recorded_at: row.get(7)?,
        };
        end = LogEnd { position: Position(columns.position), hash: end.hash.with(&columns) };
        at(end);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_counts_and_no_byte_moves_between_columns() {
        let event = || Columns {
            position: 1,
            stream: b"seat-a",
            revision: 0,
            id: &[7; 16],
            event_type: b"SeatLocked",
            data: b"{}",
            metadata: b"{\"v\":1}",
            recorded_at: 5,
        };
        let start = RunningHash::default();
        let hash = start.with(&event());
        assert_eq!(hash, start.with(&event()));
        let others = [
            Columns { position: 2, ..event() },
            Columns { stream: b"seat-b", ..event() },
            Columns { revision: 1, ..event() },
            Columns { id: &[8; 16], ..event() },
            Columns { event_type: b"SeatBooked", ..event() },
            Columns { data: b"[]", ..event() },
            Columns { metadata: b"{\"v\":2}", ..event() },
            Columns { recorded_at: 6, ..event() },
            Columns { data: b"{}{", metadata: b"\"v\":1}", ..event() },
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(hash, start.with(other), "change {number}");
        }
        assert_ne!(hash, hash.with(&event()), "what came before counts, too");
    }
}
