//! Tickets: what follows from a booking is found valid, and each planted fault is found under its code.

use crate::planting::*;
use chrono::TimeDelta;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::{BookingTransferred, RefundRequested, TicketAdmitted, TicketLeft, TicketReissued};
use lastseat_domain::{BookingId, BuyerId, Event, GateId, SeatId, ShowId, StreamName, TicketId};
use lastseat_testkit::world::{World, booking_id, seat_id, show_id};
use uuid::Uuid;

fn reissued(booking: BookingId, seat: &SeatId, issue: u32) -> Event {
    TicketReissued { ticket: TicketId::of(booking, seat), booking, seat: seat.clone(), issue, by: "alice".into() }.into()
}

fn reissue(world: &mut World, booking: BookingId, seat: &str, issue: u32) {
    let seat = seat_id(seat);
    world.append(StreamName::ticket(TicketId::of(booking, &seat)), &[reissued(booking, &seat, issue)]);
}

#[test]
fn a_ticket_that_is_issued_again_and_again() {
    let (mut world, id) = world_with_sale();
    reissue(&mut world, id, "A-1", 1);
    reissue(&mut world, id, "A-1", 2);
    // The seat is given up, and a reissue that was decided a moment before comes after that.
    assert!(world.request_exchange(id, &[seat_id("A-1")], &[seat_id("B-1")]) && world.take_seats(id));
    assert!(world.booking(id, BookingCommand::DecideExchange { exchange: 1 }));
    world.finish_exchanges(id);
    reissue(&mut world, id, "A-1", 3);
    reissue(&mut world, id, "B-1", 1);
    plant(world, &["ticket_issue"], |world| reissue(world, id, "B-1", 1));
    for issue in [0, 2, 7] {
        let (world, id) = world_with_sale();
        plant(world, &["ticket_issue"], |world| reissue(world, id, "A-1", issue));
    }
}

#[test]
fn a_ticket_of_nothing() {
    let (world, id) = world_with_hold();
    plant(world, &["ticket_without_seat"], |world| reissue(world, id, "A-1", 1));
    for (booking, seat) in [(None, "A-3"), (None, "Z-1"), (Some(booking_id(99)), "A-1")] {
        let (world, id) = world_with_sale();
        plant(world, &["ticket_without_seat"], |world| reissue(world, booking.unwrap_or(id), seat, 1));
    }
}

#[test]
fn a_ticket_in_the_stream_of_another() {
    let (world, id) = world_with_sale();
    plant(world, &["wrong_stream"], |world| {
        let stream = StreamName::ticket(TicketId::of(id, &seat_id("A-2")));
        world.append(stream, &[reissued(id, &seat_id("A-1"), 1)]);
    });
    let (world, id) = world_with_sale();
    plant(world, &["wrong_stream"], |world| {
        let ticket = TicketId(id.0);
        let event = TicketReissued { ticket, booking: id, seat: seat_id("A-1"), issue: 1, by: "alice".into() };
        world.append(StreamName::ticket(ticket), &[event.into()]);
    });
    let (world, id) = world_with_sale();
    plant(world, &["wrong_stream"], |world| {
        world.append(StreamName::booking(id), &[reissued(id, &seat_id("A-1"), 1)]);
    });
}

fn gate() -> GateId {
    GateId::new("north").unwrap()
}

fn show_of(world: &World, booking: BookingId) -> ShowId {
    world.bookings.get(&booking).and_then(|booking| booking.show()).cloned().unwrap_or_else(|| show_id("opera"))
}

fn admit_to(world: &mut World, show: ShowId, booking: BookingId, seat: &str, numbers: (u32, u32, u32)) {
    let (seat, scan) = (seat_id(seat), Uuid::from_u128(u128::from(world.now.timestamp_micros().unsigned_abs())));
    let (ticket, (issue, transfers, exchange), by) = (TicketId::of(booking, &seat), numbers, "stan".into());
    let event = TicketAdmitted { ticket, show, booking, seat, issue, transfers, exchange, gate: gate(), device: None, scan, by };
    world.append(StreamName::ticket(ticket), &[event.into()]);
}

fn admit(world: &mut World, booking: BookingId, seat: &str, numbers: (u32, u32, u32)) {
    admit_to(world, show_of(world, booking), booking, seat, numbers);
}

