//! The rules of a show: what makes a plan, and every command in every state.

use crate::support::*;
use lastseat_domain::event::{
    Discount, Event, Fees, Reward, SalesPaused, SalesResumed, ShowCancelled, ShowDetails, ShowRefundsRequested, ShowRevised,
    ShowScheduled, SingleSeats,
};
use lastseat_domain::plan::{Area, Category, PriceType, Row, merged};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::show::{self, DetailChanges, Show, ShowChanges, ShowCommand};
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, Change, ChannelId, Currency, PriceTypeId, SeatId};
use lastseat_testkit::given::given;
use uuid::Uuid;

pub fn category(name: &str, price: i64) -> Category {
    Category::new(CategoryId::new(name).unwrap(), price)
}

/// The category `front` with several prices.
pub fn typed(types: &[(&str, i64)]) -> Category {
    let price_type = |(name, price): &(&str, i64)| PriceType { price_type: PriceTypeId::new(name).unwrap(), price: *price };
    Category { price_types: types.iter().map(price_type).collect(), ..category("front", types[0].1) }
}

pub fn worth(discount: Discount) -> Reward {
    Reward { reward: "10 % off".into(), weight: 1, discount: Some(discount) }
}

pub fn row(name: &str, seats: u32) -> Row {
    Row { row: name.into(), seats, gaps_after: vec![] }
}

pub fn stalls(rows: Vec<Row>) -> Area {
    Area {
        area: AreaId::new("stalls").unwrap(),
        category: CategoryId::new("front").unwrap(),
        rows,
        own_rows: false,
        capacity: None,
    }
}

pub fn floor(capacity: u32) -> Area {
    Area {
        area: AreaId::new("floor").unwrap(),
        category: CategoryId::new("standing").unwrap(),
        rows: vec![],
        own_rows: false,
        capacity: Some(capacity),
    }
}

/// Two rows of labelled seats, the first with an aisle, and three standing places.
pub fn hamlet() -> ShowScheduled {
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

pub fn scheduled() -> Event {
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

pub fn state(events: impl IntoIterator<Item = Event>) -> Show {
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
