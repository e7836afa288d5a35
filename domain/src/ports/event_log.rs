//! The event log: the only authority.
//!
//! Semantics are EventStoreDB's. A stream is a list of events numbered from 0; the whole log has
//! positions that grow with every event. Every append names the exact revision it expects; there
//! is no "any".

pub mod request;
pub mod revision_check;

use crate::Timestamp;
use crate::stream_name::StreamName;
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

/// Zero-based index of an event in its stream.
pub type Revision = u64;

/// Place in the whole log. Grows with every event, gapless to readers in the embedded log, with
/// gaps elsewhere. `Position::START` (0) stands before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event. No event has this position.
    pub const START: Self = Self(0);
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a stream must look like for an append to land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The stream has no events.
    NoStream,
    /// Its last event has this revision.
    Revision(Revision),
}

impl Expected {
    /// The revision that the first appended event will get.
    #[must_use]
    pub fn next_revision(self) -> Revision {
        match self {
            Self::NoStream => 0,
            Self::Revision(last) => last + 1,
        }
    }

    /// What to expect of a stream with this many events.
    #[must_use]
    pub fn after(events: u64) -> Self {
        events.checked_sub(1).map_or(Self::NoStream, Self::Revision)
    }
}

/// An event on its way into the log.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Derived from the fact itself, so that a retry is the same event.
    pub id: Uuid,
    /// Name of the fact.
    pub event_type: String,
    /// JSON body.
    pub data: Box<RawValue>,
    /// JSON metadata.
    pub metadata: Box<RawValue>,
}

/// Events for one stream, at an exact revision.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    /// Which stream.
    pub stream: StreamName,
    /// What it must look like.
    pub expected: Expected,
    /// At least one event.
    pub events: Vec<NewEvent>,
}

/// What became of one [`StreamWrite`] of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Durable. Also the answer if exactly these events stood there already.
    Written {
        /// Revision of the last event written.
        last_revision: Revision,
        /// Position of the last event written.
        position: Position,
    },
    /// Not written: the stream looks different.
    Conflict {
        /// Revision of the stream's last event; `None` if it has none.
        actual: Option<Revision>,
    },
    /// Not written because another write of the same atomic append had a conflict.
    Withheld,
}

impl WriteOutcome {
    /// Whether the events are in the log.
    #[must_use]
    pub fn is_written(self) -> bool {
        matches!(self, Self::Written { .. })
    }
}

/// The log could not do it. Never used for a conflict, which is an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// Nothing was written or read; trying again later may work.
    #[error("the event log is unavailable: {0}")]
    Unavailable(String),
    /// The append may or may not have landed. Send the same events at the same revisions again.
    #[error("the outcome of the append is unknown: {0}")]
    OutcomeUnknown(String),
    /// What was read can't be what was written. A person has to look.
    #[error("the event log is damaged: {0}")]
    Damaged(String),
    /// The request itself can't be served, whenever it is sent (an empty write, an event too large).
    #[error("the event log refuses the request: {0}")]
    Refused(String),
}

/// An event as it stands in the log.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    /// Place in the whole log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Index in the stream.
    pub revision: Revision,
    /// Its id.
    pub id: Uuid,
    /// Name of the fact.
    pub event_type: String,
    /// JSON body.
    pub data: Box<RawValue>,
    /// JSON metadata.
    pub metadata: Box<RawValue>,
    /// When the log wrote it, by the log's own clock. For people; rules use the metadata's `at`.
    pub recorded_at: Timestamp,
}

/// Reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forwards,
    /// Newest first.
    Backwards,
}

/// Which events of the whole log are wanted. Empty lists want all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Stream name prefixes, any of which is enough (`seat-demo.`).
    pub stream_prefixes: Vec<String>,
    /// Event type prefixes, any of which is enough (`Payment`).
    pub type_prefixes: Vec<String>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The streams of this program. A shared log may hold others.
    #[must_use]
    pub fn our_streams() -> Self {
        Self::streams(&["show-", "seat-", "booking-", "loyalty-"])
    }

    /// Streams of these prefixes.
    #[must_use]
    pub fn streams(prefixes: &[&str]) -> Self {
        Self { stream_prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(), type_prefixes: Vec::new() }
    }

    /// Whether an event passes.
    #[must_use]
    pub fn matches(&self, stream: &str, event_type: &str) -> bool {
        let any = |prefixes: &[String], text: &str| prefixes.is_empty() || prefixes.iter().any(|p| text.starts_with(p));
        any(&self.stream_prefixes, stream) && any(&self.type_prefixes, event_type)
    }
}

/// What a subscription yields.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The next event, in position order.
    Event(Arc<RecordedEvent>),
    /// No event up to here passes the filter besides those delivered. A checkpoint may be stored.
    Checkpoint(Position),
    /// Everything up to this position was delivered; what follows is new. Sent on first reaching
    /// the head, and again whenever the reader had fallen behind and caught up.
    CaughtUp(Position),
}

/// An append-only log of streams.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Whether an append of several streams is all or nothing. Where it is not, each stream's
    /// write stands or falls alone, and the caller compensates.
    fn atomic_across_streams(&self) -> bool;

    /// Appends. The outcomes stand in the order of the writes. Returns only when what is reported
    /// as written is durable. No stream may occur twice in one append.
    ///
    /// Repeating an append (same ids, same expected revisions) is answered as the first time.
    ///
    /// # Errors
    /// [`LogFault`]; after [`LogFault::OutcomeUnknown`] repeat the same append to find out.
    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault>;

    /// Up to `limit` events of one stream, starting at `from` inclusive (`None`: from the
    /// respective end). A stream that does not exist has no events.
    ///
    /// # Errors
    /// [`LogFault`].
    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault>;

    /// Up to `limit` events of the whole log that pass the filter, starting behind `from`
    /// exclusive (forwards: positions greater, backwards: positions smaller; `None`: from the
    /// respective end).
    ///
    /// # Errors
    /// [`LogFault`].
    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault>;

    /// Everything behind `from` (exclusive) that passes the filter, for ever: first what is there,
    /// then what comes, without gap or repeat. Ends only after an error, or when the log closes.
    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>>;

    /// Position of the last event; `Position::START` if there is none.
    ///
    /// # Errors
    /// [`LogFault`].
    async fn head(&self) -> Result<Position, LogFault>;
}

/// Position of the last event that passes a filter; [`Position::START`] if none does. A follower with
/// the same filter gets there, whatever others write into a shared log behind it.
///
/// # Errors
/// [`LogFault`].
pub async fn last_position(log: &dyn EventLog, filter: &Filter) -> Result<Position, LogFault> {
    let last = log.read_all(None, Direction::Backwards, 1, filter).await?;
    Ok(last.first().map_or(Position::START, |event| event.position))
}
