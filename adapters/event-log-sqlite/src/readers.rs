//! Reads from the file: a few connections, each used by one blocking task at a time.

use crate::faults;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Decoded, Direction, Filter, LogFault, Position, RecordedEvent, Revision};
use parking_lot::Mutex;
use rusqlite::{Connection, Row};
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Most rows scanned by one query, so that no read holds a connection or the write-ahead log for long.
const PAGE_ROWS: usize = 4096;

/// Most bytes of bodies returned by one query.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

type OpenFn = dyn Fn() -> rusqlite::Result<Connection> + Send + Sync;

pub(super) struct Readers {
    open: Box<OpenFn>,
    /// Unused connections; `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// At most `count` connections, each opened when it is first needed.
    pub(super) fn new(count: usize, open: Box<OpenFn>) -> Self {
        Self { open, idle: Mutex::new(Some(Vec::new())), permits: Arc::new(Semaphore::new(count.max(1))) }
    }

    /// Closes the unused connections now, and the others when their query ends.
    pub(super) fn close(&self) {
        self.idle.lock().take();
    }

    /// Adds an open connection.
    pub(super) fn keep(&self, connection: Connection) {
        if let Some(idle) = self.idle.lock().as_mut() {
            idle.push(connection);
        }
    }

    /// # Errors
    /// [`LogFault::Unavailable`] once closed.
    pub(super) fn check_open(&self) -> Result<(), LogFault> {
        if self.idle.lock().is_some() { Ok(()) } else { Err(closed()) }
    }

    /// Runs a query on a thread that may block.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> Result<T, LogFault> + Send + 'static,
    ) -> Result<T, LogFault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let idle = readers.idle.lock().as_mut().ok_or_else(closed)?.pop();
            let connection = match idle {
                Some(connection) => connection,
                None => (readers.open)().map_err(|error| faults::fault(&error))?,
            };
            let answer = query(&connection);
            // After an error, a new connection is safer.
            if answer.is_ok() {
                readers.keep(connection);
            }
            answer
        });
        task.await.unwrap_or_else(|error| Err(LogFault::Unavailable(format!("the read was cancelled: {error}"))))
    }
}

fn closed() -> LogFault {
    LogFault::Unavailable("the log is closed".to_owned())
}

/// A part of the log, and how far it was scanned.
pub(super) struct Page {
    /// The events that pass the filter, in reading order.
    pub(super) events: Vec<Arc<RecordedEvent>>,
    /// Last position scanned.
    pub(super) reached: Position,
    /// Whether there is nothing between `reached` and the bound.
    pub(super) is_last: bool,
    /// Of the events' bodies.
    pub(super) bytes: usize,
}

/// Position of the last event in the file.
pub(super) fn head(connection: &Connection) -> Result<Position, LogFault> {
    last_position(connection).map_err(|error| faults::fault(&error))
}

/// The same, with SQLite's error.
pub(super) fn last_position(connection: &Connection) -> rusqlite::Result<Position> {
    connection.query_row("SELECT ifnull(max(position), 0) FROM events", [], |row| unsigned(row, 0).map(Position))
}

/// Reads a stream as the log's `read_stream` does, up to `head`: later events are not published yet.
pub(super) fn stream(
    connection: &Connection,
    stream: &StreamName,
    from: Option<Revision>,
    direction: Direction,
    limit: usize,
    head: Position,
) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    let (sql, from) = match direction {
        Direction::Forwards => (
            "SELECT position, ?1, revision, type, id, data, metadata, recorded_at FROM events \
             WHERE stream = (SELECT id FROM streams WHERE name = ?1) AND revision >= ?2 AND position <= ?3 \
             ORDER BY revision LIMIT ?4",
            from.unwrap_or(0),
        ),
        Direction::Backwards => (
            "SELECT position, ?1, revision, type, id, data, metadata, recorded_at FROM events \
             WHERE stream = (SELECT id FROM streams WHERE name = ?1) AND revision <= ?2 AND position <= ?3 \
             ORDER BY revision DESC LIMIT ?4",
            from.unwrap_or(Revision::MAX),
        ),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = || -> rusqlite::Result<Vec<Arc<RecordedEvent>>> {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map((stream.as_str(), integer(from), integer(head.0), limit), |row| {
            event(row, stream.clone()).map(Arc::new)
        })?;
        rows.collect()
    };
    let events = query().map_err(|error| faults::fault(&error))?;
    let step = |pair: &[Arc<RecordedEvent>]| match pair {
        [a, b] => a.revision.abs_diff(b.revision) == 1,
        _ => true,
    };
    if !events.windows(2).all(step) {
        return Err(LogFault::Damaged(format!("{stream} has a gap between its revisions")));
    }
    Ok(events)
}

