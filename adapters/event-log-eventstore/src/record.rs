//! Converts the server's events into the port's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::ResolvedEvent;
use lastseat_domain::ports::event_log::{Decoded, Position, RecordedEvent};
use lastseat_domain::{StreamName, Timestamp};
use serde_json::value::RawValue;

/// The type of link events.
const LINK: &str = "$>";

/// Why an event can't be represented in the port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// In a system stream, whose name begins with `$`.
    System,
    /// A link to another event.
    Link,
    /// Another program's: body or metadata is not JSON.
    NotJson(String),
    /// An old server, which doesn't send positions.
    NoPosition,
}

pub(crate) struct RawEvent(eventstore::RecordedEvent);

impl RawEvent {
    /// `None` for a connection whose event is gone, which holds nothing.
    pub(crate) fn of(resolved: ResolvedEvent) -> Option<Self> {
        // Links are never resolved here, so the event is the one in the stream that was read.
        resolved.event.or(resolved.link).map(Self)
    }

    /// `None` if an old server doesn't send it.
    pub(crate) fn position(&self) -> Option<Position> {
        valid_position(self.0.position.commit)
    }

    pub(crate) fn revision(&self) -> u64 {
        self.0.revision
    }

    pub(crate) fn id(&self) -> uuid::Uuid {
        self.0.id
    }

    /// An event of the whole log.
    pub(crate) fn record(self) -> Result<RecordedEvent, Unfit> {
        if self.0.stream_id().starts_with('$') {
            return Err(Unfit::System);
        }
        if self.0.event_type == LINK {
            return Err(Unfit::Link);
        }
        let data = json(&self.0.data).map_err(|e| Unfit::NotJson(format!("the body is not JSON: {e}")))?;
        let metadata = json(self.metadata()).map_err(|e| Unfit::NotJson(format!("the metadata is not JSON: {e}")))?;
        self.with(data, metadata)
    }

    /// An event of a stream that is read by name. None may be left out there, for the next append names
    /// the last one's revision. What is not JSON becomes a JSON string, which no event of ours is.
    pub(crate) fn record_in_stream(self) -> Result<RecordedEvent, Unfit> {
        let (data, metadata) = (json_or_text(&self.0.data), json_or_text(self.metadata()));
        self.with(data.map_err(Unfit::NotJson)?, metadata.map_err(Unfit::NotJson)?)
    }

    /// Other programs may write none.
    fn metadata(&self) -> &[u8] {
        if self.0.custom_metadata.is_empty() { b"null" } else { &self.0.custom_metadata }
    }

    fn with(self, data: Box<RawValue>, metadata: Box<RawValue>) -> Result<RecordedEvent, Unfit> {
        let position = self.position().ok_or(Unfit::NoPosition)?;
        let raw = self.0;
        let recorded_at = raw.metadata.get("created").and_then(|ticks| time_of(ticks)).unwrap_or(raw.created);
        Ok(RecordedEvent {
            position,
            stream: StreamName::from_log(raw.stream_id()),
            revision: raw.revision,
            id: raw.id,
            event_type: raw.event_type,
            data,
            metadata,
            recorded_at,
            decoded: Decoded::default(),
        })
    }
}

/// A commit position, unless it is one of the values that mean "unknown".
pub(crate) fn valid_position(commit: u64) -> Option<Position> {
    (commit != 0 && i64::try_from(commit).is_ok()).then_some(Position(commit))
}

fn json(bytes: &[u8]) -> Result<Box<RawValue>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    RawValue::from_string(text.to_owned()).map_err(|e| e.to_string())
}

/// The bytes as they are, if they are JSON; otherwise in Base64, as a string.
fn json_or_text(bytes: &[u8]) -> Result<Box<RawValue>, String> {
    json(bytes).or_else(|_| {
        let text = format!("base64:{}", STANDARD.encode(bytes));
        serde_json::value::to_raw_value(&text).map_err(|e| e.to_string())
    })
}

/// From the server's ticks of 100 ns; the client's own value is rounded to seconds.
fn time_of(ticks: &str) -> Option<Timestamp> {
    let ticks: i64 = ticks.parse().ok()?;
    Timestamp::from_timestamp_micros(ticks / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_that_mean_unknown_are_none() {
        for commit in [0, u64::MAX, u64::MAX - 1, 1 << 63] {
            assert_eq!(valid_position(commit), None, "{commit}");
        }
        assert_eq!(valid_position(1), Some(Position(1)));
    }

    #[test]
    fn what_is_not_json_becomes_a_string() {
        assert_eq!(json_or_text(br#"{"a": 1}"#).unwrap().get(), r#"{"a": 1}"#);
        assert_eq!(json_or_text(b"7@seat-demo.A-1").unwrap().get(), r#""base64:N0BzZWF0LWRlbW8uQS0x""#);
        assert_eq!(json_or_text(&[0, 159, 146, 150]).unwrap().get(), r#""base64:AJ+Slg==""#);
        assert_eq!(json_or_text(b"").unwrap().get(), r#""base64:""#);
    }

    #[test]
    fn an_event_of_ours_that_is_not_json_is_unreadable_and_a_foreign_one_is_passed_over() {
        use lastseat_domain::{Metadata, codec};
        let paused = |event_type: &str, data: &[u8], metadata: &[u8]| RecordedEvent {
            position: Position(1),
            stream: StreamName::from_log("show-demo"),
            revision: 0,
            id: uuid::Uuid::nil(),
            event_type: event_type.to_owned(),
            data: json_or_text(data).unwrap(),
            metadata: json_or_text(metadata).unwrap(),
            recorded_at: Timestamp::UNIX_EPOCH,
            decoded: Decoded::default(),
        };
        let metadata = serde_json::to_vec(&Metadata::new("admin", Timestamp::UNIX_EPOCH)).unwrap();
        let read = |event| codec::decode(&event);
        assert!(read(paused("SalesPaused", br#"{"show":"demo"}"#, &metadata)).unwrap().is_some());
        assert!(read(paused("SalesPaused", b"\x01", &metadata)).is_err());
        assert!(read(paused("SalesPaused", br#"{"show":"demo"}"#, b"\x01")).is_err());
        assert!(read(paused("Thumbnail", b"\x89PNG", b"\x01")).unwrap().is_none());
    }

    #[test]
    fn times_are_exact_to_the_microsecond() {
        assert_eq!(time_of("17000000001234567").map(|t| t.timestamp_micros()), Some(1_700_000_000_123_456));
        assert_eq!(time_of("x"), None);
    }
}
