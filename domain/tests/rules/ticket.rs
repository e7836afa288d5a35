//! The rules of tickets.

use crate::support;

use lastseat_domain::booking::{Booking, evolve};
use lastseat_domain::event::*;
use lastseat_domain::ticket::{MAX_REISSUES, ScanId, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::{DeviceId, Event, GateId, Rejection, SeatId, TicketId, VoidTicket};
use lastseat_testkit::given::given;
use support::*;
use uuid::Uuid;

fn after(events: impl IntoIterator<Item = Event>) -> Booking {
    events.into_iter().fold(None, |state, event| evolve(state, &event, minute(1))).unwrap()
}

fn sold() -> Vec<Event> {
    history("confirmed")
}

fn with(events: &[Event]) -> Vec<TicketFacts> {
    after(sold().into_iter().chain(events.iter().cloned())).tickets().unwrap()
}

fn exchanged(exchange: u32, leaves: SeatId, takes: SeatId) -> [Event; 2] {
    let (leaves, takes, by) = (vec![leaves], vec![PricedSeat::new(takes, 1_000)], "staff".to_owned());
    let requested = ExchangeRequested { booking: booking(1), exchange, show_revision: 0, leaves, takes, by };
    [requested.into(), BookingExchanged { booking: booking(1), exchange }.into()]
}

fn transferred(to: u8) -> Event {
    BookingTransferred { booking: booking(1), buyer: buyer(to), by: "staff".into() }.into()
}

fn of<'a>(tickets: &'a [TicketFacts], seat: &SeatId) -> &'a TicketFacts {
    tickets.iter().find(|ticket| ticket.seat == *seat).unwrap()
}

#[test]
fn a_confirmed_booking_has_a_ticket_for_each_seat_and_no_other_booking_has_any() {
    let seats: Vec<SeatId> = after(sold()).seats().iter().map(|priced| priced.seat.clone()).collect();
    let tickets = with(&[]);
    assert_eq!(tickets.iter().map(|ticket| ticket.seat.clone()).collect::<Vec<_>>(), seats);
    for ticket in &tickets {
        assert_eq!((ticket.booking, &ticket.show), (booking(1), &show()));
        assert_eq!((ticket.issue, ticket.transfers, ticket.exchange), (0, 0, 0));
        assert_eq!(ticket.ticket(), TicketId::of(booking(1), &ticket.seat));
    }
    assert_ne!(tickets[0].ticket(), TicketId::of(booking(2), &tickets[0].seat));
    for phase in ["held", "paying", "committed", "aborted", "refunded"] {
        assert_eq!(after(history(phase)).tickets(), Err(Rejection::NoTickets), "{phase}");
    }
    let refund = after(sold().into_iter().chain([refund_requested()]));
    assert_eq!(refund.tickets(), Err(Rejection::NoTickets), "it is being refunded");
    let none = after(sold()).ticket(&seat(99));
    assert_eq!(none, Err(Rejection::TicketNotFound { seat: seat(99) }));
}

#[test]
fn a_transfer_makes_all_tickets_others_also_when_the_booking_comes_back() {
    let first = with(&[]);
    let away = with(&[transferred(2)]);
    let back = with(&[transferred(2), transferred(1)]);
    for (seat, ticket) in first.iter().map(|ticket| (&ticket.seat, ticket)) {
        assert_ne!(of(&away, seat), ticket);
        assert_ne!(of(&back, seat), ticket);
        assert_ne!(of(&back, seat), of(&away, seat));
        assert_eq!(of(&back, seat).ticket(), ticket.ticket());
    }
}

#[test]
fn a_seat_that_leaves_a_booking_and_comes_back_has_another_ticket() {
    let first = with(&[]);
    let (gone, stays) = (&first[0].seat, &first[1].seat);
    let away = exchanged(1, gone.clone(), seat(50));
    let moved = with(&away);
    assert!(moved.iter().all(|ticket| ticket.seat != *gone));
    assert_eq!(of(&moved, stays), of(&first, stays), "the ticket of a seat that stays is as it was");
    assert_eq!(of(&moved, &seat(50)).exchange, 1);
    let abandoned: Event = ExchangeAbandoned { booking: booking(1), exchange: 1 }.into();
    assert_eq!(with(&[away[0].clone(), abandoned]), first);
    let back = with(&[&away[..], &exchanged(2, seat(50), gone.clone())].concat());
    assert_ne!(of(&back, gone), of(&first, gone));
    assert_eq!(of(&back, stays), of(&first, stays));
}

