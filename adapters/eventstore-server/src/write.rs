//! What `Append` and `BatchAppend` have in common: validating the events, and writing them.

use crate::convert::{NO_METADATA, id_from_wire, stream_from_wire};
use crate::failure::Failure;
use crate::wire::shared::{StreamIdentifier, Uuid as WireUuid};
use bytes::Bytes;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::request::{MAX_BODY_BYTES, MAX_EVENT_BYTES};
use lastseat_domain::ports::event_log::{
    Direction, EventLog, Expected, LogFault, NewEvent, Position, Revision, StreamWrite, WriteOutcome,
};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;

/// Largest append, in bytes of the bodies of its events: what EventStoreDB 23.10 takes by default, and how it counts.
const MAX_APPEND: usize = MAX_BODY_BYTES;
/// Largest append with everything that belongs to its events, which EventStoreDB doesn't count.
const MAX_APPEND_WITH_METADATA: usize = 16 * 1024 * 1024;
/// Most events of one append.
const MAX_EVENTS: usize = 10_000;

/// What a client expects of the stream, as the protocol has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ExpectedState {
    Revision(Revision),
    NoStream,
    Any,
    StreamExists,
}

/// The revision that means "no stream": -1, as clients for .NET send it.
const NONE: Revision = Revision::MAX;
/// Those that mean "any" and "stream exists": -2 and -4.
const ANY: Revision = Revision::MAX - 1;
const EXISTS: Revision = Revision::MAX - 3;

impl ExpectedState {
    /// Of a revision, which may be one of those that are none.
    pub(crate) fn of_revision(revision: Revision) -> Self {
        match revision {
            NONE => Self::NoStream,
            ANY => Self::Any,
            EXISTS => Self::StreamExists,
            revision => Self::Revision(revision),
        }
    }
}

/// The answer to a successful append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    /// The stream's last revision; `None` if an append of no events found no stream.
    pub(crate) last_revision: Option<Revision>,
    pub(crate) position: Position,
}

/// An append as far as it has been received.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) stream: StreamName,
    pub(crate) expected: Expected,
    events: Vec<NewEvent>,
    bytes: usize,
    body_bytes: usize,
}

impl Draft {
    pub(crate) fn new(stream: Option<StreamIdentifier>, expected: Option<ExpectedState>) -> Result<Self, Failure> {
        let stream = stream_from_wire(stream).map_err(|status| Failure::Invalid(status.message().to_owned()))?;
        if stream.as_str().starts_with('$') {
            return invalid(
                "streams whose names begin with $ are reserved: this log has no system streams and no stream metadata; choose another name",
            );
        }
        let expected = match expected {
            Some(ExpectedState::Revision(revision)) => Expected::Revision(revision),
            Some(ExpectedState::NoStream) => Expected::NoStream,
            Some(ExpectedState::Any | ExpectedState::StreamExists) | None => {
                return invalid(
                    "this log never appends blindly: name the exact revision that the stream must be at, or that there must be no stream",
                );
            }
        };
        Ok(Self { stream, expected, events: Vec::new(), bytes: 0, body_bytes: 0 })
    }

    /// Adds a proposed event.
    pub(crate) fn push(
        &mut self,
        id: Option<WireUuid>,
        metadata: &HashMap<String, String>,
        custom_metadata: Bytes,
        data: Bytes,
    ) -> Result<(), Failure> {
        let id = id_from_wire(id, "an event's id").map_err(|status| Failure::Invalid(status.message().to_owned()))?;
        if id.is_nil() {
            return invalid("an event's id is nil");
        }
        let event_type = metadata.get("type").filter(|name| !name.is_empty());
        let Some(event_type) = event_type else { return invalid("an event has no type: the metadata `type` is missing") };
        match metadata.get("content-type").map(String::as_str) {
            Some("application/json") => {}
            Some(other) => {
                return invalid(format!(
                    "this log stores JSON only: content-type {other} is not application/json; send JSON, or wrap the data in it, for example as a Base64 string"
                ));
            }
            None => return invalid("an event's content-type is missing; it must be application/json"),
        }
        let bytes = event_type.len() + custom_metadata.len() + data.len();
        self.body_bytes += data.len();
        if self.body_bytes > MAX_APPEND {
            return Err(Failure::TooLarge { limit: MAX_APPEND });
        }
        if bytes + self.stream.as_str().len() > MAX_EVENT_BYTES {
            return Err(Failure::TooLarge { limit: MAX_EVENT_BYTES });
        }
        self.bytes += bytes;
        if self.bytes > MAX_APPEND_WITH_METADATA || self.events.len() >= MAX_EVENTS {
            return Err(Failure::TooLarge { limit: MAX_APPEND_WITH_METADATA });
        }
        let metadata = if custom_metadata.is_empty() { Bytes::from_static(NO_METADATA.as_bytes()) } else { custom_metadata };
        self.events.push(NewEvent {
            id,
            event_type: event_type.clone(),
            data: json(&data, "body")?,
            metadata: json(&metadata, "metadata")?,
        });
        Ok(())
    }

    /// Size of the events received so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends the events, waiting no longer than `deadline`. If no time is left, the log doesn't get them.
    pub(crate) async fn write(self, log: &dyn EventLog, deadline: Duration) -> Result<Appended, Failure> {
        if deadline.is_zero() {
            return Err(Failure::TooLate);
        }
        if self.is_empty() {
            let check = self.write_nothing(log);
            return tokio::time::timeout(deadline, check).await.map_err(|_| Failure::TimedOut)?;
        }
        let expected = self.expected;
        let append = log.append(vec![self.into_write()]);
        let result = tokio::time::timeout(deadline, append).await.map_err(|_| Failure::TimedOut)?;
        outcome(expected, result)
    }

    /// Whether it has no events.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn into_write(self) -> StreamWrite {
        let Self { stream, expected, events, .. } = self;
        StreamWrite { stream, expected, events }
    }

    /// The log takes no empty append, but EventStoreDB answers one: with the stream's revision, or as a
    /// conflict.
    async fn write_nothing(self, log: &dyn EventLog) -> Result<Appended, Failure> {
        let last = log.read_stream(&self.stream, None, Direction::Backwards, 1).await?;
        let actual = last.first().map(|event| event.revision);
        let expected = match self.expected {
            Expected::NoStream => None,
            Expected::Revision(revision) => Some(revision),
        };
        if actual != expected {
            return Err(Failure::Conflict { expected: self.expected, actual });
        }
        let position = match last.first() {
            Some(event) => event.position,
            None => log.head().await?,
        };
        Ok(Appended { last_revision: actual, position })
    }
}

/// What the log's answer to a write of one stream means.
pub(crate) fn outcome(expected: Expected, result: Result<Vec<WriteOutcome>, LogFault>) -> Result<Appended, Failure> {
    match result?.first() {
        Some(WriteOutcome::Written { last_revision, position }) => {
            Ok(Appended { last_revision: Some(*last_revision), position: *position })
        }
        Some(WriteOutcome::Conflict { actual }) => Err(Failure::Conflict { expected, actual: *actual }),
        Some(WriteOutcome::Withheld) | None => Err(Failure::Unknown("the log has no answer for the write".to_owned())),
    }
}

fn json(bytes: &[u8], what: &str) -> Result<Box<RawValue>, Failure> {
    let not_json = || {
        Failure::Invalid(format!(
            "an event's {what} is not JSON, and this log stores JSON only; send JSON, or wrap the data in it, for example as a Base64 string"
        ))
    };
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| not_json())?;
    RawValue::from_string(text).map_err(|_| not_json())
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Invalid(why.into()))
}
