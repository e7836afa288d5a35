//! Converts the server's events into the port's.

use eventstore::ResolvedEvent;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
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

    pub(crate) fn record(self) -> Result<RecordedEvent, Unfit> {
        let position = self.position();
        let raw = self.0;
        let stream = raw.stream_id();
        if stream.starts_with('$') {
            return Err(Unfit::System);
        }
        if raw.event_type == LINK {
            return Err(Unfit::Link);
        }
        let position = position.ok_or(Unfit::NoPosition)?;
        let data = json(&raw.data).map_err(|e| Unfit::NotJson(format!("the body is not JSON: {e}")))?;
        // Other programs may write none.
        let metadata = if raw.custom_metadata.is_empty() { &b"null"[..] } else { &raw.custom_metadata };
        let metadata = json(metadata).map_err(|e| Unfit::NotJson(format!("the metadata is not JSON: {e}")))?;
        let recorded_at = raw.metadata.get("created").and_then(|ticks| time_of(ticks)).unwrap_or(raw.created);
        let stream = StreamName::from_log(stream);
        Ok(RecordedEvent {
            position,
            stream,
            revision: raw.revision,
            id: raw.id,
            event_type: raw.event_type,
            data,
            metadata,
            recorded_at,
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
    fn times_are_exact_to_the_microsecond() {
        assert_eq!(time_of("17000000001234567").map(|t| t.timestamp_micros()), Some(1_700_000_000_123_456));
        assert_eq!(time_of("x"), None);
    }
}
