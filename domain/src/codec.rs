//! Converts events to and from their stored form: event ids, metadata, JSON, and the upcasters that
//! read what older versions wrote.

use crate::Timestamp;
use crate::event::Event;
use crate::ids::NAMESPACE;
use crate::ports::event_log::{Expected, NewEvent, RecordedEvent, Revision, StreamWrite};
use crate::stream_name::StreamName;
use chrono::SecondsFormat;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

mod upcast;

pub use crate::envelope::{Envelope, ID_RULE, Metadata, Unreadable};

/// What an event's id covers besides stream, revision and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRule {
    /// Rule 1: the body.
    Body,
    /// Rule 2: the body and the cause.
    BodyAndCause(Option<Uuid>),
    /// Rule 3: the body, the cause, and the time.
    BodyCauseAndTime(Option<Uuid>, Timestamp),
}

impl IdRule {
    /// The rule that made the id of an event with this metadata.
    fn of(metadata: &Metadata) -> Self {
        match metadata.id_rule {
            ..=1 => Self::Body,
            2 => Self::BodyAndCause(metadata.causation),
            3.. => Self::BodyCauseAndTime(metadata.causation, metadata.at),
        }
    }
}

/// The id of an event. Sending an append again writes the same event, so it has the same id. Whatever else
/// competes for the revision has another id: a different fact, the same fact by another command, or the same step
/// decided by another worker at another time. So who has written an event knows it, and needs not read it back. Two workers
/// that decide a step in the same millisecond write one event, and both know all of it that counts.
#[must_use]
pub fn event_id(stream: &StreamName, revision: Revision, event_type: &str, body: &str, rule: IdRule) -> Uuid {
    let mut name = Vec::with_capacity(200);
    name.extend_from_slice(stream.as_str().as_bytes());
    name.extend_from_slice(format!("|{revision}|{event_type}|").as_bytes());
    name.extend_from_slice(&Sha256::digest(body.as_bytes()));
    if let IdRule::BodyAndCause(cause) | IdRule::BodyCauseAndTime(cause, _) = rule {
        name.push(b'|');
        name.extend_from_slice(cause.as_ref().map_or(&[][..], |cause| cause.as_bytes()));
    }
    if let IdRule::BodyCauseAndTime(_, at) = rule {
        name.push(b'|');
        name.extend_from_slice(at.to_rfc3339_opts(SecondsFormat::AutoSi, true).as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

/// Bytes of the metadata's hash. It reveals changes by accident and by hand; who recomputes ids can
/// recompute it, too.
const HASH_BYTES: usize = 8;

/// The metadata as it is stored. Its last member, `hash`, covers the event's id and all other members,
/// so that no change of them goes unnoticed.
fn stored_metadata(id: Uuid, metadata: &Metadata) -> serde_json::Result<Box<RawValue>> {
    let mut text = serde_json::to_string(metadata)?;
    text.pop();
    let hash = Sha256::new_with_prefix(id.as_bytes()).chain_update(text.as_bytes()).finalize();
    text.push_str(",\"hash\":\"");
    for byte in hash.iter().take(HASH_BYTES) {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push_str("\"}");
    RawValue::from_string(text)
}

/// Encodes events as an append to `stream` at revision `expected`.
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
    let metadata = Metadata { v: upcast::current_version(event.name()), id_rule: ID_RULE, ..metadata.clone() };
    let id = event_id(stream, revision, event.name(), &body, IdRule::of(&metadata));
    Ok(NewEvent {
        id,
        event_type: event.name().to_owned(),
        data: RawValue::from_string(body)?,
        metadata: stored_metadata(id, &metadata)?,
    })
}

/// Of all events that this program can read, and the versions of their bodies. What was computed from the log
/// by a program with another fingerprint may lack events that were unknown to that program.
#[must_use]
pub fn fingerprint() -> u32 {
    let mut hash = Sha256::new();
    for name in Event::NAMES {
        hash.update(format!("{name}|{}|", upcast::current_version(name)));
    }
    hash.finalize().iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Decodes a stored event, also one written by an older version. `None` if another program wrote it that shares
/// the log. An event is decoded once, however many read it.
///
/// # Errors
/// [`Unreadable`] if it has one of our types, but not its form; or if lastseat has no event of its type and has written
/// it nonetheless: a newer version did. What it says must not be passed over, for it may be that a seat is taken.
pub fn decode(recorded: &RecordedEvent) -> Result<Option<Arc<Envelope>>, Unreadable> {
    recorded.decoded.get_or(|| decode_recorded(recorded).map(|envelope| envelope.map(Arc::new)))
}

/// Whether the event's id is made by our rule, which no other program does. An id of a later rule can't be computed here;
/// the metadata then say that it is ours.
fn has_our_id(recorded: &RecordedEvent) -> bool {
    let Ok(metadata) = serde_json::from_str::<Metadata>(recorded.metadata.get()) else { return false };
    if metadata.id_rule > ID_RULE {
        return true;
    }
    let rule = IdRule::of(&metadata);
    recorded.id == event_id(&recorded.stream, recorded.revision, &recorded.event_type, recorded.data.get(), rule)
}

fn decode_recorded(recorded: &RecordedEvent) -> Result<Option<Envelope>, Unreadable> {
    let unreadable = |why: String| Unreadable {
        stream: recorded.stream.clone(),
        revision: recorded.revision,
        event_type: recorded.event_type.clone(),
        why,
    };
    if !upcast::is_ours(&recorded.event_type) {
        let newer = "it has the id of an event of lastseat, but a type that this version does not know; a newer one wrote it";
        return if has_our_id(recorded) { Err(unreadable(newer.to_owned())) } else { Ok(None) };
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