fn let_out(world: &mut World, booking: BookingId, seat: &str) {
    let (show, seat) = (show_of(world, booking), seat_id(seat));
    let (ticket, scan, by) = (TicketId::of(booking, &seat), Uuid::nil(), "stan".into());
    let event = TicketLeft { ticket, show, booking, seat, gate: gate(), device: None, scan, by };
    world.append(StreamName::ticket(ticket), &[event.into()]);
}

fn transfer(world: &mut World, booking: BookingId) {
    let event = BookingTransferred { booking, buyer: BuyerId::new("bob").unwrap(), by: "alice".into() };
    world.append(StreamName::booking(booking), &[event.into()]);
}

#[test]
fn somebody_who_came_in_twice_or_left_without_coming() {
    let (mut world, id) = world_with_sale();
    admit(&mut world, id, "A-1", (0, 0, 0));
    admit(&mut world, id, "A-2", (0, 0, 0));
    let_out(&mut world, id, "A-1");
    admit(&mut world, id, "A-1", (0, 0, 0));
    plant(world, &["admitted_twice"], |world| admit(world, id, "A-1", (0, 0, 0)));
    let (world, id) = world_with_sale();
    plant(world, &["left_outside"], |world| let_out(world, id, "A-1"));
    let (world, id) = world_with_hold();
    plant(world, &["ticket_without_seat"], |world| admit(world, id, "A-1", (0, 0, 0)));
    // Of another show than its booking.
    let (world, id) = world_with_sale();
    plant(world, &["ticket_without_seat"], |world| admit_to(world, show_id("ballet"), id, "A-1", (0, 0, 0)));
}

#[test]
fn somebody_who_came_in_with_a_void_code() {
    let (mut world, id) = world_with_sale();
    reissue(&mut world, id, "A-1", 1);
    plant(world, &["admitted_void"], |world| admit(world, id, "A-1", (0, 0, 0)));
    let (mut world, id) = world_with_sale();
    transfer(&mut world, id);
    world.now += TimeDelta::minutes(2);
    plant(world, &["admitted_void"], |world| admit(world, id, "A-1", (0, 0, 0)));
    let (mut world, id) = world_with_sale();
    world.append(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()]);
    world.now += TimeDelta::minutes(2);
    plant(world, &["admitted_void"], |world| admit(world, id, "A-1", (0, 0, 0)));
    let (mut world, id) = world_with_sale();
    for (number, from, to) in [(1, "A-1", "B-1"), (2, "B-1", "A-1")] {
        assert!(world.request_exchange(id, &[seat_id(from)], &[seat_id(to)]) && world.take_seats(id));
        assert!(world.booking(id, BookingCommand::DecideExchange { exchange: number }));
        world.finish_exchanges(id);
    }
    world.now += TimeDelta::minutes(2);
    admit(&mut world, id, "A-1", (0, 0, 2));
    let_out(&mut world, id, "A-1");
    plant(world, &["admitted_void"], |world| admit(world, id, "A-1", (0, 0, 0)));
}

/// The gate has read the booking a moment before.
#[test]
fn what_ended_a_ticket_a_moment_before_may_have_been_unknown_at_the_gate() {
    let (mut world, id) = world_with_sale();
    transfer(&mut world, id);
    admit(&mut world, id, "A-1", (0, 0, 0));
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
}

#[test]
fn a_seat_that_is_exchanged_while_somebody_is_inside_with_its_ticket() {
    let moved = |world: &mut World, id| {
        assert!(world.request_exchange(id, &[seat_id("A-1")], &[seat_id("B-1")]) && world.take_seats(id));
        assert!(world.booking(id, BookingCommand::DecideExchange { exchange: 1 }));
        world.finish_exchanges(id);
    };
    let (mut world, id) = world_with_sale();
    admit(&mut world, id, "A-1", (0, 0, 0));
    world.now += TimeDelta::minutes(2);
    plant(world, &["exchanged_inside"], |world| moved(world, id));
    // Decided a moment after the scan; or they have left; or it is the seat beside.
    let (mut world, id) = world_with_sale();
    admit(&mut world, id, "A-1", (0, 0, 0));
    moved(&mut world, id);
    assert!(audit(&world.log).holds());
    let (mut world, id) = world_with_sale();
    admit(&mut world, id, "A-1", (0, 0, 0));
    let_out(&mut world, id, "A-1");
    admit(&mut world, id, "A-2", (0, 0, 0));
    world.now += TimeDelta::minutes(2);
    moved(&mut world, id);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
}

mod offline;
