//! Conversions between the protocol's messages and the domain's types.

use crate::wire::shared::{AllStreamPosition, StreamIdentifier, Uuid as WireUuid, uuid as wire_uuid};
use crate::wire::streams::{ReadResp, read_resp};
use bytes::Bytes;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{StreamName, Timestamp};
use std::collections::HashMap;
use tonic::Status;
use uuid::Uuid;

/// Longest name of a stream, in bytes.
const MAX_STREAM_NAME: usize = 1024;

/// Metadata of an event without metadata: the log's is always JSON.
pub(crate) const NO_METADATA: &str = "null";

/// The encoding of ids that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdForm {
    /// Two 64-bit numbers.
    Structured,
    Text,
}

/// Clients write ids in either form.
pub(crate) fn id_from_wire(id: Option<WireUuid>, what: &str) -> Result<Uuid, Status> {
    let missing = || Status::invalid_argument(format!("{what} is missing"));
    match id.and_then(|id| id.value).ok_or_else(missing)? {
        wire_uuid::Value::String(text) => {
            Uuid::parse_str(&text).map_err(|_| Status::invalid_argument(format!("{what} is not a UUID")))
        }
        wire_uuid::Value::Structured(bits) => {
            Ok(Uuid::from_u64_pair(bits.most_significant_bits.cast_unsigned(), bits.least_significant_bits.cast_unsigned()))
        }
    }
}

pub(crate) fn id_to_wire(id: Uuid, form: IdForm) -> WireUuid {
    let value = match form {
        IdForm::Text => wire_uuid::Value::String(id.to_string()),
        IdForm::Structured => {
            let (high, low) = id.as_u64_pair();
            wire_uuid::Value::Structured(wire_uuid::Structured {
                most_significant_bits: high.cast_signed(),
                least_significant_bits: low.cast_signed(),
            })
        }
    };
    WireUuid { value: Some(value) }
}

pub(crate) fn stream_from_wire(stream: Option<StreamIdentifier>) -> Result<StreamName, Status> {
    let stream = stream.ok_or_else(|| Status::invalid_argument("the stream's name is missing"))?;
    let name =
        std::str::from_utf8(&stream.stream_name).map_err(|_| Status::invalid_argument("the stream's name is not UTF-8"))?;
    if name.is_empty() || name.len() > MAX_STREAM_NAME {
        return Err(Status::invalid_argument(format!("a stream's name must have 1 to {MAX_STREAM_NAME} bytes")));
    }
    Ok(StreamName::from_log(name))
}

pub(crate) fn stream_to_wire(stream: &StreamName) -> StreamIdentifier {
    StreamIdentifier { stream_name: Bytes::copy_from_slice(stream.as_str().as_bytes()) }
}

/// Commit and prepare position are the same: no transaction spans several writes.
pub(crate) fn position_to_wire(position: Position) -> AllStreamPosition {
    AllStreamPosition { commit_position: position.0, prepare_position: position.0 }
}

pub(crate) fn date_to_wire(date: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: date.timestamp(), nanos: i32::try_from(date.timestamp_subsec_nanos()).unwrap_or_default() }
}

pub(crate) fn event_to_wire(event: &RecordedEvent, form: IdForm) -> ReadResp {
    let recorded = read_resp::read_event::RecordedEvent {
        id: Some(id_to_wire(event.id, form)),
        stream_identifier: Some(stream_to_wire(&event.stream)),
        stream_revision: event.revision,
        prepare_position: event.position.0,
        commit_position: event.position.0,
        metadata: HashMap::from([
            ("type".to_owned(), event.event_type.clone()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("created".to_owned(), ticks(event.recorded_at).to_string()),
        ]),
        custom_metadata: match event.metadata.get() {
            NO_METADATA => Bytes::new(),
            metadata => Bytes::copy_from_slice(metadata.as_bytes()),
        },
        data: Bytes::copy_from_slice(event.data.get().as_bytes()),
    };
    let position = read_resp::read_event::Position::CommitPosition(event.position.0);
    let event = read_resp::ReadEvent { event: Some(recorded), link: None, position: Some(position) };
    ReadResp { content: Some(read_resp::Content::Event(event)) }
}

/// Units of 100 ns since 1970.
fn ticks(date: Timestamp) -> i64 {
    date.timestamp() * 10_000_000 + i64::from(date.timestamp_subsec_nanos() / 100)
}
