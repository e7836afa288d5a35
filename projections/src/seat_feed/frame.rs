//! The bytes of server-sent events.

use crate::show_seats::{ShowSeats, rfc3339};
use bytes::Bytes;
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::{Position, Revision};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{Envelope, Event, ShowId, Timestamp};
use std::fmt::Write as _;

/// First bytes of every connection: come back a second after a cut.
pub(super) fn hello(show: &ShowId, from: Position) -> String {
    format!("retry: 1000\n: seats of {show} after position {from}\n\n")
}

/// A comment, so that proxies and clients know that the connection lives.
pub(super) const HEARTBEAT: &[u8] = b": still here\n\n";

/// The event name for a seat that has become `state` by `event`.
fn name_of(state: SeatState, event: &Event) -> &'static str {
    match (state, event) {
        (SeatState::Locked, _) => "seat_locked",
        (SeatState::InProcess, _) => "seat_processing",
        (SeatState::Booked, _) => "seat_booked",
        (SeatState::Available, Event::SeatUnblocked(_)) => "seat_unblocked",
        (SeatState::Available, _) => "seat_released",
        // Also for one that returns to its block.
        (SeatState::Unavailable, _) => "seat_blocked",
    }
}

/// The changes that one event of the log made to the labelled seats among `seats`; `None` if none is
/// labelled.
pub(super) fn seats(plan: &Plan, seats: &[u32], state: SeatState, envelope: &Envelope) -> Option<Bytes> {
    let (position, name) = (envelope.position, name_of(state, &envelope.event));
    let is_labelled = |index: &&u32| plan.seat(**index).is_some_and(|seat| seat.segment.is_some());
    // Only the last of the group carries the id: see the module's documentation.
    let last = seats.iter().rfind(is_labelled)?;
    let at = rfc3339(envelope.metadata.at);
    let mut text = String::with_capacity(seats.len() * 128 + 32);
    for index in seats.iter().filter(is_labelled) {
        let Some(seat) = plan.id_of(*index) else { continue };
        if index == last {
            let _ = writeln!(text, "id: {position}");
        }
        // A seat's id needs no escaping: its alphabet has no quotes, backslashes or line ends.
        let _ = write!(
            text,
            "event: {name}\ndata: {{\"seat\":\"{seat}\",\"state\":\"{}\",\"position\":{position},\"at\":\"{at}\"}}\n\n",
            state.name(),
        );
    }
    Some(Bytes::from(text))
}

/// The show was changed: what a reader knows of its plan and prices may be out of date.
pub(super) fn revised(revision: Revision, position: Position, at: Timestamp) -> Bytes {
    let at = rfc3339(at);
    let data = format!("{{\"revision\":{revision},\"position\":{position},\"at\":\"{at}\"}}");
    Bytes::from(format!("id: {position}\nevent: show_revised\ndata: {data}\n\n"))
}

/// The availability at `position` of unlabelled areas, given by index. With an id, everything up to
/// there must come before them in the stream.
pub(super) fn areas(
    show_seats: &ShowSeats,
    areas: impl IntoIterator<Item = u32>,
    position: Position,
    id: Option<Position>,
) -> Bytes {
    let mut text = String::new();
    for index in areas {
        let area = show_seats.plan.areas.get(index as usize).filter(|area| !area.labelled);
        let (Some(area), Some(counts)) = (area, show_seats.counts.get(index as usize)) else { continue };
        let available = counts.available;
        if let Some(id) = id {
            let _ = writeln!(text, "id: {id}");
        }
        let _ = write!(
            text,
            "event: area_availability\ndata: {{\"area\":\"{}\",\"available\":{available},\"position\":{position}}}\n\n",
            area.area,
        );
    }
    Bytes::from(text)
}
