//! Drawn plans: what can be drawn, in which parts, and how shows on them are laid out.

use crate::support;

use lastseat_domain::decider::Decider;
use lastseat_domain::drawing::{CheckedDrawing, DrawPlan, MAX_REVISIONS, MAX_ROW_SEATS, MAX_SHAPES};
use lastseat_domain::event::{Event, Fees, PlanDrawn, ShowDetails, ShowScheduled, SingleSeats};
use lastseat_domain::plan::{
    Area, Category, Drawing, DrawnArea, DrawnRow, DrawnSeat, Hundredths, Plan, PlanBook, PlanCategory, PlanOfShow, PlanRevisions,
    Point, Row, RowSeats, Shape,
};
use lastseat_domain::show::{self, MAX_SEATS, ShowChanges, ShowCommand};
use lastseat_domain::{AreaId, CategoryId, Currency, PlanId, Rejection, SeatId};
use std::sync::Arc;
use support::{minute, show as show_id};

fn house() -> PlanId {
    PlanId::new("house").unwrap()
}

fn listed(row: &str, ids: &[&str], gaps_after: Vec<u32>) -> DrawnRow {
    let seat = |(n, id): (i32, &&str)| DrawnSeat {
        seat: SeatId::new(id).unwrap(),
        label: format!("№ {n}"),
        at: Some(Point { x: n * 250, y: -75 }),
    };
    DrawnRow { row: row.into(), seats: RowSeats::Listed((1..).zip(ids).map(seat).collect()), gaps_after }
}

fn counted(row: &str, seats: u32) -> DrawnRow {
    DrawnRow { row: row.into(), seats: RowSeats::Count(seats), gaps_after: vec![] }
}

fn area(name: &str, category: &str, rows: Vec<DrawnRow>, capacity: Option<u32>) -> DrawnArea {
    let (area, category) = (AreaId::new(name).unwrap(), CategoryId::new(category).unwrap());
    DrawnArea { area, section: Some(format!("The {name}")), category, rows, capacity }
}

fn category(name: &str) -> PlanCategory {
    PlanCategory { category: CategoryId::new(name).unwrap(), name: None, color: None }
}

/// Two sections that both have a row A, and a floor.
fn drawing() -> Drawing {
    Drawing {
        name: "Das alte Haus".into(),
        categories: vec![category("good"), category("cheap")],
        shapes: vec![],
        areas: vec![
            area("stalls", "good", vec![listed("A", &["s1", "s2", "x-9", "s4"], vec![2]), counted("B", 3)], None),
            area("balcony", "cheap", vec![counted("A", 2)], None),
            area("floor", "cheap", vec![], Some(5)),
        ],
    }
}

fn checked(drawing: Drawing) -> Arc<CheckedDrawing> {
    Arc::new(CheckedDrawing::new(drawing).unwrap())
}

fn draw(drawing: &Arc<CheckedDrawing>) -> DrawPlan {
    DrawPlan { drawing: Arc::clone(drawing), may_begin: true, follows: None }
}

fn decide(state: &PlanRevisions, command: DrawPlan) -> Result<Vec<Event>, Rejection> {
    PlanRevisions::decide(&house(), state, command)
}

/// Decides and applies until there is nothing left to draw.
fn draw_all(mut state: PlanRevisions, drawing: &Arc<CheckedDrawing>) -> PlanRevisions {
    let mut command = draw(drawing);
    loop {
        let events = decide(&state, command.clone()).unwrap();
        if events.is_empty() {
            return state;
        }
        state = events.iter().fold(state, |state, event| PlanRevisions::evolve(state, event, minute(0)));
        command.may_begin = false;
    }
}

/// A plan that takes several events.
fn large(name: &str) -> Drawing {
    let row = |n: usize| {
        let ids: Vec<String> = (1..=900).map(|seat| format!("{n}-{seat}")).collect();
        listed(&n.to_string(), &ids.iter().map(String::as_str).collect::<Vec<_>>(), vec![])
    };
    let areas = vec![area("arena", "good", (1..=30).map(row).collect(), None)];
    Drawing { name: name.into(), categories: vec![category("good")], shapes: vec![], areas }
}

