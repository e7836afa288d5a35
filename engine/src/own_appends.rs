//! Which events of bookings this node has appended itself, until its log follower reads them.
//!
//! Only a hint: the node that took the last step of a booking takes the next one, and the others step in later
//! ([0070](../../docs/decisions/0070-one-node-does-it.md)). What is forgotten here costs that delay.

use crate::error::Fault;
use hashlink::LruCache;
use lastseat_domain::ports::event_log::{NewEvent, StreamWrite, WriteOutcome};
use parking_lot::Mutex;
use uuid::Uuid;

/// Events that are remembered. A follower that is further back takes the rest for another node's.
const REMEMBERED: usize = 65_536;

pub(crate) struct OwnAppends(Mutex<LruCache<Uuid, ()>>);

/// The events in one append that this node takes the next step after, each with the index of its write: those of
/// bookings, releases of seats, which may return to a block that is over, and requests to refund a show.
pub(crate) struct BookingEvents(Vec<(usize, Uuid)>);

impl BookingEvents {
    pub(crate) fn of(writes: &[StreamWrite]) -> Self {
        let events = writes.iter().enumerate().flat_map(|(index, write)| write.events.iter().map(move |e| (index, write, e)));
        let leads_on = |write: &StreamWrite, event: &NewEvent| match write.stream.category() {
            "booking" => true,
            "seat" => event.event_type == "SeatReleased",
            "show" => event.event_type == "ShowRefundsRequested",
            _ => false,
        };
        Self(events.filter(|(_, write, event)| leads_on(write, event)).map(|(index, _, event)| (index, event.id)).collect())
    }
}

impl Default for OwnAppends {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new_unbounded()))
    }
}

impl OwnAppends {
    /// To be called before the append: the follower may read the events before the append is answered.
    pub(crate) fn announce(&self, events: &BookingEvents) {
        let mut own = self.0.lock();
        for (_, id) in &events.0 {
            own.insert(*id, ());
        }
        while own.len() > REMEMBERED {
            own.remove_lru();
        }
    }

    /// Forgets what was surely not written. `outcome`: of the append.
    pub(crate) fn forget_unwritten(&self, announced: &BookingEvents, outcome: &Result<Vec<WriteOutcome>, Fault>) {
        let outcomes = match outcome {
            Ok(outcomes) => outcomes.as_slice(),
            Err(Fault::OutcomeUnknown(_)) => return,
            Err(_) => &[],
        };
        let unwritten = |index: usize| !outcomes.get(index).is_some_and(|outcome| outcome.is_written());
        let mut own = self.0.lock();
        for (_, id) in announced.0.iter().filter(|(index, _)| unwritten(*index)) {
            own.remove(id);
        }
    }

    /// Whether this node has appended the event, which its follower reads now.
    pub(crate) fn take(&self, event: Uuid) -> bool {
        self.0.lock().remove(&event).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::ports::event_log::{Expected, Position};
    use lastseat_domain::{BookingId, SeatId, ShowId, StreamName};
    use serde_json::value::RawValue;

    fn write(stream: StreamName, n: u128) -> StreamWrite {
        let empty = || RawValue::from_string("{}".to_owned()).expect("JSON");
        let event = NewEvent { id: Uuid::from_u128(n), event_type: "BookingOpened".to_owned(), data: empty(), metadata: empty() };
        StreamWrite { stream, expected: Expected::NoStream, events: vec![event] }
    }

    fn of_booking(n: u128) -> StreamWrite {
        write(StreamName::booking(BookingId(Uuid::from_u128(n))), n)
    }

    #[test]
    fn events_of_bookings_are_known_once_and_only_if_they_may_have_been_written() {
        let own = OwnAppends::default();
        let seat = StreamName::seat(&ShowId::new("gala").expect("an id"), &SeatId::new("A-1").expect("an id"));
        let announced = BookingEvents::of(&[write(seat, 1), of_booking(2), of_booking(3)]);
        own.announce(&announced);
        let written = WriteOutcome::Written { last_revision: 0, position: Position(1) };
        let conflict = WriteOutcome::Conflict { actual: Some(4) };
        own.forget_unwritten(&announced, &Ok(vec![written, written, conflict]));
        let taken = |n| own.take(Uuid::from_u128(n));
        assert_eq!([1, 2, 3, 2].map(taken), [false, true, false, false]);
        let announced = BookingEvents::of(&[of_booking(5)]);
        own.announce(&announced);
        own.forget_unwritten(&announced, &Err(Fault::OutcomeUnknown("no answer".to_owned())));
        own.announce(&BookingEvents::of(&[of_booking(6)]));
        own.forget_unwritten(&BookingEvents::of(&[of_booking(6)]), &Err(Fault::Unavailable("down".to_owned())));
        assert_eq!([5, 6].map(taken), [true, false]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let own = OwnAppends::default();
        let many = REMEMBERED as u128 + 10;
        for n in 0..many {
            own.announce(&BookingEvents::of(&[of_booking(n)]));
        }
        assert_eq!(own.0.lock().len(), REMEMBERED);
        assert!(!own.take(Uuid::from_u128(9)) && own.take(Uuid::from_u128(10)) && own.take(Uuid::from_u128(many - 1)));
    }
}
