//! A log and its snapshot, as this version wrote them first.

use super::*;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Decoded, Position};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::path::PathBuf;

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn raw(text: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).unwrap()
}

pub fn line(envelope: &RecordedEvent) -> String {
    let data: Value = serde_json::from_str(envelope.data.get()).unwrap();
    let metadata: Value = serde_json::from_str(envelope.metadata.get()).unwrap();
    let RecordedEvent { position, stream, revision, id, event_type, .. } = envelope;
    json!([position, stream, revision, id, event_type, data, metadata]).to_string()
}

pub fn event(line: &str) -> Arc<RecordedEvent> {
    let [position, stream, revision, id, event_type, data, metadata]: [Value; 7] = serde_json::from_str(line).unwrap();
    Arc::new(RecordedEvent {
        position: Position(position.as_u64().unwrap()),
        stream: StreamName::from_log(stream.as_str().unwrap()),
        revision: revision.as_u64().unwrap(),
        id: id.as_str().unwrap().parse().unwrap(),
        event_type: event_type.as_str().unwrap().to_owned(),
        data: raw(&data),
        metadata: raw(&metadata),
        recorded_at: epoch(),
        decoded: Decoded::default(),
    })
}
