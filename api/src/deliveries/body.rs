//! What a message says: its booking as it was after the event, whatever has happened since.

use super::fault::Fault;
use super::message::{self, Kind};
use crate::traces;
use lastseat_domain::booking::{self, Booking};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, RecordedEvent};
use lastseat_domain::ports::webhook_endpoint::Message;
use lastseat_domain::{Envelope, codec};

/// Events of a booking that are read at once.
const PAGE: usize = 256;

/// `None`: there is nothing to say about this event.
pub(super) async fn message_about(log: &dyn EventLog, event: &RecordedEvent) -> Result<Option<Message>, Fault> {
    let unreadable = |why: &dyn std::fmt::Display| Fault::Unreadable(format!("{}: {why}", event.position));
    let Some(envelope) = codec::decode(event).map_err(|why| unreadable(&why))? else { return Ok(None) };
    let Some(kind) = Kind::of(&envelope.event) else { return Ok(None) };
    let body = match event.stream.as_show() {
        Some(show) => message::of_show(kind, &show, &envelope).map(Some),
        None => match booking_after(log, &envelope).await? {
            Some(booking) => message::of_booking(kind, &booking, &envelope),
            None => Ok(None),
        },
    };
    let traceparent = traces::of_event(&envelope).and_then(|trace| trace.traceparent());
    let message = |body: String| Message { id: event.id, body: body.into(), traceparent };
    Ok(body.map_err(|why| unreadable(&why))?.map(message))
}

/// The booking as it was after one of its events.
async fn booking_after(log: &dyn EventLog, envelope: &Envelope) -> Result<Option<Booking>, Fault> {
    let mut booking: Option<Booking> = None;
    let mut from = 0;
    while from <= envelope.revision {
        let page = log.read_stream(&envelope.stream, Some(from), Direction::Forwards, PAGE).await?;
        if page.is_empty() {
            break;
        }
        from += page.len() as u64;
        for event in page.iter().filter(|event| event.revision <= envelope.revision) {
            let before = codec::decode(event).map_err(|why| Fault::Unreadable(why.to_string()))?;
            if let Some(before) = before {
                booking = booking::evolve(booking, &before.event, before.metadata.at);
            }
        }
    }
    Ok(booking)
}