#[test]
fn a_seat_that_is_being_given_back_has_no_ticket() {
    let first = with(&[]);
    let gone = first[0].seat.clone();
    let request: Event =
        PartialRefundRequested { booking: booking(1), refund: 1, seats: vec![gone.clone()], amount: eur(1), by: "staff".into() }
            .into();
    assert!(with(std::slice::from_ref(&request)).iter().all(|ticket| ticket.seat != gone));
    let abandoned: Event = PaymentReviewed {
        booking: booking(1),
        outcome: ReviewOutcome::Abandoned,
        reason: "The card is closed.".into(),
        by: "staff".into(),
    }
    .into();
    assert_eq!(with(&[request.clone(), abandoned]), first, "it has kept the seat");
    let made: Event = PaymentPartlyRefunded { booking: booking(1), refund: 1, intent: intent(1), amount: eur(1) }.into();
    assert!(with(&[request, made]).iter().all(|ticket| ticket.seat != gone));
}

fn reissue(voids: u32) -> TicketCommand {
    TicketCommand::Reissue { booking: booking(1), seat: seat(1), voids, by: "buyer-1".into() }
}

fn reissued(issue: u32) -> Event {
    let ticket = TicketId::of(booking(1), &seat(1));
    TicketReissued { ticket, booking: booking(1), seat: seat(1), issue, by: "buyer-1".into() }.into()
}

#[test]
fn a_reissue_voids_one_issue_once() {
    given([]).when(reissue(0)).then_events([reissued(1)]);
    given([reissued(1)]).when(reissue(1)).then_events([reissued(2)]);
    // Somebody else has voided it a moment before.
    given([reissued(1), reissued(2)]).when(reissue(1)).then_nothing();
    let state = [reissued(1), reissued(2)]
        .iter()
        .fold(Ticket::default(), |state, event| <Ticket as lastseat_domain::Decider>::evolve(state, event, minute(1)));
    assert_eq!(state.issue, 2);
}

/// Each adds an event to a stream that every scan reads.
#[test]
fn a_ticket_is_issued_again_a_hundred_times() {
    let all: Vec<_> = (1..=MAX_REISSUES).map(reissued).collect();
    given(all[..99].to_vec()).when(reissue(99)).then_events([reissued(100)]);
    let rejection = given(all.clone()).when(reissue(100)).then_rejected("too_many_reissues");
    assert_eq!(rejection, Rejection::TooManyReissues { most: 100 });
    // What was done before is done, the last code lets in, and an older log may have more.
    given(all.clone()).when(reissue(99)).then_nothing();
    given(all.clone()).when(admit(1, 100, "north")).then_events([admitted(1, 100, "north")]);
    let older = [all, vec![reissued(101)]].concat();
    given(older.clone()).when(reissue(101)).then_rejected("too_many_reissues");
    given(older).when(admit(1, 101, "north")).then_events([admitted(1, 101, "north")]);
}

fn gate(name: &str) -> GateId {
    GateId::new(name).unwrap()
}

/// The code of a ticket as it was issued so often.
fn code(issue: u32) -> TicketFacts {
    TicketFacts { show: show(), booking: booking(1), seat: seat(1), issue, transfers: 0, exchange: 0 }
}

fn scan(n: u128) -> ScanId {
    ScanId { device: Some(DeviceId::new("scanner-7").unwrap()), scan: Uuid::from_u128(n) }
}

fn admit(n: u128, issue: u32, at: &str) -> TicketCommand {
    TicketCommand::Admit { code: code(issue), gate: gate(at), scan: scan(n), by: "stan".into() }
}

fn leave(n: u128, issue: u32) -> TicketCommand {
    TicketCommand::Leave { code: code(issue), gate: gate("north"), scan: scan(n), by: "stan".into() }
}

