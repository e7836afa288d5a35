//! Checks that every adapter of the event log makes before it serves a request.

use super::{LogFault, NewEvent, Position, StreamWrite};
use std::collections::HashSet;

/// Largest body of an event, in bytes. EventStoreDB's own default limit of an append is the same.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Largest event, in bytes of body, metadata, type and stream name together.
pub const MAX_EVENT_BYTES: usize = 2 * MAX_BODY_BYTES;

/// Largest append, in bytes of all its events.
pub const MAX_APPEND_BYTES: usize = 16 * 1024 * 1024;

/// Approximate size of an event apart from its texts: id, revision, timestamps.
const EVENT_OVERHEAD: usize = 128;

/// Checks an append and returns its size in bytes.
///
/// # Errors
/// [`LogFault::Refused`] with the reason; such a request would fail whenever it is sent.
pub fn check(writes: &[StreamWrite]) -> Result<usize, LogFault> {
    let mut streams = HashSet::with_capacity(writes.len());
    let mut total = 0;
    for write in writes {
        if write.stream.as_str().is_empty() {
            return refuse("a stream needs a name".to_owned());
        }
        if write.events.is_empty() {
            return refuse(format!("the write to {} has no events", write.stream));
        }
        if !streams.insert(&write.stream) {
            return refuse(format!("{} occurs twice in one append; put its events into one write", write.stream));
        }
        for event in &write.events {
            if event.event_type.is_empty() {
                return refuse(format!("event {} for {} has no type", event.id, write.stream));
            }
            let body = event.data.get().len();
            if body > MAX_BODY_BYTES {
                return refuse(format!(
                    "the body of event {} for {} has {body} bytes, more than the {MAX_BODY_BYTES} allowed",
                    event.id, write.stream
                ));
            }
            let bytes = event_bytes(event) + write.stream.as_str().len();
            if bytes > MAX_EVENT_BYTES {
                return refuse(format!(
                    "event {} for {} has {bytes} bytes, more than the {MAX_EVENT_BYTES} allowed",
                    event.id, write.stream
                ));
            }
            total += bytes + EVENT_OVERHEAD;
        }
    }
    if total > MAX_APPEND_BYTES {
        return refuse(format!("the append has {total} bytes, more than the {MAX_APPEND_BYTES} allowed"));
    }
    Ok(total)
}

/// Checks where a subscription starts.
///
/// # Errors
/// [`LogFault::Refused`] for a position after the end of the log: the checkpoint belongs to another log,
/// or this log was restored from an older copy. Waiting for the log to grow up to it would silently skip
/// the events in between.
pub fn check_start(from: Position, head: Position) -> Result<(), LogFault> {
    if from > head {
        return refuse(format!(
            "position {from} is ahead of the log, which ends at {head}; the checkpoint belongs to another log or a newer copy of this one"
        ));
    }
    Ok(())
}

fn event_bytes(event: &NewEvent) -> usize {
    event.event_type.len() + event.data.get().len() + event.metadata.get().len()
}

fn refuse<T>(why: String) -> Result<T, LogFault> {
    Err(LogFault::Refused(why))
}