fn show_on(drawing: Drawing, categories: &[(&str, i64)]) -> ShowScheduled {
    let state = draw_all(PlanRevisions::default(), &checked(drawing));
    ShowScheduled {
        show: show_id(),
        title: "Hamlet".into(),
        details: ShowDetails::default(),
        currency: Currency::new("EUR").unwrap(),
        categories: categories.iter().map(|(name, price)| Category::new(CategoryId::new(name).unwrap(), *price)).collect(),
        fees: Fees::default(),
        areas: vec![],
        plan: Some(PlanOfShow { plan: house(), revision: 1, drawn: state.latest().cloned() }),
        max_seats_per_booking: 10,
        max_seats_per_buyer: None,
        guests: true,
        guest_challenge: false,
        single_seats: SingleSeats::Allow,
        vouchers_return: false,
        hold_seconds: 600,
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![],
    }
}

fn hamlet() -> ShowScheduled {
    show_on(drawing(), &[("good", 5000), ("cheap", 1000)])
}

#[test]
fn what_cannot_be_drawn_is_named() {
    type Spoil = fn(&mut Drawing);
    let table: Vec<(&str, &str, Spoil)> = vec![
        ("name", "empty", |d| d.name = " ".into()),
        ("name", "too long", |d| d.name = "x".repeat(201)),
        ("categories", "twice", |d| d.categories.push(category("good"))),
        ("categories", "empty colour", |d| d.categories[0].color = Some(String::new())),
        ("areas", "unknown category", |d| d.categories.truncate(1)),
        ("areas", "none", |d| d.areas.clear()),
        ("areas", "area twice", |d| d.areas.push(d.areas[2].clone())),
        ("areas", "neither rows nor capacity", |d| d.areas[2].capacity = None),
        ("areas", "no capacity", |d| d.areas[2].capacity = Some(0)),
        ("areas", "rows and capacity", |d| d.areas[0].capacity = Some(1)),
        ("areas", "row without seats", |d| d.areas[0].rows.push(counted("C", 0))),
        ("areas", "empty list", |d| d.areas[0].rows.push(listed("C", &[], vec![]))),
        ("areas", "row without a name", |d| d.areas[0].rows[0].row = String::new()),
        ("areas", "control character", |d| d.areas[0].rows[0].row = "a\u{7}".into()),
        ("areas", "row twice", |d| d.areas[0].rows.push(counted("B", 1))),
        ("areas", "name that is no part of an id", |d| d.areas[0].rows.push(counted("Ä", 1))),
        ("areas", "seat twice", |d| d.areas[0].rows.push(listed("C", &["s1"], vec![]))),
        ("areas", "seat twice, counted", |d| d.areas[0].rows.push(listed("C", &["balcony.A-2"], vec![]))),
        ("areas", "id of a place", |d| d.areas[0].rows.push(listed("C", &["floor:1"], vec![]))),
        ("areas", "gap after a missing seat", |d| d.areas[0].rows[0].gaps_after = vec![5]),
        ("areas", "gap before the row", |d| d.areas[0].rows[0].gaps_after = vec![0]),
        ("areas", "too many seats", |d| d.areas[2].capacity = Some(u32::try_from(MAX_SEATS).unwrap())),
        ("areas", "too many seats in a row", |d| d.areas[1].rows[0] = counted("A", u32::MAX)),
        ("areas", "too long a row", |d| {
            let ids: Vec<String> = (0..=MAX_ROW_SEATS).map(|n| format!("n{n}")).collect();
            d.areas[0].rows.push(listed("C", &ids.iter().map(String::as_str).collect::<Vec<_>>(), vec![]));
        }),
        ("areas", "no label", |d| {
            let seat = DrawnSeat { seat: SeatId::new("s9").unwrap(), label: String::new(), at: None };
            d.areas[0].rows[0].seats = RowSeats::Listed(Arc::new([seat]));
            d.areas[0].rows[0].gaps_after.clear();
        }),
        ("areas", "empty section", |d| d.areas[0].section = Some(String::new())),
        ("shapes", "too many", |d| d.shapes = vec![stage(); MAX_SHAPES + 1]),
        ("shapes", "unknown", |d| d.shapes = vec![Shape { shape: "blob".into(), ..stage() }]),
        ("shapes", "corners", |d| d.shapes = vec![Shape { points: vec![Point::default(); 101], ..stage() }]),
        ("shapes", "text", |d| d.shapes = vec![Shape { text: Some("x".repeat(201)), ..stage() }]),
        ("shapes", "outline of nothing", |d| d.shapes = vec![Shape { area: Some(AreaId::new("roof").unwrap()), ..stage() }]),
    ];
    CheckedDrawing::new(drawing()).unwrap();
    for (expected, what, spoil) in table {
        let mut drawing = drawing();
        spoil(&mut drawing);
        match CheckedDrawing::new(drawing) {
            Err(Rejection::InvalidPlan { field, .. }) => assert_eq!(field, expected, "{what}"),
            other => panic!("{what}: {:?}", other.map(|drawing| drawing.parts())),
        }
    }
}

