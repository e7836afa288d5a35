//! The newest events of the log, in memory.

use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, Position, RecordedEvent, Revision};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Approximate memory of an event beyond its texts, in bytes: the half of it is what it was decoded to.
const EVENT_OVERHEAD: usize = 640;

/// The newest events, without a gap, up to a limit. An answer is `None` if it would need older events.
pub(super) struct RecentEvents {
    events: VecDeque<Arc<RecordedEvent>>,
    /// The same events by stream: the newest part of each stream, without a gap.
    streams: HashMap<StreamName, VecDeque<Arc<RecordedEvent>>>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl RecentEvents {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), streams: HashMap::new(), bytes: 0, max_events, max_bytes }
    }

    /// Adds the events that follow the newest. Returns the evicted events, to be dropped outside of locks.
    pub(super) fn push(&mut self, events: Vec<Arc<RecordedEvent>>) -> Vec<Arc<RecordedEvent>> {
        for event in events {
            self.bytes += size(&event);
            self.streams.entry(event.stream.clone()).or_default().push_back(Arc::clone(&event));
            self.events.push_back(event);
        }
        let mut evicted = Vec::new();
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(event) = self.events.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(size(&event));
            if let Some(of_stream) = self.streams.get_mut(&event.stream) {
                of_stream.pop_front();
                if of_stream.is_empty() {
                    self.streams.remove(&event.stream);
                }
            }
            evicted.push(event);
        }
        evicted
    }

    /// Up to `max` events after a position, oldest first.
    pub(super) fn after(&self, position: Position, max: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let first = self.events.front()?.position.0;
        let start = usize::try_from((position.0 + 1).checked_sub(first)?).ok()?;
        Some(self.events.iter().skip(start).take(max).cloned().collect())
    }

    /// Up to `max` events before a position, newest first, at least one.
    pub(super) fn before(&self, position: Position, max: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let first = self.events.front()?.position.0;
        let end = usize::try_from(position.0.checked_sub(first)?).ok()?.min(self.events.len());
        if end == 0 {
            return None;
        }
        Some(self.events.iter().take(end).rev().take(max).cloned().collect())
    }

    /// Reads a stream as the log's `read_stream` does.
    pub(super) fn stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Option<Vec<Arc<RecordedEvent>>> {
        let events = self.streams.get(stream)?;
        let first = events.front()?.revision;
        match direction {
            Direction::Forwards => {
                let start = usize::try_from(from.unwrap_or(0).checked_sub(first)?).ok()?;
                Some(events.iter().skip(start).take(limit).cloned().collect())
            }
            Direction::Backwards => {
                let from = from.unwrap_or(Revision::MAX).min(events.back()?.revision);
                let end = usize::try_from(from.checked_sub(first)?).ok()? + 1;
                if end < limit && first > 0 {
                    return None;
                }
                Some(events.iter().take(end).rev().take(limit).cloned().collect())
            }
        }
    }
}

fn size(event: &RecordedEvent) -> usize {
    event.data.get().len() + event.metadata.get().len() + event.event_type.len() + event.stream.as_str().len() + EVENT_OVERHEAD
}
