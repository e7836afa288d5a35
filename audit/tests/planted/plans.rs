//! Plans in the log: nothing is found in valid ones, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::decider::Decider;
use lastseat_domain::drawing::{CheckedDrawing, DrawPlan};
use lastseat_domain::event::*;
use lastseat_domain::plan::{Drawing, DrawnArea, DrawnRow, DrawnSeat, PlanCategory, PlanOfShow, PlanRevisions, RowSeats};
use lastseat_domain::{AreaId, BuyerId, CategoryId, Currency, Event, Money, PlanId, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A house with two rows of one name, drawn in as many parts as `rows` of 800 seats take.
fn house(name: &str, rows: usize) -> Arc<CheckedDrawing> {
    let category = CategoryId::new("first").unwrap();
    let area = |name: &str, rows| DrawnArea {
        area: AreaId::new(name).unwrap(),
        section: None,
        category: category.clone(),
        rows,
        capacity: None,
    };
    let counted = || DrawnRow { row: "A".into(), seats: RowSeats::Count(6), gaps_after: vec![] };
    let large = (0..rows).map(|row| {
        let seat = |n| DrawnSeat { seat: seat_id(&format!("large.{row}-with-a-long-name-{n}")), label: format!("{n}"), at: None };
        DrawnRow { row: row.to_string(), seats: RowSeats::Listed((0..800).map(seat).collect()), gaps_after: vec![] }
    });
    let mut areas = vec![area("stalls", vec![counted()]), area("balcony", vec![counted()])];
    if rows > 0 {
        areas.push(area("large", large.collect()));
    }
    let categories = vec![PlanCategory { category: category.clone(), name: None, color: None }];
    Arc::new(CheckedDrawing::new(Drawing { name: name.into(), categories, shapes: vec![], areas }).unwrap())
}

fn house_id() -> PlanId {
    PlanId::new("house").unwrap()
}

/// The events that draw a revision after these.
fn drawn_after(known: &[PlanDrawn], drawing: &Arc<CheckedDrawing>) -> Vec<PlanDrawn> {
    let mut state = PlanRevisions::default();
    known.iter().for_each(|event| state.apply(event));
    let mut events = vec![];
    loop {
        let command = DrawPlan { drawing: Arc::clone(drawing), may_begin: true, follows: None };
        let decided = PlanRevisions::decide(&house_id(), &state, command).unwrap();
        let Some(Event::PlanDrawn(drawn)) = decided.first() else { return events };
        state.apply(drawn);
        events.push(drawn.clone());
    }
}

fn draw(world: &mut World, events: &[PlanDrawn]) {
    events.iter().for_each(|event| world.append(StreamName::plan(&house_id()), &[event.clone().into()]));
}

/// A show on a revision of the house.
fn on_house(revision: u32) -> ShowScheduled {
    let on = PlanOfShow { plan: house_id(), revision, drawn: None };
    ShowScheduled { areas: vec![], plan: Some(on), ..plan("gala", 2, 6, 9) }
}

fn open_seat(world: &mut World, seat: &str) {
    let (booking, buyer) = (world.new_booking(), BuyerId::new("alice").unwrap());
    let amount = Money { value: 8500, currency: Currency::new("EUR").unwrap() };
    let at = world.now + chrono::TimeDelta::seconds(60);
    let opened = BookingOpened {
        booking,
        show: show_id("gala"),
        show_revision: 0,
        buyer: buyer.clone(),
        seats: vec![PricedSeat::new(seat_id(seat), 8500)],
        fee: 0,
        amount,
        expires_at: at,
        request: None,
        channel: None,
        access_code: None,
        voucher: None,
        shop: ShopData::default(),
    };
    let lock = SeatLocked { booking, buyer, price: 8500, expires_at: at, block: None, exchange: 0 };
    world.append(StreamName::booking(booking), &[opened.into()]);
    world.append(StreamName::seat(&show_id("gala"), &seat_id(seat)), &[lock.into()]);
}

#[test]
fn seats_of_a_show_on_a_plan_are_those_of_the_revision_that_it_names() {
    let world = |revision| {
        let mut world = World::new(1);
        let first = drawn_after(&[], &house("First", 0));
        draw(&mut world, &first);
        draw(&mut world, &drawn_after(&first, &house("Second", 1)));
        world.append(StreamName::show(&show_id("gala")), &[on_house(revision).into()]);
        world
    };
    for (revision, seat, fits) in [
        (1, "stalls.A-1", true),
        (1, "balcony.A-6", true),
        (1, "balcony.A-7", false),
        (1, "A-1", false),
        (1, "large.0-with-a-long-name-1", false),
        (2, "large.0-with-a-long-name-1", true),
    ] {
        let mut world = world(revision);
        if fits {
            open_seat(&mut world, seat);
            assert!(audit(&world.log).holds(), "{seat}: {}", audit(&world.log));
        } else {
            plant(world, &["seat_not_in_plan"], |world| open_seat(world, seat));
        }
    }
}

#[test]
fn a_show_is_on_a_revision_that_was_there_before_it() {
    let show = |world: &mut World, revision| world.append(StreamName::show(&show_id("gala")), &[on_house(revision).into()]);
    let first = drawn_after(&[], &house("First", 0));
    for revision in [0, 2, 7] {
        let mut world = World::new(1);
        draw(&mut world, &first);
        plant(world, &["plan_unknown"], |world| show(world, revision));
    }
    plant(World::new(1), &["plan_unknown"], |world| {
        show(world, 1);
        draw(world, &first);
    });
    // A part is missing at its end.
    let parts = drawn_after(&[], &house("Large", 30));
    assert!(parts.len() > 1);
    let mut world = World::new(1);
    draw(&mut world, &parts[..parts.len() - 1]);
    plant(world, &["plan_unknown"], |world| show(world, 1));
    // Areas besides the plan's.
    let mut world = World::new(1);
    draw(&mut world, &first);
    plant(world, &["seat_not_in_plan"], |world| {
        let both = ShowScheduled { areas: plan("gala", 2, 6, 9).areas, ..on_house(1) };
        world.append(StreamName::show(&show_id("gala")), &[both.into()]);
    });
}

#[test]
fn the_parts_of_a_plan_come_one_by_one_and_to_what_was_drawn() {
    let parts = drawn_after(&[], &house("Large", 30));
    type Spoil = fn(&mut Vec<PlanDrawn>);
    let table: Vec<(&str, &str, Spoil)> = vec![
        ("a part left out", "plan_parts_differ", |parts| drop(parts.remove(1))),
        ("a part twice", "plan_parts_differ", |parts| parts.insert(1, parts[1].clone())),
        ("a part of another drawing", "plan_parts_differ", |parts| parts[1].fingerprint = "0".repeat(64)),
        ("a revision left out", "plan_parts_differ", |parts| parts.iter_mut().for_each(|part| part.revision = 2)),
        ("another number of parts", "plan_parts_differ", |parts| parts[1].parts += 1),
        ("a seat that was changed", "plan_parts_differ", |parts| {
            parts[1].drawing.areas[0].rows[0].row = "Z".into();
        }),
    ];
    for (what, code, spoil) in table {
        let mut events = parts.clone();
        spoil(&mut events);
        let mut world = World::new(1);
        draw(&mut world, &events);
        let report = audit(&world.log);
        let found: BTreeSet<&str> = report.violations.iter().map(|v| v.code.name()).collect();
        assert_eq!(found, [code].into(), "{what}: {report}");
    }
    // One that was begun and not completed is no fault, and another may take its place.
    let mut world = World::new(1);
    draw(&mut world, &parts[..1]);
    draw(&mut world, &drawn_after(&[], &house("Other", 0)));
    assert!(audit(&world.log).holds(), "{}", audit(&world.log));
    // A plan in another's stream, and one with a seat twice.
    plant(World::new(1), &["wrong_stream"], |world| {
        let drawn = drawn_after(&[], &house("First", 0));
        world.append(StreamName::plan(&PlanId::new("other").unwrap()), &[drawn[0].clone().into()]);
    });
    plant(World::new(1), &["plan_seat_twice"], |world| {
        let mut drawn = drawn_after(&[], &house("First", 0))[0].clone();
        let again = drawn.drawing.areas[0].rows[0].clone();
        drawn.drawing.areas[0].rows.push(again);
        drawn.fingerprint = drawn.drawing.fingerprint();
        world.append(StreamName::plan(&house_id()), &[drawn.into()]);
    });
}