fn stage() -> Shape {
    Shape {
        shape: "rectangle".into(),
        at: Point { x: 0, y: 0 },
        size: Some(Point { x: 100, y: 50 }),
        points: vec![],
        rotation: 0,
        color: None,
        text: Some("Bühne".into()),
        area: None,
    }
}

#[test]
fn a_revision_exists_once_its_last_part_is_there() {
    let drawing = checked(large("Arena"));
    assert!(drawing.parts() > 1);
    let (mut state, mut command) = (PlanRevisions::default(), draw(&drawing));
    for part in 1..=drawing.parts() {
        assert!(state.latest().is_none());
        let events = decide(&state, command.clone()).unwrap();
        // Deciding it twice is deciding the same.
        assert_eq!(decide(&state, command.clone()).unwrap(), events);
        let [Event::PlanDrawn(drawn)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((drawn.revision, drawn.part), (1, part));
        state = PlanRevisions::evolve(state, &events[0], minute(0));
        // Written twice it is there once.
        state = PlanRevisions::evolve(state, &events[0], minute(0));
        // A crash, and the request again.
        command.may_begin = part % 2 == 0;
    }
    let latest = state.latest().unwrap();
    assert_eq!((latest.revision, &latest.drawing), (1, &large("Arena")));
    assert_eq!(decide(&state, draw(&drawing)).unwrap(), []);
}

#[test]
fn another_drawing_is_another_revision_and_takes_the_place_of_one_that_is_not_whole() {
    let (first, second) = (checked(large("First")), checked(large("Second")));
    let begun = decide(&PlanRevisions::default(), draw(&first)).unwrap();
    let half = PlanRevisions::evolve(PlanRevisions::default(), &begun[0], minute(0));
    // Who was overtaken does not begin again.
    let state = draw_all(half, &second);
    assert_eq!(state.latest().unwrap().drawing.name, "Second");
    let overtaken = DrawPlan { may_begin: false, ..draw(&first) };
    assert!(matches!(decide(&state, overtaken), Err(Rejection::PlanChanged { revision: 1, .. })));
    let state = draw_all(state, &first);
    assert_eq!((state.count(), &*state.latest().unwrap().drawing.name), (2, "First"));
    assert_eq!(state.get(1).unwrap().drawing.name, "Second");
    assert!(state.get(0).is_none() && state.get(3).is_none());
}

#[test]
fn a_drawing_that_is_to_follow_another_revision_is_refused() {
    let state = draw_all(PlanRevisions::default(), &checked(drawing()));
    let other = checked(Drawing { name: "Other".into(), ..drawing() });
    for (follows, fits) in [(None, true), (Some(1), true), (Some(0), false), (Some(2), false)] {
        let decided = decide(&state, DrawPlan { follows, ..draw(&other) });
        assert_eq!(decided.is_ok(), fits, "{follows:?}: {decided:?}");
    }
    // The same again is no change, whatever it was meant to follow.
    assert_eq!(decide(&state, DrawPlan { follows: Some(0), ..draw(&checked(drawing())) }).unwrap(), []);
}

#[test]
fn a_plan_has_so_many_revisions() {
    let numbered = |n: u32| checked(Drawing { name: n.to_string(), ..drawing() });
    let state = (1..=MAX_REVISIONS).fold(PlanRevisions::default(), |state, n| draw_all(state, &numbered(n)));
    assert_eq!(decide(&state, draw(&numbered(MAX_REVISIONS))).unwrap(), []);
    assert!(matches!(decide(&state, draw(&numbered(0))), Err(Rejection::InvalidPlan { .. })));
}

#[test]
fn parts_that_do_not_go_on_change_nothing() {
    let drawing = checked(large("Arena"));
    let events = parts_of(&drawing);
    let spoilt: Vec<(&str, PlanDrawn)> = vec![
        ("a part is missing", events[1].clone()),
        ("another revision", PlanDrawn { revision: 2, ..events[0].clone() }),
        ("no revision", PlanDrawn { revision: 0, ..events[0].clone() }),
    ];
    for (what, event) in spoilt {
        let mut state = PlanRevisions::default();
        state.apply(&event);
        assert!(state.next_part(drawing.fingerprint(), drawing.parts()).is_none(), "{what}");
    }
    let mut state = PlanRevisions::default();
    state.apply(&events[0]);
    state.apply(&PlanDrawn { fingerprint: "0".repeat(64), ..events[1].clone() });
    assert_eq!(state.next_part(drawing.fingerprint(), drawing.parts()), Some(2));
}

/// The events that draw it.
fn parts_of(drawing: &Arc<CheckedDrawing>) -> Vec<PlanDrawn> {
    let (mut state, mut events) = (PlanRevisions::default(), vec![]);
    for _ in 0..drawing.parts() {
        let decided = decide(&state, draw(drawing)).unwrap();
        let Event::PlanDrawn(drawn) = &decided[0] else { panic!("{decided:?}") };
        state.apply(drawn);
        events.push(drawn.clone());
    }
    events
}

#[test]
fn a_book_can_be_stored_and_comes_back_with_revisions_and_draft() {
    let mut book = PlanBook::default();
    let events = [parts_of(&checked(drawing())), parts_of(&checked(large("Arena")))];
    events[0].iter().for_each(|event| book.apply(event));
    let second = events[1].iter().map(|event| PlanDrawn { revision: 2, ..event.clone() });
    second.clone().take(1).for_each(|event| book.apply(&event));
    let mut restored = PlanBook::of(&book.events());
    assert_eq!(restored.events(), book.events());
    assert_eq!(restored.plan(&house()).unwrap().count(), 1);
    second.skip(1).for_each(|event| restored.apply(&event));
    assert_eq!(restored.get(&house(), 2).unwrap().drawing, large("Arena"));
}

#[test]
fn every_seat_of_a_show_on_a_plan_has_its_id_its_label_and_its_neighbours() {
    let state = show::evolve(None, &hamlet().into()).unwrap();
    let plan = &state.plan;
    let ids: Vec<String> = plan.seats().map(|(id, _)| id.to_string()).collect();
    let expected = ["s1", "s2", "x-9", "s4", "stalls.B-1", "stalls.B-2", "stalls.B-3", "balcony.A-1", "balcony.A-2"];
    assert_eq!(ids[..9], expected);
    assert_eq!(ids[9..], ["floor:1", "floor:2", "floor:3", "floor:4", "floor:5"]);
    for (index, (id, seat)) in (0..).zip(plan.seats()) {
        assert_eq!(plan.index_of(&id), Some(index), "{id}");
        assert_eq!(plan.id_of(index), Some(id));
        assert_eq!(plan.seat(index), Some(seat));
    }
    for unknown in ["s3", "x-8", "A-1", "stalls.A-1", "stalls.B-4", "stalls.B-0", "stalls.B-01", "balcony.B-1", "floor:6"] {
        assert_eq!(plan.index_of(&SeatId::new(unknown).unwrap()), None, "{unknown}");
    }
    // An aisle after the second seat.
    assert_eq!([0, 2, 4, 7].map(|index| plan.segment_of(index).unwrap()), [0..2, 2..4, 4..7, 7..9]);
    let rows: Vec<_> = plan.seats().map(|(_, seat)| seat.row).collect();
    assert_eq!(rows[3..8], [Some(0), Some(1), Some(1), Some(1), Some(2)]);
    let prices =
        ["s1", "stalls.B-3", "balcony.A-1", "floor:2"].map(|seat| state.priced(&SeatId::new(seat).unwrap(), None).unwrap().price);
    assert_eq!(prices, [5000, 5000, 1000, 1000]);
    let printed = plan.printed(2).unwrap();
    assert_eq!((printed.section, printed.row, &*printed.label), (Some("The stalls"), "A", "№ 3"));
    assert_eq!(printed.at, Some(Point { x: 750, y: -75 }));
    assert_eq!(Hundredths(-75).to_string(), "-0.75");
    assert_eq!(&*plan.printed(7).unwrap().label, "1");
    assert_eq!(plan.printed(9), None);
}

#[test]
fn a_show_needs_a_revision_that_there_is_and_a_price_for_each_of_its_categories() {
    let schedule = |show: ShowScheduled| show::decide(None, ShowCommand::Schedule(Box::new(show)));
    assert_eq!(schedule(hamlet()).unwrap(), [hamlet().into()]);
    let refused = |show: ShowScheduled| match schedule(show) {
        Err(Rejection::InvalidShow { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(show_on(drawing(), &[("good", 5000)])), "categories");
    let unknown = PlanOfShow { plan: house(), revision: 2, drawn: None };
    assert_eq!(refused(ShowScheduled { plan: Some(unknown), ..hamlet() }), "plan");
    let own = Area {
        area: AreaId::new("stalls").unwrap(),
        category: CategoryId::new("good").unwrap(),
        rows: vec![Row { row: "A".into(), seats: 2, gaps_after: vec![] }],
        own_rows: false,
        capacity: None,
    };
    assert_eq!(refused(ShowScheduled { areas: vec![own], ..hamlet() }), "areas");
}

/// What a reader of the show's stream alone knows.
fn as_stored() -> ShowScheduled {
    let mut show = hamlet();
    show.plan.as_mut().unwrap().drawn = None;
    show
}

#[test]
fn a_show_on_a_plan_keeps_its_seats_and_may_change_its_prices() {
    let state = show::evolve(None, &as_stored().into()).unwrap();
    let revise =
        |changes: ShowChanges| show::decide(Some(&state), ShowCommand::Revise { changes: Box::new(changes), expected: None });
    let prices = |of: &[(&str, i64)]| show_on(drawing(), of).categories;
    let dearer = ShowChanges { categories: Some(prices(&[("good", 6000), ("cheap", 900)])), ..ShowChanges::default() };
    let events = revise(dearer).unwrap();
    let whole = show::evolve(None, &hamlet().into()).unwrap();
    let after = show::evolve(Some(whole), &events[0]).unwrap();
    assert_eq!(after.priced(&SeatId::new("s1").unwrap(), None).unwrap().price, 6000);
    for changes in [
        ShowChanges { categories: Some(prices(&[("good", 6000)])), ..ShowChanges::default() },
        ShowChanges { areas: Some(vec![]), ..ShowChanges::default() },
    ] {
        assert!(matches!(revise(changes), Err(Rejection::InvalidShow { .. })));
    }
    // The same show again, by a reader who looked the plan up.
    assert_eq!(show::decide(Some(&state), ShowCommand::Schedule(Box::new(hamlet()))).unwrap(), []);
}

#[test]
fn a_show_is_laid_out_as_soon_as_its_plan_is_known() {
    let state = show::evolve(None, &as_stored().into()).unwrap();
    assert!(state.plan.is_empty());
    let book = PlanBook::of(&parts_of(&checked(drawing())));
    assert_eq!(state.with_plan(&book).plan.len(), 14);
    assert_eq!(book.with_plan(as_stored()).plan.unwrap().drawn.unwrap().seats().count(), 14);
    assert!(Plan::of(&as_stored()).is_empty());
}

#[test]
fn areas_with_rows_of_their_own_may_have_rows_of_the_same_name() {
    let area = |name: &str, own_rows| Area {
        area: AreaId::new(name).unwrap(),
        category: CategoryId::new("good").unwrap(),
        rows: vec![Row { row: "A".into(), seats: 3, gaps_after: vec![1] }],
        own_rows,
        capacity: None,
    };
    let show = |areas: Vec<Area>| ShowScheduled { plan: None, areas, ..hamlet() };
    let schedule = |areas| show::decide(None, ShowCommand::Schedule(Box::new(show(areas))));
    let house = vec![area("stalls", false), area("balcony", true), area("gallery", true)];
    schedule(house.clone()).unwrap();
    assert!(schedule(vec![area("stalls", false), area("balcony", false)]).is_err());
    assert!(schedule(vec![area(&"x".repeat(64), true), area(&"y".repeat(64), true)]).is_ok());
    let mut long = area(&"x".repeat(64), true);
    long.rows[0].row = "R".repeat(16);
    assert!(schedule(vec![long]).is_err());
    let state = show::evolve(None, &show(house.clone()).into()).unwrap();
    let ids: Vec<String> = state.plan.seats().map(|(id, _)| id.to_string()).collect();
    let expected =
        ["A-1", "A-2", "A-3", "balcony.A-1", "balcony.A-2", "balcony.A-3", "gallery.A-1", "gallery.A-2", "gallery.A-3"];
    assert_eq!(ids, expected);
    assert_eq!(state.plan.segment_of(4), Some(4..6));
    // The ids of seats that there are never change.
    let mut changed = house;
    changed[1].own_rows = false;
    let changes = ShowChanges { areas: Some(changed), ..ShowChanges::default() };
    let command = ShowCommand::Revise { changes: Box::new(changes), expected: None };
    assert!(matches!(show::decide(Some(&state), command), Err(Rejection::InvalidShow { field: "areas", .. })));
}