fn admitted(n: u128, issue: u32, at: &str) -> Event {
    let TicketFacts { show, booking, seat, transfers, exchange, .. } = code(issue);
    let (ticket, ScanId { device, scan }) = (code(issue).ticket(), scan(n));
    let (gate, by) = (gate(at), "stan".into());
    TicketAdmitted { ticket, show, booking, seat, issue, transfers, exchange, gate, device, scan, by }.into()
}

fn left(n: u128) -> Event {
    let (TicketFacts { show, booking, seat, .. }, ScanId { device, scan }) = (code(0), scan(n));
    TicketLeft { ticket: code(0).ticket(), show, booking, seat, gate: gate("north"), device, scan, by: "stan".into() }.into()
}

#[test]
fn a_ticket_admits_once_and_again_after_its_bearer_has_left() {
    given([]).when(admit(1, 0, "north")).then_events([admitted(1, 0, "north")]);
    let refused = given([admitted(1, 0, "north")]).at(minute(3)).when(admit(2, 0, "south")).then_rejected("already_admitted");
    assert_eq!(refused, Rejection::AlreadyAdmitted { at: minute(3), gate: gate("north") });
    given([]).when(leave(1, 0)).then_rejected("not_admitted");
    given([admitted(1, 0, "north")]).when(leave(2, 0)).then_events([left(2)]);
    given([admitted(1, 0, "north"), left(2)]).when(leave(3, 0)).then_rejected("not_admitted");
    given([admitted(1, 0, "north"), left(2)]).when(admit(3, 0, "south")).then_events([admitted(3, 0, "south")]);
}

#[test]
fn a_scan_that_is_sent_again_is_no_second_one_whatever_happened_since() {
    let events = [admitted(1, 0, "north"), left(2), admitted(3, 0, "south"), reissued(1)];
    for command in [admit(1, 0, "north"), leave(2, 0), admit(3, 0, "south")] {
        given(events.clone()).when(command).then_nothing();
    }
    // The same id by another device is another scan.
    let other =
        TicketCommand::Admit { code: code(1), gate: gate("north"), scan: ScanId { device: None, ..scan(1) }, by: "stan".into() };
    given(events.clone()).when(other).then_rejected("already_admitted");
    let state = given(events).state::<Ticket>();
    assert_eq!([1, 2, 3, 4].map(|n| state.entries_until(&scan(n))), [1, 1, 2, 0]);
}

#[test]
fn a_code_of_another_issue_admits_nobody() {
    for issue in [0, 2] {
        given([reissued(1)]).when(admit(1, issue, "north")).then_rejected("ticket_void");
    }
    given([reissued(1)]).when(admit(1, 1, "north")).then_events([admitted(1, 1, "north")]);
    // Who is inside stays inside: the new code is no second way in. And gets out with the old one.
    given([admitted(1, 0, "north"), reissued(1)]).when(admit(2, 1, "south")).then_rejected("already_admitted");
    given([admitted(1, 0, "north"), reissued(1)]).when(leave(2, 0)).then_events([left(2)]);
}

#[test]
fn a_code_is_good_as_long_as_its_booking_has_that_ticket() {
    let old = with(&[]);
    let (gone, stays) = (&old[0], &old[1]);
    let check = |code: &TicketFacts, events: &[Event]| code.check_live(&after(sold().into_iter().chain(events.iter().cloned())));
    let void = |why| Err(Rejection::TicketVoid { why });
    assert_eq!(check(gone, &[]), Ok(()));
    assert_eq!(check(gone, &[transferred(2)]), void(VoidTicket::Transferred));
    assert_eq!(check(gone, &[transferred(2), transferred(1)]), void(VoidTicket::Transferred));
    let away = exchanged(1, gone.seat.clone(), seat(50));
    assert_eq!(check(gone, &away), void(VoidTicket::Exchanged));
    assert_eq!(check(stays, &away), Ok(()));
    let back = [&away[..], &exchanged(2, seat(50), gone.seat.clone())].concat();
    assert_eq!(check(gone, &back), void(VoidTicket::Exchanged));
    assert_eq!(check(gone, &[refund_requested()]), void(VoidTicket::Refunded));
    assert_eq!(gone.check_live(&after(history("refunded"))), void(VoidTicket::Refunded));
    assert_eq!(gone.check_live(&after(history("held"))), void(VoidTicket::NotConfirmed));
}

mod offline;
