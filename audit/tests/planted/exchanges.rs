//! Exchanges of seats: those that keep the rules are found valid, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::show::ShowCommand;
use lastseat_domain::{BookingId, BuyerId, Event, Money, StreamName};
use lastseat_testkit::world::{World, seat_id, show_id, terms};

/// A sold booking of that is to be moved from A-1 to B-1, which is locked for it.
fn world_with_exchange() -> (World, BookingId) {
    let (mut world, id) = world_with_sale();
    assert!(world.request_exchange(id, &[seat_id("A-1")], &[seat_id("B-1")]));
    assert!(world.take_seats(id));
    (world, id)
}

fn exchange_requested(id: BookingId, exchange: u32, leaves: &[&str], takes: &[(&str, i64)]) -> Event {
    let takes = takes.iter().map(|(name, price)| PricedSeat::new(seat_id(name), *price)).collect();
    let leaves = leaves.iter().map(|name| seat_id(name)).collect();
    ExchangeRequested { booking: id, exchange, show_revision: 0, leaves, takes, by: "admin".into() }.into()
}

fn taken(world: &World, id: BookingId, exchange: u32) -> Event {
    let buyer = BuyerId::new("alice").unwrap();
    SeatLocked { booking: id, buyer, price: 8500, expires_at: world.now, block: None, exchange }.into()
}

#[test]
fn an_exchange_of_what_is_not_sold_or_on_wrong_terms() {
    let (world, id) = world_with_hold();
    plant(world, &["exchange_unasked"], |world| {
        world.append(StreamName::booking(id), &[exchange_requested(id, 1, &["A-1"], &[("B-1", 8500)])]);
    });
    for (code, event) in [
        ("exchange_unasked", exchange_requested as fn(BookingId, u32, &[&str], &[(&str, i64)]) -> Event),
        ("exchange_terms", |id, _, _, takes| exchange_requested(id, 1, &["B-2"], takes)),
        ("exchange_terms", |id, _, leaves, _| exchange_requested(id, 1, leaves, &[("B-1", 8500), ("B-2", 8500)])),
        ("exchange_terms", |id, _, leaves, _| exchange_requested(id, 1, leaves, &[("A-2", 8500)])),
        ("price_differs", |id, _, leaves, _| exchange_requested(id, 1, leaves, &[("B-1", 100)])),
        ("seat_not_in_plan", |id, _, leaves, _| exchange_requested(id, 1, leaves, &[("Z-1", 8500)])),
    ] {
        let (world, id) = world_with_sale();
        // The number of the first is wrong.
        let event = event(id, 7, &["A-1"], &[("B-1", 8500)]);
        plant(world, &[code], |world| world.append(StreamName::booking(id), &[event]));
    }
    let (world, id) = world_with_sale();
    let mut dearer = world;
    dearer.append(StreamName::booking(id), &[exchange_requested(id, 1, &["A-1"], &[("floor:1", 9000)])]);
    expect(&dearer.log, &["exchange_terms", "price_differs"]);
}

#[test]
fn an_exchange_that_is_decided_without_a_request_or_without_seats() {
    let decided = |id, exchange| -> Event { BookingExchanged { booking: id, exchange }.into() };
    let (world, id) = world_with_sale();
    plant(world, &["exchange_unasked"], |world| world.append(StreamName::booking(id), &[decided(id, 1)]));
    let (mut world, id) = world_with_sale();
    assert!(world.request_exchange(id, &[seat_id("A-1")], &[seat_id("B-1")]));
    plant(world, &["exchanged_without_seats"], |world| world.append(StreamName::booking(id), &[decided(id, 1)]));
    let (mut world, id) = world_with_exchange();
    assert!(world.booking(id, BookingCommand::DecideExchange { exchange: 1 }));
    world.finish_exchanges(id);
    plant(world, &["exchange_unasked"], |world| {
        world.append(StreamName::booking(id), &[ExchangeAbandoned { booking: id, exchange: 1 }.into()]);
    });
    let (world, id) = world_with_exchange();
    plant(world, &["exchange_unasked"], |world| {
        world.append(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()]);
    });
}

