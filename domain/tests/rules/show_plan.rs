//! The rules of what a show sells: its areas and rows, their limits, and what a seat costs.

use crate::show::{category, floor, hamlet, row, scheduled, stalls, state, typed, worth};
use crate::support::*;
use lastseat_domain::event::{Discount, Fees, PricedSeat, Reward, ShowDetails, ShowScheduled};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::show::{MAX_AMOUNT, MAX_PRICE_TYPES, MAX_SEATS, ShowCommand};
use lastseat_domain::{AreaId, Currency, Money, PriceTypeId, SeatId};
use lastseat_testkit::given::given;

#[test]
fn a_plan_that_makes_no_sense_is_named() {
    type Spoil = fn(&mut ShowScheduled);
    let table: Vec<(&str, &str, Spoil)> = vec![
        ("title", "empty", |s| s.title = "  ".into()),
        ("title", "too long", |s| s.title = "x".repeat(201)),
        ("title", "control character", |s| s.title = "a\u{7}".into()),
        ("max_seats_per_booking", "none", |s| s.max_seats_per_booking = 0),
        ("max_seats_per_booking", "too many", |s| s.max_seats_per_booking = 101),
        ("max_seats_per_buyer", "none", |s| s.max_seats_per_buyer = Some(0)),
        ("venue", "empty", |s| s.details.venue = Some(" ".into())),
        ("venue", "too long", |s| s.details.venue = Some("x".repeat(201))),
        ("doors_at", "after the beginning", |s| {
            (s.details.doors_at, s.details.starts_at) = (Some(minute(1)), Some(minute(0)));
        }),
        ("timezone", "an offset", |s| s.details.timezone = Some("+02:00".into())),
        ("timezone", "a space", |s| s.details.timezone = Some("Europe/New York".into())),
        ("timezone", "a path", |s| s.details.timezone = Some("../etc/passwd".into())),
        ("description", "empty", |s| s.details.description = Some(String::new())),
        ("description", "too long", |s| s.details.description = Some("x".repeat(4097))),
        ("description", "control character", |s| s.details.description = Some("a\u{7}".into())),
        ("image_url", "http", |s| s.details.image_url = Some("http://example.com/a.png".into())),
        ("image_url", "script", |s| s.details.image_url = Some("javascript:alert(1)".into())),
        ("image_url", "no host", |s| s.details.image_url = Some("https:///a.png".into())),
        ("image_url", "quote", |s| s.details.image_url = Some("https://example.com/\"onload".into())),
        ("image_url", "too long", |s| s.details.image_url = Some(format!("https://example.com/{}", "x".repeat(2048)))),
        ("metadata", "too long", |s| drop(s.details.metadata.insert("a".into(), "x".repeat(4096)))),
        ("metadata", "no name", |s| drop(s.details.metadata.insert(String::new(), "x".into()))),
        ("metadata", "long name", |s| drop(s.details.metadata.insert("x".repeat(65), "x".into()))),
        ("hold_seconds", "none", |s| s.hold_seconds = 0),
        ("hold_seconds", "more than a day", |s| s.hold_seconds = 86_401),
        ("sale_closes_at", "empty window", |s| (s.sale_opens_at, s.sale_closes_at) = (Some(minute(1)), Some(minute(1)))),
        ("categories", "twice", |s| s.categories.push(category("front", 1))),
        ("categories", "negative price", |s| s.categories[0].price = -1),
        ("categories", "price too high", |s| s.categories[0].price = MAX_AMOUNT + 1),
        ("categories", "price type too high", |s| s.categories[0] = typed(&[("adult", 1), ("child", MAX_AMOUNT)])),
        ("categories", "negative price type", |s| s.categories[0] = typed(&[("adult", 1), ("child", -1)])),
        ("categories", "price type twice", |s| s.categories[0] = typed(&[("adult", 1), ("adult", 1)])),
        ("categories", "price beside price types", |s| s.categories[0].price_types = typed(&[("adult", 1)]).price_types),
        ("categories", "too many price types", |s| s.categories[0] = typed(&[("adult", 1); MAX_PRICE_TYPES + 1])),
        ("categories", "price too high with fees", |s| {
            s.categories[0].price = MAX_AMOUNT / 10;
            s.fees.per_booking = 10;
        }),
        ("categories", "price too high with the fee of a seat", |s| {
            s.categories[0].price = MAX_AMOUNT / 10;
            s.fees.per_seat = 1;
        }),
        ("fees", "negative", |s| s.fees.per_seat = -1),
        ("fees", "negative for a booking", |s| s.fees.per_booking = -1),
        ("fees", "too high", |s| s.fees.per_seat = i64::MAX),
        ("fees", "too high for a booking", |s| s.fees.per_booking = i64::MAX),
        ("fees", "too high together", |s| s.fees.per_seat = MAX_AMOUNT / 9),
        ("areas", "none", |s| s.areas.clear()),
        ("areas", "twice", |s| s.areas.push(floor(1))),
        ("areas", "no such category", |s| _ = s.categories.pop()),
        ("areas", "no capacity", |s| s.areas[1].capacity = Some(0)),
        ("areas", "neither rows nor capacity", |s| s.areas[1].capacity = None),
        ("areas", "rows and capacity", |s| s.areas[0].capacity = Some(1)),
        ("areas", "row twice", |s| s.areas[0].rows.push(row("A", 1))),
        ("areas", "row without seats", |s| s.areas[0].rows.push(row("C", 0))),
        ("areas", "row without a name", |s| s.areas[0].rows.push(row("", 1))),
        ("areas", "row with a dash", |s| s.areas[0].rows.push(row("A-1", 1))),
        ("areas", "row with a colon", |s| s.areas[0].rows.push(row("floor:1", 1))),
        ("areas", "row name too long", |s| s.areas[0].rows.push(row(&"x".repeat(17), 1))),
        ("areas", "gap after a missing seat", |s| s.areas[0].rows[0].gaps_after = vec![5]),
        ("areas", "gap before the row", |s| s.areas[0].rows[0].gaps_after = vec![0]),
        ("areas", "too many seats", |s| s.areas[1].capacity = Some(u32::MAX)),
        ("areas", "too many seats in a row", |s| s.areas[0].rows[1].seats = u32::MAX),
        ("rewards", "never drawn", |s| s.rewards = vec![Reward { reward: "a drink".into(), weight: 0, discount: None }]),
        ("rewards", "worth nothing", |s| s.rewards = vec![worth(Discount::Percent(0))]),
        ("rewards", "too much", |s| s.rewards = vec![worth(Discount::Percent(101))]),
        ("rewards", "no goods", |s| s.rewards = vec![worth(Discount::Goods(" ".into()))]),
        ("rewards", "another currency", |s| {
            s.rewards = vec![worth(Discount::Amount(Money { value: 500, currency: Currency::new("XTS").unwrap() }))];
        }),
        ("rewards", "nothing", |s| s.rewards = vec![Reward { reward: " ".into(), weight: 1, discount: None }]),
        ("rewards", "too many", |s| s.rewards = vec![Reward { reward: "a drink".into(), weight: 1, discount: None }; 101]),
    ];
    for (field, why, spoil) in table {
        let mut facts = hamlet();
        spoil(&mut facts);
        match given([]).when(ShowCommand::Schedule(Box::new(facts))).then_rejected("invalid_show") {
            Rejection::InvalidShow { field: named, .. } => assert_eq!(named, field, "{why}"),
            other => panic!("{why}: {other}"),
        }
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let facts = ShowScheduled {
        title: "x".repeat(200),
        details: ShowDetails::default(),
        fees: Fees { per_seat: 9, per_booking: 99 },
        max_seats_per_booking: 100,
        max_seats_per_buyer: Some(1),
        hold_seconds: 86_400,
        categories: vec![typed(&[("adult", MAX_AMOUNT / 100 - 9), ("child", 0)]), category("standing", 0)],
        areas: vec![stalls(vec![row("A", 1)]), floor(u32::try_from(MAX_SEATS).unwrap() - 1)],
        ..hamlet()
    };
    given([]).when(ShowCommand::Schedule(Box::new(facts.clone()))).then_events([facts.clone().into()]);
    assert_eq!(state([facts.into()]).plan.len() as usize, MAX_SEATS);
}

#[test]
fn every_seat_has_an_index_a_price_and_neighbours_up_to_the_next_gap() {
    let plan = state([scheduled()]).plan;
    let seats: Vec<_> = plan.seats().collect();
    let laid_out: Vec<_> = seats.iter().map(|(id, s)| (id.as_str(), s.price, s.segment)).collect();
    let expected = [
        ("A-1", 8500, Some(0)),
        ("A-2", 8500, Some(0)),
        ("A-3", 8500, Some(1)),
        ("A-4", 8500, Some(1)),
        ("B-1", 8500, Some(2)),
        ("B-2", 8500, Some(2)),
        ("floor:1", 2000, None),
        ("floor:2", 2000, None),
        ("floor:3", 2000, None),
    ];
    assert_eq!(laid_out, expected);
    for (segment, first) in [(0..2_u32, 0), (0..2, 1), (2..4, 2), (2..4, 3), (4..6, 5)] {
        assert_eq!(plan.segment_of(first), Some(segment));
    }
    assert_eq!((plan.segment_of(6), plan.segment_of(9)), (None, None), "places have no neighbours");
    for (index, (id, planned)) in (0_u32..).zip(seats) {
        assert_eq!(plan.index_of(&id), Some(index));
        assert_eq!((plan.id_of(index), plan.seat(index)), (Some(id), Some(planned)));
        assert!(plan.area_of(planned).is_some_and(|a| a.seats().any(|seat| seat == index)));
    }
    for unknown in ["A-5", "A-0", "A-01", "A-", "A1", "A", "-1", "C-1", "floor:0", "floor:4", "floor-1", "A:1", "A-99999999999"] {
        assert_eq!(SeatId::new(unknown).ok().and_then(|seat| plan.index_of(&seat)), None, "{unknown}");
    }
    assert_eq!(plan.seat(9), None);
    assert!(!plan.area(&AreaId::new("floor").unwrap()).unwrap().labelled);
}

#[test]
fn a_seat_costs_what_its_price_type_costs_and_the_fee() {
    let fees = Fees { per_seat: 150, per_booking: 200 };
    let categories = vec![typed(&[("adult", 4000), ("child", 1500)]), category("standing", 2000)];
    let show = state([ShowScheduled { categories, fees, ..hamlet() }.into()]);
    let seat = |name: &str| SeatId::new(name).unwrap();
    let price_type = |name: &str| PriceTypeId::new(name).unwrap();
    let priced = |name: &str, chosen: Option<&str>| show.priced(&seat(name), chosen.map(price_type).as_ref());
    let expected = |name: &str, price, chosen: Option<&str>| {
        Ok(PricedSeat { price_type: chosen.map(price_type), fee: 150, ..PricedSeat::new(seat(name), price) })
    };
    assert_eq!(priced("A-1", None), expected("A-1", 4000, Some("adult")), "the first, if none is chosen");
    assert_eq!(priced("B-2", Some("child")), expected("B-2", 1500, Some("child")));
    assert_eq!(priced("floor:3", None), expected("floor:3", 2000, None));

    for (name, chosen, known, sentence) in [
        ("A-1", "senior", &["adult", "child"][..], "`A-1` has no price type `senior`. There are `adult`, `child`."),
        ("floor:1", "child", &[], "`floor:1` has no price type `child`. It has one price: leave the type out."),
    ] {
        let refused = priced(name, Some(chosen)).unwrap_err();
        assert_eq!(refused.to_string(), sentence);
        let Rejection::UnknownPriceType { of, price_type: named, known: there } = refused else { panic!("{refused}") };
        assert_eq!((of.as_str(), named), (name, price_type(chosen)));
        assert_eq!(there.0, known.iter().map(|name| price_type(name)).collect::<Vec<_>>());
    }
    assert_eq!(priced("Z-1", None), Err(Rejection::UnknownSeat { seat: "Z-1".into() }));

    let seats = [priced("A-1", None).unwrap(), priced("A-2", Some("child")).unwrap()];
    assert_eq!(PricedSeat::total(&seats, 200, show.facts.currency), Some(eur(4000 + 1500 + 2 * 150 + 200)));
    assert_eq!(PricedSeat::total(&seats, i64::MAX, show.facts.currency), None);
}
