//! A show's seats as they were at a position of the log: for auditors, from the log alone and not from a view.
//!
//! The log is read from its beginning up to that position, with the seat map's own fold. So it takes as long as that part of the
//! log is long, whatever comes after it.

use crate::map_bodies::{MapBody, MapForm, ShowSnapshot};
use crate::show_seats::SeatStates;
use lastseat_domain::ports::event_log::{Direction, Filter, Position, RecordedEvent};
use lastseat_domain::ports::{EventLog, LogFault};
use lastseat_domain::{ShowId, StreamName, codec};
use std::sync::Arc;

/// Events read at a time: few enough that the log does not keep the page for others.
const PAGE: usize = 500;

/// Events of bookings that change the seat map: who holds which seats, and whether they are being paid for.
const OF_BOOKINGS: [&str; 5] = ["BookingOpened", "PaymentStarted", "PaymentDeclined", "BookingCommitted", "BookingAborted"];

/// The seats of a show after the event at `at`, and the position of the last event until then that changed one of them.
/// `None` if there was no such show then. Events that can't be read are passed over, as the seat map does.
///
/// # Errors
/// [`LogFault`].
pub async fn seats_at(log: &dyn EventLog, show: &ShowId, at: Position, form: MapForm) -> Result<Option<MapBody>, LogFault> {
    let mut past =
        Past { show: show.clone(), own: StreamName::show(show), seats: format!("seat-{show}."), states: SeatStates::default() };
    let mut from = Position::START;
    while from < at {
        let page = log.read_all(Some(from), Direction::Forwards, PAGE, &Filter::all()).await?;
        let Some(last) = page.last().map(|event| event.position) else { break };
        from = last;
        past = blocking(move || {
            page.iter().take_while(|event| event.position <= at).for_each(|event| past.fold(event));
            past
        })
        .await?;
    }
    blocking(move || past.write(form)).await
}

struct Past {
    show: ShowId,
    /// The show's own stream, and what those of its seats begin with.
    own: StreamName,
    seats: String,
    /// Of this show alone: others are never scheduled here, so their bookings change nothing.
    states: SeatStates,
}

impl Past {
    fn fold(&mut self, event: &Arc<RecordedEvent>) {
        let concerns = match event.stream.category() {
            "booking" => OF_BOOKINGS.contains(&event.event_type.as_str()),
            "plan" => true,
            _ => event.stream == self.own || event.stream.as_str().starts_with(&self.seats),
        };
        if let Some(envelope) = concerns.then(|| codec::decode(event).ok().flatten()).flatten() {
            self.states.apply(&envelope, |_, _| {});
        }
    }

    fn write(&self, form: MapForm) -> Option<MapBody> {
        let (position, bytes) = ShowSnapshot::of(self.states.shows.get(&self.show)?).write(form)?;
        Some(MapBody { position, bytes: bytes.into() })
    }
}

/// On a thread of its own, so that no request waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogFault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LogFault::Unavailable(error.to_string()))
}
