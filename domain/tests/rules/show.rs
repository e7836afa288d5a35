//! The rules of a show: what makes a plan, and every command in every state.

use crate::support;

use lastseat_domain::event::{
    Discount, Event, Fees, PricedSeat, Reward, SalesPaused, SalesResumed, ShowCancelled, ShowDetails, ShowRefundsRequested,
    ShowRevised, ShowScheduled, SingleSeats,
};
use lastseat_domain::plan::{Area, Category, PriceType, Row, merged};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::show::{self, DetailChanges, MAX_AMOUNT, MAX_PRICE_TYPES, MAX_SEATS, Show, ShowChanges, ShowCommand};
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, Change, ChannelId, Currency, Money, PriceTypeId, SeatId};
use lastseat_testkit::given::given;
use support::*;
use uuid::Uuid;

fn category(name: &str, price: i64) -> Category {
    Category::new(CategoryId::new(name).unwrap(), price)
}

/// The category `front` with several prices.
fn typed(types: &[(&str, i64)]) -> Category {
    let price_type = |(name, price): &(&str, i64)| PriceType { price_type: PriceTypeId::new(name).unwrap(), price: *price };
    Category { price_types: types.iter().map(price_type).collect(), ..category("front", types[0].1) }
}

fn worth(discount: Discount) -> Reward {
    Reward { reward: "10 % off".into(), weight: 1, discount: Some(discount) }
}

fn row(name: &str, seats: u32) -> Row {
    Row { row: name.into(), seats, gaps_after: vec![] }
}

fn stalls(rows: Vec<Row>) -> Area {
    Area {
        area: AreaId::new("stalls").unwrap(),
        category: CategoryId::new("front").unwrap(),
        rows,
        own_rows: false,
        capacity: None,
    }
}

fn floor(capacity: u32) -> Area {
    Area {
        area: AreaId::new("floor").unwrap(),
        category: CategoryId::new("standing").unwrap(),
        rows: vec![],
        own_rows: false,
        capacity: Some(capacity),
    }
}

