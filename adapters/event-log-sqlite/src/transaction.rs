//! The appends of one SQLite transaction.

use crate::known_streams::{Known, KnownStreams};
use crate::readers::{integer, unsigned};
use crate::running_hash::{self, Columns, LogEnd};
use lastseat_domain::ports::event_log::revision_check::{self, Check, Streams};
use lastseat_domain::ports::event_log::{Decoded, NewEvent, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome};
use lastseat_domain::{StreamName, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use std::sync::Arc;
use uuid::Uuid;

/// Carries out appends inside a transaction that the caller begins and ends. Conflicts are decided
/// against the file *and* the earlier appends of the transaction, so if it fails, all its answers are
/// void.
pub(super) struct Transaction<'a> {
    last_of_stream: CachedStatement<'a>,
    at_revision: CachedStatement<'a>,
    insert_stream: CachedStatement<'a>,
    insert_event: CachedStatement<'a>,
    connection: &'a Connection,
    streams: &'a mut KnownStreams,
    /// Last event of the log, those of this transaction included.
    end: LogEnd,
    next_stream: i64,
    recorded_at: Timestamp,
    recorded: Vec<Arc<RecordedEvent>>,
}

pub(super) struct Written {
    /// In order of position.
    pub(super) events: Vec<Arc<RecordedEvent>>,
    /// Number of the next new stream.
    pub(super) next_stream: i64,
    pub(super) end: LogEnd,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        streams: &'a mut KnownStreams,
        end: LogEnd,
        next_stream: i64,
        now: Timestamp,
    ) -> rusqlite::Result<Self> {
        // Rounded to microseconds, as in the file, so that reads from memory give the same.
        let recorded_at = chrono::DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
        Ok(Self {
            last_of_stream: connection.prepare_cached(
                "SELECT e.stream, e.revision, e.id, e.position FROM events e \
                 WHERE e.stream = (SELECT id FROM streams WHERE name = ?1) ORDER BY e.revision DESC LIMIT 1",
            )?,
            at_revision: connection.prepare_cached("SELECT id, position FROM events WHERE stream = ?1 AND revision = ?2")?,
            insert_stream: connection.prepare_cached("INSERT INTO streams (id, name) VALUES (?1, ?2)")?,
            insert_event: connection.prepare_cached(
                "INSERT INTO events (position, stream, revision, id, type, data, metadata, recorded_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            connection,
            streams,
            end,
            next_stream,
            recorded_at,
            recorded: Vec::new(),
        })
    }

    /// After an error the transaction has to be rolled back.
    pub(super) fn append(&mut self, writes: Vec<StreamWrite>) -> rusqlite::Result<Vec<WriteOutcome>> {
        let checks = revision_check::check(self, &writes, true)?;
        let judged = writes.into_iter().zip(checks);
        judged
            .map(|(write, check)| match check {
                Check::Answer(outcome) => Ok(outcome),
                Check::Fits { first } => self.write(write, first),
            })
            .collect()
    }

    /// Stores the running hash. After an error the transaction has to be rolled back.
    pub(super) fn finish(self) -> rusqlite::Result<Written> {
        if !self.recorded.is_empty() {
            running_hash::store(self.connection, self.end)?;
        }
        Ok(Written { events: self.recorded, next_stream: self.next_stream, end: self.end })
    }

    fn write(&mut self, write: StreamWrite, first: Revision) -> rusqlite::Result<WriteOutcome> {
        let StreamWrite { stream, events, .. } = write;
        let number = match self.known(&stream)? {
            Some(known) => known.number,
            None => self.create(&stream)?,
        };
        let mut last = Known { number, revision: first, id: Uuid::nil(), position: Position::START };
        for (revision, event) in (first..).zip(events) {
            last = Known { number, revision, id: event.id, position: Position(self.end.position.0 + 1) };
            self.insert(&stream, last, event)?;
        }
        self.streams.put(stream, last);
        Ok(WriteOutcome::Written { last_revision: last.revision, position: last.position })
    }

    fn create(&mut self, stream: &StreamName) -> rusqlite::Result<i64> {
        let number = self.next_stream;
        self.insert_stream.execute((number, stream.as_str()))?;
        self.next_stream += 1;
        Ok(number)
    }

    fn insert(&mut self, stream: &StreamName, place: Known, event: NewEvent) -> rusqlite::Result<()> {
        self.insert_event.execute((
            integer(place.position.0),
            place.number,
            integer(place.revision),
            event.id.as_bytes().as_slice(),
            &event.event_type,
            event.data.get(),
            event.metadata.get(),
            self.recorded_at.timestamp_micros(),
        ))?;
        let columns = Columns {
            position: place.position.0,
            stream: stream.as_str().as_bytes(),
            revision: place.revision,
            id: event.id.as_bytes(),
            event_type: event.event_type.as_bytes(),
            data: event.data.get().as_bytes(),
            metadata: event.metadata.get().as_bytes(),
            recorded_at: self.recorded_at.timestamp_micros(),
        };
        self.end = LogEnd { position: place.position, hash: self.end.hash.with(&columns) };
        self.recorded.push(Arc::new(RecordedEvent {
            position: place.position,
            stream: stream.clone(),
            revision: place.revision,
            id: event.id,
            event_type: event.event_type,
            data: event.data,
            metadata: event.metadata,
            recorded_at: self.recorded_at,
            decoded: Decoded::default(),
        }));
        Ok(())
    }

    fn known(&mut self, stream: &StreamName) -> rusqlite::Result<Option<Known>> {
        if let Some(known) = self.streams.get(stream) {
            return Ok(Some(known));
        }
        let known = self.last_of_stream.query_row([stream.as_str()], |row| {
            Ok(Known {
                number: row.get(0)?,
                revision: unsigned(row, 1)?,
                id: Uuid::from_bytes(row.get(2)?),
                position: Position(unsigned(row, 3)?),
            })
        });
        let known = known.optional()?;
        if let Some(known) = known {
            self.streams.put(stream.clone(), known);
        }
        Ok(known)
    }
}

impl Streams for Transaction<'_> {
    type Error = rusqlite::Error;

    fn last(&mut self, stream: &StreamName) -> rusqlite::Result<Option<Revision>> {
        Ok(self.known(stream)?.map(|known| known.revision))
    }

    fn event_at(&mut self, stream: &StreamName, revision: Revision) -> rusqlite::Result<Option<(Uuid, Position)>> {
        let Some(known) = self.known(stream)? else { return Ok(None) };
        if known.revision == revision {
            return Ok(Some((known.id, known.position)));
        }
        let found = self
            .at_revision
            .query_row((known.number, integer(revision)), |row| Ok((Uuid::from_bytes(row.get(0)?), Position(unsigned(row, 1)?))));
        found.optional()
    }
}
