//! Between facts and their stored form: event ids, metadata, JSON, and the upcasters that read
//! what older versions wrote.

use crate::Timestamp;
use crate::event::Event;
use crate::ids::{BookingId, NAMESPACE};
use crate::ports::event_log::{Expected, NewEvent, Position, RecordedEvent, Revision, StreamWrite};
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use uuid::Uuid;

mod upcast;

/// What is recorded around a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The booking that everything of one checkout belongs to.
    #[serde(rename = "$correlationId", default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// The event that led to this one.
    #[serde(rename = "$causationId", default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// Who caused it: a caller's subject, or the reactor's name.
    pub actor: String,
    /// Schema version of the body, from 1.
    #[serde(default = "first_version")]
    pub v: u32,
    /// When it was decided, by the engine's clock. The rules' notion of "when".
    pub at: Timestamp,
    /// W3C trace id, where the caller sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

fn first_version() -> u32 {
    1
}

impl Metadata {
    /// Metadata of something that happens now to a booking.
    #[must_use]
    pub fn of_booking(booking: BookingId, actor: &str, at: Timestamp) -> Self {
        Self { correlation: Some(booking.0), ..Self::new(actor, at) }
    }

    /// Metadata of something that belongs to no booking.
    #[must_use]
    pub fn new(actor: &str, at: Timestamp) -> Self {
        Self { correlation: None, causation: None, actor: actor.to_owned(), v: 1, at, trace: None }
    }
}

/// A fact as it was read: the event with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Place in the whole log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Index in the stream.
    pub revision: Revision,
    /// Its id.
    pub id: Uuid,
    /// The fact.
    pub event: Event,
    /// What was recorded around it.
    pub metadata: Metadata,
}

/// A stored event that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {revision} of {stream} ({event_type}) can't be read: {why}")]
pub struct Unreadable {
    /// Its stream.
    pub stream: StreamName,
    /// Index in the stream.
    pub revision: Revision,
    /// Name it is stored under.
    pub event_type: String,
    /// What is wrong.
    pub why: String,
}

/// The id of a fact: the same fact at the same place always has the same id, so a retry is the
/// same event, and two different facts that compete for one revision never pass for each other.
#[must_use]
pub fn event_id(stream: &StreamName, revision: Revision, event: &Event, body: &str) -> Uuid {
    let mut name = Vec::with_capacity(160);
    name.extend_from_slice(stream.as_str().as_bytes());
    name.extend_from_slice(format!("|{revision}|{}|", event.name()).as_bytes());
    name.extend_from_slice(&Sha256::digest(body.as_bytes()));
    Uuid::new_v5(&NAMESPACE, &name)
}

/// Puts facts into their stored form, as an append to `stream` where it looks as `expected`.
///
/// # Errors
/// Only if the serializer fails.
pub fn encode(stream: StreamName, expected: Expected, events: &[Event], metadata: &Metadata) -> serde_json::Result<StreamWrite> {
    let events = (expected.next_revision()..)
        .zip(events)
        .map(|(revision, event)| encode_one(&stream, revision, event, metadata))
        .collect::<serde_json::Result<Vec<_>>>()?;
    Ok(StreamWrite { stream, expected, events })
}

fn encode_one(stream: &StreamName, revision: Revision, event: &Event, metadata: &Metadata) -> serde_json::Result<NewEvent> {
    let body = event.to_json()?;
    Ok(NewEvent {
        id: event_id(stream, revision, event, &body),
        event_type: event.name().to_owned(),
        data: RawValue::from_string(body)?,
        metadata: serde_json::value::to_raw_value(&Metadata { v: upcast::current_version(event.name()), ..metadata.clone() })?,
    })
}

/// Reads a stored event; older versions are brought up to date on the way. `None` if the event is
/// not one of ours, which a shared log may well hold.
///
/// # Errors
/// [`Unreadable`] if it bears one of our names but not its form.
pub fn decode(recorded: &RecordedEvent) -> Result<Option<Envelope>, Unreadable> {
    let unreadable = |why: String| Unreadable {
        stream: recorded.stream.clone(),
        revision: recorded.revision,
        event_type: recorded.event_type.clone(),
        why,
    };
    if !upcast::is_ours(&recorded.event_type) {
        return Ok(None);
    }
    let metadata: Metadata = serde_json::from_str(recorded.metadata.get()).map_err(|e| unreadable(format!("metadata: {e}")))?;
    let (name, body) =
        upcast::to_current(&recorded.event_type, metadata.v, Cow::Borrowed(recorded.data.get())).map_err(&unreadable)?;
    let event = Event::from_json(&name, &body).map_err(|e| unreadable(e.to_string()))?;
    Ok(event.map(|event| Envelope {
        position: recorded.position,
        stream: recorded.stream.clone(),
        revision: recorded.revision,
        id: recorded.id,
        event,
        metadata,
    }))
}