/// Two rows of labelled seats, the first with an aisle, and three standing places.
fn hamlet() -> ShowScheduled {
    ShowScheduled {
        show: show(),
        title: "Hamlet".into(),
        details: ShowDetails::default(),
        fees: Fees::default(),
        currency: Currency::new("EUR").unwrap(),
        categories: vec![category("front", 8500), category("standing", 2000)],
        areas: vec![stalls(vec![Row { row: "A".into(), seats: 4, gaps_after: vec![2] }, row("B", 2)]), floor(3)],
        plan: None,
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

fn scheduled() -> Event {
    hamlet().into()
}

fn paused() -> Event {
    SalesPaused { show: show() }.into()
}

fn resumed() -> Event {
    SalesResumed { show: show() }.into()
}

fn cancelled() -> Event {
    ShowCancelled { show: show() }.into()
}

fn state(events: impl IntoIterator<Item = Event>) -> Show {
    given(events).state::<Show>().unwrap()
}

#[test]
fn a_show_is_scheduled_once_and_the_same_request_again_is_no_other_show() {
    given([]).when(ShowCommand::Schedule(Box::new(hamlet()))).then_events([scheduled()]);
    for history in [vec![scheduled()], vec![scheduled(), paused()], vec![scheduled(), cancelled()]] {
        given(history.clone()).when(ShowCommand::Schedule(Box::new(hamlet()))).then_nothing();
        let other = ShowScheduled { title: "Lear".into(), ..hamlet() };
        given(history).when(ShowCommand::Schedule(Box::new(other))).then_rejected("show_exists");
    }
}

fn revise(changes: ShowChanges) -> ShowCommand {
    ShowCommand::Revise { changes: Box::new(changes), expected: None }
}

fn title(text: &str) -> ShowChanges {
    ShowChanges { title: Some(text.into()), ..ShowChanges::default() }
}

fn revised(of: impl FnOnce(&mut ShowRevised)) -> Event {
    let mut revised = ShowRevised::of(show());
    of(&mut revised);
    revised.into()
}

fn prices(front: i64) -> ShowChanges {
    ShowChanges { categories: Some(vec![category("front", front), category("standing", 2000)]), ..ShowChanges::default() }
}

#[test]
fn a_change_records_what_it_changes_and_nothing_else() {
    let lear = || revised(|r| r.title = Some("Lear".into()));
    given([scheduled()]).when(revise(title("Lear"))).then_events([lear()]);
    given([scheduled()]).when(revise(title("Hamlet"))).then_nothing();
    given([scheduled(), lear()]).when(revise(title("Lear"))).then_nothing();
    given([scheduled(), paused()]).when(revise(title("Lear"))).then_events([lear()]);
    given([]).when(revise(title("Lear"))).then_rejected("show_not_found");
    given([scheduled(), cancelled()]).when(revise(title("Lear"))).then_rejected("show_cancelled");

    let several = ShowChanges {
        max_seats_per_booking: Some(4),
        hold_seconds: Some(600),
        sale_opens_at: Change::Set(minute(5)),
        sale_closes_at: Change::Remove,
        ..ShowChanges::default()
    };
    given([scheduled()]).when(revise(several)).then_events([revised(|r| {
        r.max_seats_per_booking = Some(4);
        r.sale_opens_at = Change::Set(minute(5));
    })]);
    let changed = state([scheduled(), revised(|r| r.sale_closes_at = Change::Set(minute(9)))]);
    assert_eq!(changed.facts.sale_closes_at, Some(minute(9)));
    let again = given([scheduled(), revised(|r| r.sale_closes_at = Change::Set(minute(9)))]);
    let no_end = || ShowChanges { sale_closes_at: Change::Remove, ..ShowChanges::default() };
    again.when(revise(no_end())).then_events([revised(|r| r.sale_closes_at = Change::Remove)]);
}

#[test]
fn the_same_show_may_be_scheduled_again_after_a_change() {
    let lear = revised(|r| r.title = Some("Lear".into()));
    given([scheduled(), lear.clone()]).when(ShowCommand::Schedule(Box::new(hamlet()))).then_nothing();
    let changed = ShowScheduled { title: "Lear".into(), ..hamlet() };
    given([scheduled(), lear]).when(ShowCommand::Schedule(Box::new(changed))).then_rejected("show_exists");
}

#[test]
fn metadata_are_merged_name_by_name() {
    let with = |pairs: &[(&str, &str)]| {
        let metadata = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ShowDetails { venue: Some("Globe".into()), metadata, ..ShowDetails::default() }
    };
    let before: Event = ShowScheduled { details: with(&[("a", "1"), ("b", "2")]), ..hamlet() }.into();
    let changes = |metadata| {
        let details = DetailChanges { metadata, ..DetailChanges::default() };
        revise(ShowChanges { details, ..ShowChanges::default() })
    };
    let merge = [("a", None), ("b", Some("2")), ("c", Some("3"))];
    let merge = merge.into_iter().map(|(k, v)| (k.to_owned(), v.map(str::to_owned))).collect();
    let after = revised(|r| r.details = Some(with(&[("b", "2"), ("c", "3")])));
    given([before.clone()]).when(changes(Change::Set(merge))).then_events([after]);
    given([before]).when(changes(Change::Remove)).then_events([revised(|r| r.details = Some(with(&[])))]);
}

#[test]
fn a_change_for_another_revision_is_refused() {
    let lear = || revised(|r| r.title = Some("Lear".into()));
    let at = |expected| ShowCommand::Revise { changes: Box::new(title("Macbeth")), expected: Some(expected) };
    let macbeth = || revised(|r| r.title = Some("Macbeth".into()));
    given([scheduled()]).when(at(0)).then_events([macbeth()]);
    given([scheduled()]).when(at(1)).then_rejected("show_changed");
    // Pausing changes no price: the show's revision stays.
    given([scheduled(), paused(), resumed()]).when(at(0)).then_events([macbeth()]);
    given([scheduled(), paused(), lear()]).when(at(0)).then_rejected("show_changed");
    given([scheduled(), paused(), lear()]).when(at(1)).then_rejected("show_changed");
    // Somebody else has made the very change: there is nothing to lose.
    given([scheduled(), paused(), macbeth()]).when(at(0)).then_nothing();
    given([scheduled(), paused(), lear(), resumed()]).when(at(2)).then_events([macbeth()]);
    let show = state([scheduled(), paused(), lear(), resumed()]);
    assert_eq!((show.revision, show.head), (2, 3));
}

#[test]
fn seats_are_only_ever_added_and_every_seat_keeps_its_index() {
    let wanted = vec![
        stalls(vec![Row { row: "A".into(), seats: 4, gaps_after: vec![2] }, row("B", 2), row("C", 3)]),
        floor(5),
        Area { area: AreaId::new("balcony").unwrap(), ..stalls(vec![row("Z", 2)]) },
    ];
    let areas = |areas: Vec<Area>| revise(ShowChanges { areas: Some(areas), ..ShowChanges::default() });
    let balcony = wanted[2].clone();
    let added = revised(|r| r.added = vec![stalls(vec![row("C", 3)]), floor(2), balcony]);
    given([scheduled()]).when(areas(wanted.clone())).then_events([added.clone()]);
    given([scheduled(), added.clone()]).when(areas(wanted.clone())).then_nothing();
    given([scheduled()]).when(areas(hamlet().areas)).then_nothing();

    let (before, after) = (state([scheduled()]).plan, state([scheduled(), added.clone()]));
    for (index, (seat, planned)) in before.seats().enumerate() {
        let index = u32::try_from(index).unwrap();
        assert_eq!((after.plan.index_of(&seat), after.plan.seat(index)), (Some(index), Some(planned)), "{seat}");
    }
    let plan = &after.plan;
    let ids: Vec<String> = plan.seats().skip(before.len() as usize).map(|(seat, _)| seat.to_string()).collect();
    assert_eq!(ids, ["C-1", "C-2", "C-3", "floor:4", "floor:5", "Z-1", "Z-2"]);
    for (seat, planned) in plan.seats() {
        let index = plan.index_of(&seat).unwrap();
        assert_eq!((plan.id_of(index), plan.seat(index)), (Some(seat), Some(planned)));
    }
    for unknown in ["floor:6", "floor:0", "C-4", "Z-3"] {
        assert_eq!(plan.index_of(&SeatId::new(unknown).unwrap()), None, "{unknown}");
    }
    let of = |area: &str| plan.area(&AreaId::new(area).unwrap()).unwrap().clone();
    assert_eq!((of("floor").capacity, of("floor").ranges, of("stalls").ranges), (5, vec![6..9, 12..14], vec![0..6, 9..12]));
    assert_eq!(merged(&after.facts.areas), wanted);
    // A second addition of places, and one that follows it in the plan.
    let mut more = wanted.clone();
    more[1] = floor(6);
    let again = revised(|r| r.added = vec![floor(1)]);
    given([scheduled(), added.clone()]).when(areas(more)).then_events([again.clone()]);
    let plan = state([scheduled(), added, again]).plan;
    assert_eq!(plan.index_of(&SeatId::new("floor:6").unwrap()), Some(16));
    let floor_seats = plan.area(&AreaId::new("floor").unwrap()).unwrap().seats().map(|index| plan.id_of(index).unwrap());
    assert_eq!(
        floor_seats.map(|id| id.to_string()).collect::<Vec<_>>().join(" "),
        "floor:1 floor:2 floor:3 floor:4 floor:5 floor:6"
    );
}

#[test]
fn a_change_that_would_touch_a_seat_or_makes_no_sense_is_named() {
    type Spoil = fn(&mut ShowChanges);
    let table: Vec<(&str, &str, Spoil)> = vec![
        ("areas", "area removed", |c| c.areas = Some(vec![floor(3)])),
        ("areas", "row removed", |c| c.areas.as_mut().unwrap()[0].rows.truncate(1)),
        ("areas", "row shorter", |c| c.areas.as_mut().unwrap()[0].rows[1].seats = 1),
        ("areas", "row longer", |c| c.areas.as_mut().unwrap()[0].rows[1].seats = 3),
        ("areas", "rows in another order", |c| c.areas.as_mut().unwrap()[0].rows.reverse()),
        ("areas", "fewer places", |c| c.areas.as_mut().unwrap()[1].capacity = Some(2)),
        ("areas", "rows instead of places", |c| {
            (c.areas.as_mut().unwrap()[1].capacity, c.areas.as_mut().unwrap()[1].rows) = (None, vec![row("X", 1)]);
        }),
        ("areas", "another category", |c| c.areas.as_mut().unwrap()[0].category = CategoryId::new("standing").unwrap()),
        ("areas", "a row that there is", |c| c.areas.as_mut().unwrap()[0].rows.push(row("A", 1))),
        ("areas", "an area twice", |c| c.areas.as_mut().unwrap().push(floor(3))),
        ("areas", "too many", |c| c.areas.as_mut().unwrap()[1].capacity = Some(200_001)),
        ("areas", "a category gone that is in use", |c| c.categories = Some(vec![category("front", 1)])),
        ("categories", "negative", |c| c.categories = Some(vec![category("front", -1), category("standing", 1)])),
        ("title", "empty", |c| c.title = Some(String::new())),
        ("venue", "empty", |c| c.details.venue = Change::Set(String::new())),
        ("max_seats_per_booking", "none", |c| c.max_seats_per_booking = Some(0)),
        ("max_seats_per_buyer", "a limit for a show without one", |c| c.max_seats_per_buyer = Change::Set(4)),
        ("hold_seconds", "none", |c| c.hold_seconds = Some(0)),
        ("sale_closes_at", "before the opening", |c| {
            (c.sale_opens_at, c.sale_closes_at) = (Change::Set(minute(2)), Change::Set(minute(1)));
        }),
    ];
    for (field, what, spoil) in table {
        let mut changes = ShowChanges { areas: Some(hamlet().areas), ..ShowChanges::default() };
        spoil(&mut changes);
        match show::decide(Some(&state([scheduled()])), revise(changes)) {
            Err(Rejection::InvalidShow { field: named, .. }) => assert_eq!(named, field, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn prices_are_those_of_the_latest_revision_and_limits_for_buyers_may_change_where_there_was_one() {
    let show = state([scheduled(), revised(|r| r.categories = prices(9000).categories)]);
    assert_eq!((show.plan.seat(0).unwrap().price, show.plan.area(&AreaId::new("stalls").unwrap()).unwrap().price), (9000, 9000));
    let limited: Event = ShowScheduled { max_seats_per_buyer: Some(4), ..hamlet() }.into();
    let limit = |limit| ShowChanges { max_seats_per_buyer: limit, ..ShowChanges::default() };
    let none = || revised(|r| r.max_seats_per_buyer = Change::Remove);
    given([limited.clone()]).when(revise(limit(Change::Remove))).then_events([none()]);
    // What each buyer has was counted all along.
    let two = revised(|r| r.max_seats_per_buyer = Change::Set(2));
    given([limited, none()]).when(revise(limit(Change::Set(2)))).then_events([two]);
}

#[test]
fn what_was_never_scheduled_cannot_be_paused_resumed_or_cancelled() {
    for command in [ShowCommand::Pause, ShowCommand::Resume, ShowCommand::Cancel] {
        given([]).when(command).then_rejected("show_not_found");
    }
}

#[test]
fn a_sale_is_paused_and_resumed() {
    given([scheduled()]).when(ShowCommand::Pause).then_events([paused()]);
    given([scheduled(), paused()]).when(ShowCommand::Pause).then_nothing();
    given([scheduled(), paused()]).when(ShowCommand::Resume).then_events([resumed()]);
    given([scheduled()]).when(ShowCommand::Resume).then_nothing();
    given([scheduled(), paused(), resumed()]).when(ShowCommand::Pause).then_events([paused()]);
}

#[test]
fn a_cancelled_show_stays_cancelled() {
    given([scheduled()]).when(ShowCommand::Cancel).then_events([cancelled()]);
    given([scheduled(), paused()]).when(ShowCommand::Cancel).then_events([cancelled()]);
    given([scheduled(), cancelled()]).when(ShowCommand::Cancel).then_nothing();
    given([scheduled(), cancelled()]).when(ShowCommand::Pause).then_rejected("show_cancelled");
    given([scheduled(), cancelled()]).when(ShowCommand::Resume).then_rejected("show_cancelled");
}

#[test]
fn the_bookings_of_a_cancelled_show_are_refunded_by_one_request() {
    let request = || ShowCommand::RequestRefunds { by: "mary".to_owned() };
    let requested = || -> Event { ShowRefundsRequested { show: show(), by: "mary".to_owned() }.into() };
    given([scheduled()]).when(request()).then_rejected("show_not_cancelled");
    given([scheduled(), paused()]).when(request()).then_rejected("show_not_cancelled");
    given([scheduled(), cancelled()]).when(request()).then_events([requested()]);
    given([scheduled(), cancelled(), requested()]).when(request()).then_nothing();
    assert_eq!(state([scheduled(), cancelled(), requested()]).refunds_requested_by.as_deref(), Some("mary"));
}

#[test]
fn holds_are_taken_only_while_it_sells() {
    assert_eq!(state([scheduled()]).check_on_sale(minute(0)), Ok(()));
    assert_eq!(state([scheduled(), paused()]).check_on_sale(minute(0)), Err(Rejection::SalesPaused { show: show() }));
    assert_eq!(state([scheduled(), paused(), resumed()]).check_on_sale(minute(0)), Ok(()));
    assert_eq!(state([scheduled(), cancelled()]).check_on_sale(minute(0)), Err(Rejection::ShowCancelled { show: show() }));
}

#[test]
fn the_sale_window_opens_at_its_first_moment_and_is_shut_at_its_last() {
    let (opens_at, closed_at) = (minute(10), minute(20));
    let facts = ShowScheduled { sale_opens_at: Some(opens_at), sale_closes_at: Some(closed_at), ..hamlet() };
    let on_sale = |at| state([facts.clone().into()]).check_on_sale(minute(at));
    assert_eq!(on_sale(9), Err(Rejection::SaleNotOpen { show: show(), opens_at }));
    assert_eq!(on_sale(10), Ok(()));
    assert_eq!(on_sale(19), Ok(()));
    assert_eq!(on_sale(20), Err(Rejection::SaleClosed { show: show(), closed_at }));
}

#[test]
fn what_a_show_tells_people_is_stored_as_it_was_written() {
    let text = |text: &str| Some(text.to_owned());
    let details = ShowDetails {
        venue: text("Theater an der Wien 演"),
        starts_at: Some(minute(90)),
        doors_at: Some(minute(90)),
        timezone: text("America/Argentina/Buenos_Aires"),
        description: text(&format!("Two hours,\n\tone interval. {}", "x".repeat(4000))),
        image_url: text("https://example.com:8443/a%20b.png?w=1#x"),
        metadata: [("a".to_owned(), "x".repeat(4095))].into(),
    };
    let facts = ShowScheduled { details: details.clone(), ..hamlet() };
    given([]).when(ShowCommand::Schedule(Box::new(facts.clone()))).then_events([facts.clone().into()]);
    assert_eq!(state([facts.into()]).facts.details, details);
    for zone in ["UTC", "Europe/Vienna", "Etc/GMT+1"] {
        let details = ShowDetails { timezone: text(zone), ..ShowDetails::default() };
        let facts = ShowScheduled { details, ..hamlet() };
        given([]).when(ShowCommand::Schedule(Box::new(facts.clone()))).then_events([facts.into()]);
    }
}

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

#[test]
fn events_of_other_streams_leave_a_show_alone() {
    assert!(show::evolve(None, &committed()).is_none());
    assert!(show::evolve(None, &paused()).is_none());
}

#[test]
fn a_show_without_guests_sells_to_accounts_and_at_the_till() {
    let (guest, buyer) = (BuyerId::guest(BookingId(Uuid::from_u128(1))), BuyerId::new("anna").unwrap());
    let channel = |name: &str| ChannelId::new(name).unwrap();
    let closed = state([Event::from(ShowScheduled { guests: false, ..hamlet() })]);
    for refused in [None, Some(channel("sponsor"))] {
        assert_eq!(closed.check_buyer(&guest, refused.as_ref()).unwrap_err().code(), "guests_refused");
    }
    assert!(closed.check_buyer(&guest, Some(&channel("till"))).is_ok());
    assert!(closed.check_buyer(&buyer, None).is_ok());
    assert!(state([scheduled()]).check_buyer(&guest, None).is_ok());
}

#[test]
fn guests_are_turned_away_and_let_in_again_by_a_revision() {
    let guests = |guests: bool| ShowChanges { guests: Some(guests), guest_challenge: Some(!guests), ..ShowChanges::default() };
    let of = |guests: bool| -> Event {
        ShowRevised { guests: Some(guests), guest_challenge: Some(!guests), ..ShowRevised::of(show()) }.into()
    };
    given([scheduled()]).when(revise(guests(false))).then_events([of(false)]);
    given([scheduled(), of(false)]).when(revise(guests(false))).then_nothing();
    given([scheduled(), of(false)]).when(revise(guests(true))).then_events([of(true)]);
    let facts = state([scheduled(), of(false)]).facts;
    assert_eq!((facts.guests, facts.guest_challenge), (false, true));
}
