//! Tickets: what follows from a booking is found valid, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::TicketReissued;
use lastseat_domain::{BookingId, Event, SeatId, StreamName, TicketId};
use lastseat_testkit::world::{World, booking_id, seat_id};

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
