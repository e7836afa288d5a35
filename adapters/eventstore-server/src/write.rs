//! What both ways to append have in common: checking what comes, and carrying it out.

use crate::convert::{id_from_wire, stream_from_wire};
use crate::wire::shared::{StreamIdentifier, Uuid as WireUuid};
use bytes::Bytes;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::request::{MAX_APPEND_BYTES, MAX_EVENT_BYTES};
use lastseat_domain::ports::event_log::{EventLog, Expected, LogFault, NewEvent, Position, Revision, StreamWrite, WriteOutcome};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;

/// Most events of one append.
const MAX_EVENTS: usize = 10_000;

/// Why an append has no success for an answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The request can't be served, whenever it is sent.
    Invalid(String),
    /// More bytes than one event or one append may have.
    TooLarge {
        /// The bound that was passed, in bytes.
        most: usize,
    },
    /// The stream looks different. Nothing was written.
    Conflict {
        /// What it should have looked like.
        expected: Expected,
        /// Its last revision; `None` if it has no events.
        actual: Option<Revision>,
    },
    /// Nothing was written.
    Unavailable(String),
    /// No answer in time: written or not, nobody knows.
    TimedOut,
    /// Written or not, nobody knows.
    Unknown(String),
    /// A person has to look.
    Damaged(String),
}

impl Failure {
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Invalid(why) | Self::Unavailable(why) | Self::Damaged(why) => why.clone(),
            Self::TooLarge { most } => format!("larger than the {most} bytes allowed"),
            Self::Conflict { expected, actual } => format!("the stream is at {actual:?} and not at {expected:?}"),
            Self::TimedOut => {
                "no answer in time; it may have been written: send the same events at the same revision again".to_owned()
            }
            Self::Unknown(why) => format!("{why}; it may have been written: send the same events at the same revision again"),
        }
    }
}

impl From<LogFault> for Failure {
    fn from(fault: LogFault) -> Self {
        match fault {
            LogFault::Unavailable(_) => Self::Unavailable(fault.to_string()),
            LogFault::OutcomeUnknown(_) => Self::Unknown(fault.to_string()),
            LogFault::Damaged(_) => Self::Damaged(fault.to_string()),
            LogFault::Refused(_) => Self::Invalid(fault.to_string()),
        }
    }
}

/// What a client expects of the stream, in the protocol's words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Revision(Revision),
    NoStream,
    Any,
    StreamExists,
}

/// An append as far as it has come in.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) stream: StreamName,
    pub(crate) expected: Expected,
    events: Vec<NewEvent>,
    bytes: usize,
}

impl Draft {
    /// The head of an append.
    pub(crate) fn new(stream: Option<StreamIdentifier>, asked: Option<Asked>) -> Result<Self, Failure> {
        let stream = stream_from_wire(stream).map_err(|status| Failure::Invalid(status.message().to_owned()))?;
        if stream.as_str().starts_with('$') {
            return invalid(
                "streams whose names start with $ are the server's own, and this log has none of them, nor stream metadata",
            );
        }
        let expected = match asked {
            Some(Asked::Revision(revision)) => Expected::Revision(revision),
            Some(Asked::NoStream) => Expected::NoStream,
            Some(Asked::Any | Asked::StreamExists) | None => {
                return invalid(
                    "this log never appends blindly: name the exact revision that the stream must be at, or that there must be no stream",
                );
            }
        };
        Ok(Self { stream, expected, events: Vec::new(), bytes: 0 })
    }

    /// Adds an event as the client proposes it.
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
        if event_type.starts_with('$') {
            return invalid("types that start with $ are the server's own");
        }
        match metadata.get("content-type").map(String::as_str) {
            Some("application/json") => {}
            Some(other) => return invalid(format!("this log keeps JSON only: content-type {other} is not application/json")),
            None => return invalid("an event's content-type is missing; it must be application/json"),
        }
        let bytes = event_type.len() + custom_metadata.len() + data.len();
        if bytes + self.stream.as_str().len() > MAX_EVENT_BYTES {
            return Err(Failure::TooLarge { most: MAX_EVENT_BYTES });
        }
        self.bytes += bytes;
        if self.bytes > MAX_APPEND_BYTES || self.events.len() >= MAX_EVENTS {
            return Err(Failure::TooLarge { most: MAX_APPEND_BYTES });
        }
        let metadata = if custom_metadata.is_empty() { Bytes::from_static(b"{}") } else { custom_metadata };
        self.events.push(NewEvent {
            id,
            event_type: event_type.clone(),
            data: json(&data, "body")?,
            metadata: json(&metadata, "metadata")?,
        });
        Ok(())
    }

    /// Bytes taken in so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends, and waits for the answer for as long as that.
    pub(crate) async fn write(self, log: &dyn EventLog, deadline: Duration) -> Result<(Revision, Position), Failure> {
        if self.events.is_empty() {
            return invalid("an append without events");
        }
        let Self { stream, expected, events, .. } = self;
        let append = log.append(vec![StreamWrite { stream, expected, events }]);
        let outcomes = tokio::time::timeout(deadline, append).await.map_err(|_| Failure::TimedOut)??;
        match outcomes.first() {
            Some(WriteOutcome::Written { last_revision, position }) => Ok((*last_revision, *position)),
            Some(WriteOutcome::Conflict { actual }) => Err(Failure::Conflict { expected, actual: *actual }),
            Some(WriteOutcome::Withheld) | None => Err(Failure::Unknown("the log has no answer for the write".to_owned())),
        }
    }
}

fn json(bytes: &[u8], what: &str) -> Result<Box<RawValue>, Failure> {
    let not_json = || Failure::Invalid(format!("an event's {what} is not JSON"));
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| not_json())?;
    RawValue::from_string(text).map_err(|_| not_json())
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Invalid(why.into()))
}
