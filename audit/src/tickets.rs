//! Tickets: they follow from bookings, so the log has only what was done with them.

use super::code::Code;
use super::report::Place;
use super::state::Audit;
use lastseat_domain::event::{Event, TicketReissued};
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::{BookingId, Envelope, SeatId};
use uuid::Uuid;

/// The audit's own making of a ticket's id.
fn id_of(booking: BookingId, seat: &SeatId) -> Uuid {
    Uuid::new_v5(&NAMESPACE, ["ticket", &booking.to_string(), seat.as_str()].join("|").as_bytes())
}

impl Audit {
    pub(super) fn take_ticket(&mut self, envelope: &Envelope) {
        let Event::TicketReissued(e) = &envelope.event else { return };
        let place = Place::of(envelope);
        let own = envelope.stream.as_ticket() == Some(e.ticket) && e.ticket.0 == id_of(e.booking, &e.seat);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about ticket {}", e.ticket));
        // A reissue that was decided a moment before a refund or an exchange may come after it.
        let sold = self.was_sold(e);
        self.findings.check(Code::TicketWithoutSeat, sold, &place, || {
            format!("booking {} was not paid, or never had seat {}", e.booking, e.seat)
        });
        let last = self.tickets.insert(e.ticket, e.issue).unwrap_or_default();
        self.findings.check(Code::TicketIssue, last.checked_add(1) == Some(e.issue), &place, || {
            format!("issue {} follows issue {last}", e.issue)
        });
    }

    /// Whether the booking was paid and had the seat, then or before.
    fn was_sold(&self, e: &TicketReissued) -> bool {
        let book = self.bookings.get(&e.booking).filter(|book| book.was_paid());
        let Some(opened) = book.and_then(|book| book.opened.as_ref()) else { return false };
        let seat = self.shows.get(&opened.show).and_then(|show| show.latest().plan.index_of(&e.seat));
        seat.is_some_and(|seat| opened.seats.contains(&seat) || opened.left.contains(&seat))
    }
}
