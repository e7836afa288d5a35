//! Tickets: they follow from bookings, so the log has only what was done with them.

use super::code::Code;
use super::facts::{Book, Decision, Exchange, GRACE, Opened, ScanFact, ShowFacts, TicketFact};
use super::report::Place;
use super::state::Audit;
use lastseat_domain::event::{Event, TicketAdmitted, TicketLeft, TicketReissued, TicketScannedOffline};
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::{BookingId, Envelope, SeatId, ShowId, TicketId, Timestamp};
use std::collections::HashMap;
use uuid::Uuid;

/// The audit's own making of a ticket's id.
fn id_of(booking: BookingId, seat: &SeatId) -> Uuid {
    Uuid::new_v5(&NAMESPACE, ["ticket", &booking.to_string(), seat.as_str()].join("|").as_bytes())
}

/// The seat of an exchange that is decided with whose ticket somebody is inside, for so long that the decision must have known.
pub(super) fn left_inside(
    tickets: &HashMap<TicketId, TicketFact>,
    show: Option<&ShowFacts>,
    booking: BookingId,
    exchange: Option<&Exchange>,
    at: Timestamp,
) -> Option<SeatId> {
    let (show, exchange) = (show?, exchange?);
    let seats = exchange.leaves.iter().filter_map(|seat| show.latest().plan.id_of(*seat));
    let inside = |seat: &SeatId| tickets.get(&TicketId(id_of(booking, seat))).filter(|fact| fact.is_inside());
    let known = |fact: &TicketFact| fact.known_since().is_some_and(|since| at - since > GRACE);
    seats.into_iter().find(|seat| inside(seat).is_some_and(known))
}

impl Audit {
    pub(super) fn take_ticket(&mut self, envelope: &Envelope) {
        let (ticket, booking, seat, show) = match &envelope.event {
            Event::TicketReissued(TicketReissued { ticket, booking, seat, .. }) => (*ticket, *booking, seat, None),
            Event::TicketAdmitted(TicketAdmitted { ticket, show, booking, seat, .. })
            | Event::TicketLeft(TicketLeft { ticket, show, booking, seat, .. })
            | Event::TicketScannedOffline(TicketScannedOffline { ticket, show, booking, seat, .. }) => {
                (*ticket, *booking, seat, Some(show))
            }
            _ => return,
        };
        let place = Place::of(envelope);
        let own = envelope.stream.as_ticket() == Some(ticket) && ticket.0 == id_of(booking, seat);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about ticket {ticket}"));
        // What was decided a moment before a refund or an exchange may come after it.
        let sold = self.was_sold(booking, seat, show);
        self.findings
            .check(Code::TicketWithoutSeat, sold, &place, || format!("booking {booking} was not paid, or never had seat {seat}"));
        match &envelope.event {
            Event::TicketReissued(e) => self.reissue(e, envelope.metadata.at, &place),
            Event::TicketAdmitted(e) => self.admit(e, envelope.metadata.at, sold, &place),
            Event::TicketLeft(e) => self.let_out(e, envelope.metadata.at, &place),
            Event::TicketScannedOffline(e) => self.scan_offline(e, envelope.metadata.at, sold, &place),
            _ => {}
        }
    }

    fn reissue(&mut self, e: &TicketReissued, at: Timestamp, place: &Place) {
        let fact = self.tickets.entry(e.ticket).or_default();
        let last = std::mem::replace(&mut fact.issue, e.issue);
        fact.reissued.push((e.issue, at));
        self.findings.check(Code::TicketIssue, last.checked_add(1) == Some(e.issue), place, || {
            format!("issue {} follows issue {last}", e.issue)
        });
    }

    fn admit(&mut self, e: &TicketAdmitted, at: Timestamp, sold: bool, place: &Place) {
        let fact = self.tickets.entry(e.ticket).or_default();
        let (twice, last) = (fact.is_inside(), fact.issue);
        let scan = ScanFact { is_entry: true, is_offline: false, at, recorded_at: at, device: e.device.clone(), scan: e.scan };
        let again = fact.record(scan);
        self.findings.check(Code::ScanTwice, !again, place, || format!("scan {} is there already", e.scan));
        self.findings.check(Code::AdmittedTwice, !twice, place, || "somebody is inside with it already".to_owned());
        self.findings.check(Code::AdmittedVoid, e.issue == last, place, || {
            format!("it admits with issue {}, and the last is {last}", e.issue)
        });
        let Some(book) = self.bookings.get(&e.booking).filter(|_| sold) else { return };
        let shows = book.opened.as_ref().and_then(|opened| self.shows.get(&opened.show));
        let why = why_void(book, shows, e, at);
        self.findings.check(Code::AdmittedVoid, why.is_none(), place, || why.unwrap_or_default().to_owned());
    }

    fn let_out(&mut self, e: &TicketLeft, at: Timestamp, place: &Place) {
        let fact = self.tickets.entry(e.ticket).or_default();
        let inside = fact.is_inside();
        let scan = ScanFact { is_entry: false, is_offline: false, at, recorded_at: at, device: e.device.clone(), scan: e.scan };
        let again = fact.record(scan);
        self.findings.check(Code::ScanTwice, !again, place, || format!("scan {} is there already", e.scan));
        self.findings.check(Code::LeftOutside, inside, place, || "nobody was inside with it".to_owned());
    }

    /// Whether the booking was paid and had the seat, of this show if one is named, then or before.
    fn was_sold(&self, booking: BookingId, seat: &SeatId, show: Option<&ShowId>) -> bool {
        let book = self.bookings.get(&booking).filter(|book| book.was_paid());
        let opened = book.and_then(|book| book.opened.as_ref()).filter(|opened| show.is_none_or(|show| *show == opened.show));
        let Some(opened) = opened else { return false };
        let seat = self.shows.get(&opened.show).and_then(|show| show.latest().plan.index_of(seat));
        seat.is_some_and(|seat| opened.ever_had(seat))
    }
}

/// Why the booking does not have this ticket, if it did not have it at the time of the scan. What ended it less than
/// [`GRACE`] before may have been unknown at the gate.
fn why_void(book: &Book, show: Option<&ShowFacts>, e: &TicketAdmitted, at: Timestamp) -> Option<&'static str> {
    let long_ago = |since: Option<Timestamp>| since.is_none_or(|since| at - since > GRACE);
    if (book.decision != Decision::Committed || book.refund_requested) && long_ago(book.refund_at.or(book.over_at)) {
        return Some("its booking is over, or its refund was requested");
    }
    if e.transfers as usize != book.transfers.len() && long_ago(book.transfers.last().copied()) {
        return Some("its booking was transferred after its code was made");
    }
    let seat = show.and_then(|show| show.latest().plan.index_of(&e.seat))?;
    let has = |opened: &Opened| opened.seats.contains(&seat) && opened.brought_by(seat) == e.exchange;
    if !book.opened.as_deref().is_some_and(has) && long_ago(book.moved_at) {
        return Some("its booking has given the seat up, if only for a while");
    }
    book.gave_up_at(seat).filter(|since| long_ago(Some(*since))).map(|_| "its booking has given the seat back for a refund")
}
