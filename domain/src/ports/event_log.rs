//! The port of the event log, which is the only authority on what happened.
//!
//! Its semantics are EventStoreDB's. A stream is a list of events numbered from 0, and the whole log has
//! positions that grow with every event. Every append names the exact revision that it expects; there is
//! no "any".

pub mod landmark;
pub mod request;
pub mod revision_check;

use crate::Timestamp;
use crate::envelope::{Envelope, Unreadable};
use crate::stream_name::StreamName;
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use uuid::Uuid;

pub use crate::position::{Position, Revision};

/// What a stream must look like for an append to succeed.
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

/// An event to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Derived from the event itself, so that a retry writes the same event.
    pub id: Uuid,
    /// The event type, such as `SeatLocked`.
    pub event_type: String,
    /// JSON body.
    pub data: Box<RawValue>,
    /// JSON metadata.
    pub metadata: Box<RawValue>,
}

/// Events for one stream, at an exact revision.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    /// The stream.
    pub stream: StreamName,
    /// The state in which it must be.
    pub expected: Expected,
    /// At least one event.
    pub events: Vec<NewEvent>,
}

/// The outcome of one [`StreamWrite`] of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Durable. Also the answer if exactly these events had already been written.
    Written {
        /// Revision of the last event written.
        last_revision: Revision,
        /// Position of the last event written.
        position: Position,
    },
    /// Not written, because the stream wasn't as expected.
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

/// The log failed. A conflict is an answer, not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// Nothing was written or read; trying again later may work.
    #[error("the event log is unavailable: {0}")]
    Unavailable(String),
    /// Nothing was written, because the log has too much to do; it is well. Trying again later may work.
    #[error("the event log is busy: {0}")]
    Busy(String),
    /// The append may or may not have been written. Repeat it with the same events and revisions.
    #[error("the outcome of the append is unknown: {0}")]
    OutcomeUnknown(String),
    /// What was read can't be what was written. A person has to examine the log.
    #[error("the event log is damaged: {0}")]
    Damaged(String),
    /// The request is invalid, whenever it is sent (a write without events, an event too large).
    #[error("the event log refuses the request: {0}")]
    Refused(String),
}

/// An event in the log.
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
    /// The event type, such as `SeatLocked`.
    pub event_type: String,
    /// JSON body.
    pub data: Box<RawValue>,
    /// JSON metadata.
    pub metadata: Box<RawValue>,
    /// When the log wrote it, by the log's own clock. For display; rules use the metadata's `at`.
    pub recorded_at: Timestamp,
    /// What it was decoded to; `Decoded::default()` for a new one.
    pub decoded: Decoded,
}

/// What a recorded event was decoded to, kept beside it: the next reader, here or in another consumer
/// of the log, need not decode it again. A copy of an event starts without it, because it may be changed; one
/// that is changed in place has to be given a new one.
#[derive(Debug, Default)]
pub struct Decoded(OnceLock<Result<Option<Arc<Envelope>>, Unreadable>>);

impl Decoded {
    /// What `decode` gives, which is called the first time only.
    pub(crate) fn get_or(
        &self,
        decode: impl FnOnce() -> Result<Option<Arc<Envelope>>, Unreadable>,
    ) -> Result<Option<Arc<Envelope>>, Unreadable> {
        self.0.get_or_init(decode).clone()
    }
}

impl Clone for Decoded {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forwards,
    /// Newest first.
    Backwards,
}

/// Selects events of the whole log. An empty list selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Prefixes of stream names; one of them has to match (`seat-demo.`).
    pub stream_prefixes: Vec<String>,
    /// Prefixes of event types; one of them has to match (`Payment`).
    pub type_prefixes: Vec<String>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All streams of lastseat. Other programs may share the log.
    #[must_use]
    pub fn our_streams() -> Self {
        Self::streams(&[
            "plan-",
            "picture-",
            "show-",
            "seat-",
            "block-",
            "booking-",
            "loyalty-",
            "voucher-",
            "campaign-",
            "ticket-",
            "webhook-",
        ])
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
    /// Every event up to here that passes the filter was delivered. A checkpoint may be stored.
    Checkpoint(Position),
    /// The reader has reached the head of the log; what follows is new. Sent again each time the reader
    /// has caught up after it had fallen behind.
    CaughtUp(Position),
    /// The log has lost its server, for this reason, and connects again by itself. Until the next delivery
    /// of another kind the reader may be behind. Sent once for each loss.
    Interrupted(String),
}

