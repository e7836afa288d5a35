//! Prices, fees and seats that are not those of the show.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::plan::{Category, merged};
use lastseat_domain::show::{ShowChanges, ShowCommand};
use lastseat_domain::{BookingId, BuyerId, StreamName};
use lastseat_testkit::world::{World, plan, plan_with_price_types, seat_id, show_id};

/// A world with a show of three price types and with fees, and the opening of a booking of B-2, a child's, and B-3, which
/// costs only the fee.
fn world_with_price_types() -> (World, BookingId, BookingOpened) {
    let mut world = World::new(1);
    world.schedule(plan_with_price_types("gala", 2, 6, 9));
    let sold = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(sold);
    let id = world.new_booking();
    let opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("B-2"), seat_id("B-3")]);
    let child = opened.seats[0].price_type.as_ref().map(|name| name.as_str().to_owned());
    assert_eq!((child.as_deref(), opened.seats[0].price, opened.amount.value), (Some("child"), 3000, 3000 + 2 * 150 + 200));
    (world, id, opened)
}

/// Each change of the opening is found under its code, and the opening as it is under none.
#[test]
fn a_price_of_another_type_a_fee_from_elsewhere_or_an_amount_that_does_not_add_up() {
    type Spoil = fn(&mut BookingOpened);
    let adult = || Some(lastseat_domain::PriceTypeId::new("adult").unwrap());
    let table: [(&[&str], Spoil); 9] = [
        (&["price_differs"], |e| (e.seats[0].price, e.amount.value) = (0, e.amount.value - 3000)),
        (&["price_differs"], |e| e.seats[0].price_type = None),
        (&["price_differs"], |e| e.seats[0].price_type = Some(lastseat_domain::PriceTypeId::new("adult").unwrap())),
        (&["price_differs"], |e| e.seats[0].price_type = Some(lastseat_domain::PriceTypeId::new("student").unwrap())),
        (&["fee_differs"], |e| (e.seats[1].fee, e.amount.value) = (0, e.amount.value - 150)),
        (&["fee_differs"], |e| (e.fee, e.amount.value) = (0, e.amount.value - 200)),
        (&["amount_differs"], |e| e.amount.value -= 1),
        (&["amount_differs"], |e| e.amount.value -= 150),
        (&["amount_differs", "fee_differs"], |e| e.fee = 0),
    ];
    for (codes, spoil) in table {
        let (world, id, mut opened) = world_with_price_types();
        spoil(&mut opened);
        plant(world, codes, |world| world.append(StreamName::booking(id), &[opened.into()]));
    }
    // A lock at a price that the category has, but not the booking; and, before the opening, at one that no type has.
    let (world, id, opened) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        world.append(StreamName::booking(id), &[opened.into()]);
        let lock = locked(world, id, 8500);
        world.append(seat_stream("B-2"), &[lock]);
    });
    let (world, id, opened) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        let lock = locked(world, id, 3001);
        world.append(seat_stream("B-2"), &[lock]);
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    // A type of a category that has none.
    let (world, id, _) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        let mut opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("floor:1")]);
        opened.seats[0].price_type = adult();
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    let (mut world, id, opened) = world_with_price_types();
    world.append(StreamName::booking(id), &[opened.into()]);
    assert!(audit(&world.log).holds());
}

