//! Holds and payments that begin or end at the wrong time, and what follows them twice.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::{BuyerId, Event, Money, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};

#[test]
fn a_stuck_seat_is_pending_first() {
    let (mut world, id) = world_with_hold();
    let tick = |world: &mut World, seconds| {
        world.pass(seconds);
        let command = if world.log.len().is_multiple_of(2) { "a" } else { "b" };
        world.schedule(plan(&format!("other-{command}-{}", world.log.len()), 1, 1, 0));
    };
    tick(&mut world, 119);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.is_empty(), "a hold in time is neither: {report}");
    tick(&mut world, 61);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.len() == 2, "{report}");
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
    // Aborted, but never released.
    let (mut world, _) = world_with_hold();
    world.booking(id, BookingCommand::Cancel { reason: AbortReason::Cancelled });
    tick(&mut world, 60);
    assert_eq!(audit(&world.log).pending.len(), 2);
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
    // Locked, but never opened.
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    world.lock(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seat_id("B-1"));
    tick(&mut world, 180);
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
}

#[test]
fn a_hold_extended_twice_late_or_too_far() {
    let extended = |world: &World, seconds| -> Event {
        let id = *world.bookings.keys().next().unwrap();
        HoldExtended { booking: id, expires_at: world.bookings[&id].expires_at.unwrap() + chrono::TimeDelta::seconds(seconds) }
            .into()
    };
    let (mut world, id) = world_with_hold();
    let now = world.now;
    world.booking(id, BookingCommand::Extend { now, seconds: 120 });
    plant(world, &["extended_twice"], |world| world.append(StreamName::booking(id), &[extended(world, 1)]));
    let (world, id) = world_with_hold();
    plant(world, &["extended_late"], |world| world.append(StreamName::booking(id), &[extended(world, 121)]));
    let (world, id) = world_with_hold();
    plant(world, &["extended_late"], |world| {
        world.pass(120);
        world.append(StreamName::booking(id), &[extended(world, 120)]);
    });
}

#[test]
fn a_payment_begun_after_the_end() {
    let (world, id) = world_with_sale();
    let started = |attempt| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: Some("pm".into()), tender: None, return_url: None, request: None }
            .into()
    };
    plant(world, &["payment_after_over"], |world| world.append(StreamName::booking(id), &[started(2)]));
    let (world, _) = world_with_hold();
    plant(world, &["attempt_number"], |world| world.append(StreamName::booking(id), &[started(2)]));
}

#[test]
fn another_amount_authorised() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["authorised_amount"], |world| {
        let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
        let amount = Money { value: amount.value - 1, ..amount };
        let authorised = PaymentAuthorised { booking: id, attempt: 1, intent, amount, capture_before: None };
        world.append(StreamName::booking(id), &[authorised.into(), BookingCommitted { booking: id }.into()]);
    });
}

#[test]
fn the_same_thing_twice() {
    let (world, id) = world_with_hold();
    plant(world, &["seat_locked_twice"], |world| {
        let lock = locked(world, id, 8500);
        world.append(seat_stream("A-1"), &[lock]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["opened_twice"], |world| {
        let opened = world.bookings[&id].opened.clone().unwrap();
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["request_twice"], |world| {
        let key = world.bookings[&id].opened.clone().unwrap().request;
        let other = world.new_booking();
        let mut opened = world.opening(other, &BuyerId::new("alice").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        opened.request = key;
        world.booking(other, BookingCommand::Open(opened));
    });
}
