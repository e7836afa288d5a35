//! Events as the server has them, and as the port wants them.

use eventstore::ResolvedEvent;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{StreamName, Timestamp};
use serde_json::value::RawValue;

/// Why an event can't be given to the port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The server's own: its stream or type begins with `$`, links among them.
    System,
    /// Body or metadata is no JSON: another program's.
    NotJson(String),
    /// The server does not tell the position.
    NoPosition,
}

/// The event and its place in the log.
pub(crate) struct Raw(eventstore::RecordedEvent);

impl Raw {
    /// `None` for a link whose event is gone, which holds nothing.
    pub(crate) fn of(resolved: ResolvedEvent) -> Option<Self> {
        // Links are never asked to be resolved, so that the event is what stands there.
        resolved.event.or(resolved.link).map(Self)
    }

    /// Its position; `None` where an old server does not tell it.
    pub(crate) fn position(&self) -> Option<Position> {
        told(self.0.position.commit)
    }

    pub(crate) fn revision(&self) -> u64 {
        self.0.revision
    }

    pub(crate) fn id(&self) -> uuid::Uuid {
        self.0.id
    }

    /// As the port has it.
    pub(crate) fn record(self) -> Result<RecordedEvent, Unfit> {
        let position = self.position();
        let raw = self.0;
        let stream = raw.stream_id();
        if stream.starts_with('$') || raw.event_type.starts_with('$') {
            return Err(Unfit::System);
        }
        let position = position.ok_or(Unfit::NoPosition)?;
        let data = json(&raw.data).map_err(|e| Unfit::NotJson(format!("the body is no JSON: {e}")))?;
        // Other programs may write none at all.
        let metadata = if raw.custom_metadata.is_empty() { &b"{}"[..] } else { &raw.custom_metadata };
        let metadata = json(metadata).map_err(|e| Unfit::NotJson(format!("the metadata is no JSON: {e}")))?;
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

/// A commit position, unless it is one of those that stand for "not told".
pub(crate) fn told(commit: u64) -> Option<Position> {
    (commit != 0 && i64::try_from(commit).is_ok()).then_some(Position(commit))
}

fn json(bytes: &[u8]) -> Result<Box<RawValue>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    RawValue::from_string(text.to_owned()).map_err(|e| e.to_string())
}

/// The client rounds to seconds what the server counts in ticks of 100 ns.
fn time_of(ticks: &str) -> Option<Timestamp> {
    let ticks: i64 = ticks.parse().ok()?;
    Timestamp::from_timestamp_micros(ticks / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_that_stand_for_not_told_are_none() {
        for commit in [0, u64::MAX, u64::MAX - 1, 1 << 63] {
            assert_eq!(told(commit), None, "{commit}");
        }
        assert_eq!(told(1), Some(Position(1)));
    }

    #[test]
    fn times_are_exact_to_the_microsecond() {
        assert_eq!(time_of("17000000001234567").map(|t| t.timestamp_micros()), Some(1_700_000_000_123_456));
        assert_eq!(time_of("x"), None);
    }
}