#[test]
fn seats_too_many_not_in_the_plan_or_not_asked_for() {
    let opening = |seats: &[&str]| {
        let (mut world, _) = world_with_hold();
        let id = world.new_booking();
        let seats: Vec<_> = seats.iter().map(|s| seat_id(s)).collect();
        let opened = world.opening(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seats);
        (world, id, opened)
    };
    let (world, id, opened) = opening(&["B-1", "B-2", "B-3", "B-4", "B-5"]);
    plant(world, &["too_many_seats"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, opened) = opening(&["B-1", "B-1"]);
    plant(world, &["seat_listed_twice"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, mut opened) = opening(&["B-1"]);
    opened.seats[0].seat = seat_id("Z-9");
    plant(world, &["seat_not_in_plan"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, opened) = opening(&["B-1", "B-2"]);
    plant(world, &["payment_without_seats", "committed_without_seats"], |world| {
        world.booking(id, BookingCommand::Open(opened));
        world.start_payment(id);
        world.commit(id);
    });
}

/// A try that failed halfway may leave a lock, on a log without appends across streams.
#[test]
fn a_seat_that_was_not_asked_for_has_to_go() {
    let after = |lock_first: bool| {
        let (mut world, _) = world_with_hold();
        let id = world.new_booking();
        let opened = world.opening(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        let stray = locked(&world, id, 8500);
        if lock_first {
            world.append(seat_stream("B-2"), std::slice::from_ref(&stray));
        }
        world.booking(id, BookingCommand::Open(opened));
        let own = locked(&world, id, 8500);
        world.append(seat_stream("B-1"), &[own]);
        if !lock_first {
            world.append(seat_stream("B-2"), &[stray]);
        }
        (world, id)
    };
    let give_back = |id| SeatReleased { booking: id, reason: AbortReason::SeatLost, block: None }.into();
    for lock_first in [true, false] {
        // Given back, even after the booking was paid: nobody loses anything.
        let (mut world, id) = after(lock_first);
        world.append(seat_stream("B-2"), &[give_back(id)]);
        assert!(audit(&world.log).holds());
        // Kept: first there is time to give it back, then not.
        let (mut world, _) = after(lock_first);
        let report = audit(&world.log);
        assert!(report.holds(), "{report}");
        for number in 0..3 {
            world.pass(40);
            world.schedule(plan(&format!("other-{number}"), 1, 1, 0));
        }
        let report = audit(&world.log);
        assert!(report.violations.iter().any(|v| v.code.name() == "locked_other_seat"), "{report}");
        // Sold.
        let (world, id) = after(lock_first);
        plant(world, &["locked_other_seat", "booked_without_commit"], |world| {
            world.append(seat_stream("B-2"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()]);
        });
    }
    // A try that lost a seat gives back the others before it is opened.
    let (mut world, _) = world_with_hold();
    let id = world.new_booking();
    world.lock(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seat_id("B-1"));
    world.append(seat_stream("B-1"), &[give_back(id)]);
    assert!(audit(&world.log).holds());
}

/// The show at other prices and with more seats, from revision 1 on.
fn revise(world: &mut World) {
    let facts = world.shows[&show_id("gala")].facts.clone();
    let dearer = facts.categories.iter().map(|c| Category::new(c.category.clone(), c.price + 1000)).collect();
    let mut areas = merged(&facts.areas);
    areas[1].capacity = areas[1].capacity.map(|places| places + 2);
    let changes = ShowChanges { categories: Some(dearer), areas: Some(areas), ..ShowChanges::default() };
    world.command_show(&show_id("gala"), ShowCommand::Revise { changes: Box::new(changes), expected: None });
}

/// Opens a booking that names a revision and this price.
fn open_at(world: &mut World, show_revision: u64, seat: &str, price: i64) -> BookingId {
    let (id, buyer) = (world.new_booking(), BuyerId::new("alice").unwrap());
    let mut opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id(seat)]);
    (opened.seats[0].price, opened.amount.value, opened.show_revision) = (price, price, show_revision);
    world.append(StreamName::booking(id), &[opened.into()]);
    id
}

#[test]
fn a_price_is_that_of_the_revision_that_its_booking_names() {
    // Both prices are right, each at its revision: a hold may have been placed before the change was read.
    let (mut world, _) = world_with_hold();
    revise(&mut world);
    open_at(&mut world, 0, "B-1", 8500);
    open_at(&mut world, 1, "B-2", 9500);
    open_at(&mut world, 1, "floor:11", 5000);
    assert!(audit(&world.log).holds(), "{}", audit(&world.log));
    for (revision, seat, price, codes) in [
        (0, "B-1", 9500, &["price_differs"][..]),
        (1, "B-1", 8500, &["price_differs"]),
        // A seat that was added later.
        (0, "floor:11", 4000, &["seat_not_in_plan"]),
        (2, "B-1", 9500, &["revision_unknown"]),
    ] {
        let (mut world, _) = world_with_hold();
        revise(&mut world);
        plant(world, codes, |world| {
            open_at(world, revision, seat, price);
        });
    }
    // The revision is there, but only afterwards.
    let (world, _) = world_with_hold();
    plant(world, &["revision_unknown"], |world| {
        open_at(world, 1, "B-1", 9500);
        revise(world);
    });
    // Pausing makes no prices.
    let (mut world, _) = world_with_hold();
    world.command_show(&show_id("gala"), ShowCommand::Pause);
    plant(world, &["revision_unknown"], |world| {
        open_at(world, 1, "B-1", 8500);
    });
}

#[test]
fn a_seat_is_locked_for_the_price_that_its_booking_was_opened_at() {
    let lock = |world: &mut World, booking, price| {
        let (buyer, expires_at) = (BuyerId::new("alice").unwrap(), world.now + chrono::TimeDelta::seconds(60));
        let lock = SeatLocked { booking, buyer, price, expires_at, block: None, exchange: 0 };
        world.append(seat_stream("B-1"), &[lock.into()]);
    };
    for (price, fits) in [(8500, true), (9500, false)] {
        let (mut world, _) = world_with_hold();
        revise(&mut world);
        let id = open_at(&mut world, 0, "B-1", 8500);
        if fits {
            lock(&mut world, id, price);
            assert!(audit(&world.log).holds(), "{}", audit(&world.log));
        } else {
            plant(world, &["price_differs"], |world| lock(world, id, price));
        }
    }
}

#[test]
fn a_cancelled_show_is_not_changed() {
    let (mut world, _) = world_with_hold();
    world.command_show(&show_id("gala"), ShowCommand::Cancel);
    plant(world, &["after_the_end"], |world| {
        let revised = ShowRevised { title: Some("Never".into()), ..ShowRevised::of(show_id("gala")) };
        world.append(StreamName::show(&show_id("gala")), &[revised.into()]);
    });
}