#[test]
fn a_seat_that_leaves_or_joins_a_sold_booking_without_an_exchange() {
    let released = |id| -> Event { SeatReleased { booking: id, reason: AbortReason::Exchanged, block: None }.into() };
    // The old one before the decision, and the new one while it is not given up.
    for seat in ["A-1", "B-1"] {
        let (world, id) = world_with_exchange();
        plant(world, &["charged_without_seats"], |world| world.append(seat_stream(seat), &[released(id)]));
    }
    let (world, id) = world_with_exchange();
    plant(world, &["locked_for_no_exchange"], |world| {
        let lock = taken(world, id, 1);
        world.append(seat_stream("B-2"), &[lock]);
    });
    let (mut world, id) = world_with_sale();
    assert!(world.request_exchange(id, &[seat_id("A-1")], &[seat_id("B-1")]));
    plant(world, &["locked_for_no_exchange"], |world| {
        let lock = taken(world, id, 2);
        world.append(seat_stream("B-1"), &[lock]);
    });
    // Sold before the decision.
    let (world, id) = world_with_exchange();
    plant(world, &["locked_other_seat"], |world| {
        world.append(seat_stream("B-1"), &[SeatBooked { booking: id, block: None, exchange: 1 }.into()]);
    });
}

#[test]
fn an_exchange_that_nobody_completes() {
    let decide = |world: &mut World, id| assert!(world.booking(id, BookingCommand::DecideExchange { exchange: 1 }));
    let wait = |world: &mut World| {
        for _ in 0..3 {
            world.pass(45);
            world.command_show(&show_id("gala"), ShowCommand::Pause);
            world.command_show(&show_id("gala"), ShowCommand::Resume);
        }
    };
    let (mut world, id) = world_with_exchange();
    decide(&mut world, id);
    plant(world, &["exchanged_without_seats", "locked_other_seat"], |world| wait(world));
    // Completed, nothing is wrong however long it is ago.
    let (mut world, id) = world_with_exchange();
    decide(&mut world, id);
    world.finish_exchanges(id);
    wait(&mut world);
    assert!(audit(&world.log).holds());
    let (mut world, id) = world_with_exchange();
    assert!(world.booking(id, BookingCommand::AbandonExchange { exchange: 1 }));
    plant(world, &["locked_other_seat"], |world| wait(world));
}

#[test]
fn an_exchange_of_what_is_left_after_a_partial_refund() {
    let refunded = || {
        let (mut world, id) = world_with_sale();
        world.refund_part(id, &["A-1"], None);
        (world, id)
    };
    let (mut world, id) = refunded();
    world.exchange(id, &["A-2"], &["B-1"]);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
    // What was given back is neither given up again nor taken.
    for (leaves, takes) in [("A-1", "B-1"), ("A-2", "A-1")] {
        let (world, id) = refunded();
        plant(world, &["exchange_terms"], |world| {
            world.append(StreamName::booking(id), &[exchange_requested(id, 1, &[leaves], &[(takes, 8500)])]);
        });
    }
    // Neither begins while the other is under way.
    let (mut world, id) = world_with_sale();
    assert!(world.request_part(id, &[seat_id("A-1")], None));
    plant(world, &["exchange_unasked"], |world| {
        world.append(StreamName::booking(id), &[exchange_requested(id, 1, &["A-2"], &[("B-1", 8500)])]);
    });
    let (world, id) = world_with_exchange();
    plant(world, &["exchange_unasked"], |world| {
        let amount = world.bookings[&id].left().map(|left| Money { value: 100, ..left }).unwrap();
        let part = PartialRefundRequested { booking: id, refund: 1, seats: vec![], amount, by: "staff".into() };
        world.append(StreamName::booking(id), &[part.into()]);
    });
}

#[test]
fn an_exchange_of_a_discounted_booking() {
    let (mut world, id) = world_with_hold();
    let vouchers = world.campaign(&terms(Discount::Percent(50)), 1);
    assert!(world.apply_voucher(id, &vouchers[0]));
    world.pay(id);
    assert!(world.settle_voucher(id));
    world.exchange(id, &["A-1"], &["B-1"]);
    world.refund(id);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let money = report.money.values().next().unwrap();
    assert_eq!((money.captured, money.refunded), (8500, 8500));
}