/// What a log counts of itself, for the operator. All zero where a log has nothing of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogReport {
    /// Appends that may be sent and not answered at the same time.
    pub append_limit: u64,
    /// Appends that are sent and not answered.
    pub appends_in_flight: u64,
    /// Appends that wait for their turn.
    pub appends_waiting: u64,
    /// Times that the server found a live subscription too slow, and was asked again for what followed.
    pub slow_subscriptions: u64,
    /// Times that calls were suspended because the log answered nothing any more.
    pub suspensions: u64,
    /// Transactions that a log in this process has made durable, each for the appends that had arrived.
    pub commits: u64,
    /// Events in them.
    pub committed_events: u64,
    /// Microseconds that they took, from their begin to the end of the sync.
    pub commit_micros: u64,
    /// Appends that such a log has accepted and not begun to write.
    pub writer_queue: u64,
}

/// An append-only log of streams.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Whether an append to several streams is all or nothing. If it isn't, each stream's write succeeds
    /// or fails on its own, and the caller compensates.
    fn atomic_across_streams(&self) -> bool;

    /// Appends. The outcomes are in the order of the writes. Returns only when what is reported as
    /// written is durable. No stream may occur twice in one append.
    ///
    /// The repeat of an append (same ids, same expected revisions) gets the same answer as the first.
    ///
    /// # Errors
    /// [`LogFault`]; after [`LogFault::OutcomeUnknown`] repeat the same append to find out.
    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault>;

    /// Appends that have nothing to do with each other, handed over at once: each is decided as by
    /// [`append`](Self::append), in this order, and the answers are in it too. A log that commits in groups answers all of
    /// them at once.
    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        futures::future::join_all(appends.into_iter().map(|writes| self.append(writes))).await
    }

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

    /// Up to `limit` events of the whole log that pass the filter, starting next to `from`, exclusive
    /// (forwards: greater positions, backwards: smaller ones; `None`: from the respective end).
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

    /// Every event after `from` (exclusive) that passes the filter: first the existing ones, then new
    /// ones, without gap or repeat. Ends only after an error, or when the log closes.
    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>>;

    /// Position of the last event; `Position::START` if there is none.
    ///
    /// # Errors
    /// [`LogFault`].
    async fn head(&self) -> Result<Position, LogFault>;

    /// Waits until the log can take so many appends of new work. To be asked before work begins that can be refused without
    /// harm; appends that finish what has begun go first and need not ask. Some logs can always take them.
    ///
    /// # Errors
    /// They could not be taken in time: when to ask again. Nothing was done.
    async fn wait_for_capacity(&self, _appends: usize) -> Result<(), Duration> {
        Ok(())
    }

    /// Longest time that one call of [`append`](Self::append) takes, waiting included. Who might append the same waits
    /// longer than that. Nothing for a log that only one process appends to.
    fn longest_append(&self) -> Duration {
        Duration::ZERO
    }

    /// What the log counts of itself.
    fn report(&self) -> LogReport {
        LogReport::default()
    }
}

/// Position of the last event that passes a filter; [`Position::START`] if none does. A subscription with
/// the same filter reaches this position, even if other programs write to the log after it.
///
/// # Errors
/// [`LogFault`].
pub async fn last_position(log: &dyn EventLog, filter: &Filter) -> Result<Position, LogFault> {
    let last = log.read_all(None, Direction::Backwards, 1, filter).await?;
    Ok(last.first().map_or(Position::START, |event| event.position))
}