/// At most one page of up to `limit` events after `from`, in the given direction, that pass the filter.
/// Forwards it ends at `bound`, which is the head; backwards at the first event.
pub(super) fn page(
    connection: &Connection,
    from: Position,
    bound: Position,
    direction: Direction,
    limit: usize,
    filter: &Filter,
) -> Result<Page, LogFault> {
    let sql = match direction {
        // The outer join also returns an event without a stream, which is then reported as damage.
        Direction::Forwards => {
            "SELECT e.position, s.name, e.revision, e.type, e.id, e.data, e.metadata, e.recorded_at \
             FROM events e LEFT JOIN streams s ON s.id = e.stream \
             WHERE e.position > ?1 AND e.position <= ?2 ORDER BY e.position"
        }
        Direction::Backwards => {
            "SELECT e.position, s.name, e.revision, e.type, e.id, e.data, e.metadata, e.recorded_at \
             FROM events e LEFT JOIN streams s ON s.id = e.stream \
             WHERE e.position < ?1 AND e.position <= ?2 ORDER BY e.position DESC"
        }
    };
    let mut page = Page { events: Vec::new(), reached: from, is_last: false, bytes: 0 };
    let mut scanned = 0;
    let mut gap = None;
    let mut query = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query((integer(from.0), integer(bound.0)))?;
        while scanned < PAGE_ROWS && page.bytes < PAGE_BYTES && page.events.len() < limit {
            let Some(row) = rows.next()? else {
                page.is_last = true;
                break;
            };
            let position = Position(unsigned(row, 0)?);
            let follows = match direction {
                Direction::Forwards => position.0 == page.reached.0 + 1,
                // The first event backwards may be anywhere before a bound that is not in use.
                Direction::Backwards => scanned == 0 || position.0 + 1 == page.reached.0,
            };
            if !follows {
                gap = Some((page.reached, position));
                break;
            }
            page.reached = position;
            scanned += 1;
            // Filtered in place: an event that doesn't pass is not copied.
            let (stream, event_type) = (row.get_ref(1)?.as_str()?, row.get_ref(3)?.as_str()?);
            if filter.matches(stream, event_type) {
                let event = event(row, StreamName::from_log(stream))?;
                page.bytes += event.data.get().len() + event.metadata.get().len();
                page.events.push(Arc::new(event));
            }
        }
        Ok(())
    };
    query().map_err(|error| faults::fault(&error))?;
    if let Some((before, after)) = gap {
        return Err(LogFault::Damaged(format!("there is a gap between the positions {before} and {after}")));
    }
    Ok(page)
}

/// An event from position, (stream), revision, type, id, data, metadata, recorded_at.
fn event(row: &Row<'_>, stream: StreamName) -> rusqlite::Result<RecordedEvent> {
    let micros: i64 = row.get(7)?;
    let recorded_at =
        chrono::DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(7, micros))?;
    let id: [u8; 16] = row.get(4)?;
    Ok(RecordedEvent {
        position: Position(unsigned(row, 0)?),
        stream,
        revision: unsigned(row, 2)?,
        id: Uuid::from_bytes(id),
        event_type: row.get(3)?,
        data: json(row, 5)?,
        metadata: json(row, 6)?,
        recorded_at,
        decoded: Decoded::default(),
    })
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Box<RawValue>> {
    let broken = |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error));
    RawValue::from_string(row.get(column)?).map_err(broken)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// SQLite's integers are signed; no position or revision comes near their maximum.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
