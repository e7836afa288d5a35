//! Lists say what a filter of all bookings says, page by page, and every filter has an index.

use super::super::booking_list::{self, Query};
use super::*;
use crate::booking_filter::{BookingFilter, TimeSpan};
use crate::bookings::{BookingStatus, BookingView};
use chrono::TimeDelta;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{BookingId, CampaignId, SeatId, ShowId, Timestamp, VoucherHash};
use lastseat_testkit::PlainCodes;
use proptest::sample::select;

fn span(from: Option<i64>, to: Option<i64>) -> TimeSpan {
    let at = |seconds: i64| epoch() + TimeDelta::seconds(seconds);
    TimeSpan { from: from.map(at), to: to.map(at) }
}

fn spans() -> impl Strategy<Value = TimeSpan> {
    let ends = (prop::option::weighted(0.3, 0_i64..1500), prop::option::weighted(0.3, 0_i64..1500));
    ends.prop_map(|(from, to)| span(from, to))
}

fn filters() -> impl Strategy<Value = BookingFilter> {
    let of = |names: &'static [&'static str]| prop::option::weighted(0.3, select(names));
    let metadata = select(vec![
        vec![],
        vec![],
        vec![],
        vec![("campaign", "spring")],
        vec![("campaign", "autumn"), ("gate", "=1+1")],
        vec![("gate", "")],
    ]);
    let shop = (of(&["order 0", "order 2", "order 4", "none"]), metadata);
    let names = (of(&["gala", "rave", "club", "none"]), of(&["buyer-0", "buyer-1"]), of(&["A-1", "B-2", "floor:3"]));
    let statuses = prop::option::weighted(0.3, select(BookingStatus::ALL.to_vec()));
    let rare = (prop::bool::weighted(0.2), prop::option::weighted(0.3, prop::bool::ANY));
    (names, shop, statuses, spans(), spans(), rare).prop_map(
        |((show, buyer, seat), (reference, metadata), status, opened, confirmed, (voucher, under_review))| BookingFilter {
            show: show.map(|show| ShowId::new(show).unwrap()),
            status,
            buyer: buyer.map(|buyer| BuyerId::new(buyer).unwrap()),
            seat: seat.map(|seat| SeatId::new(seat).unwrap()),
            voucher: voucher.then(|| PlainCodes.of_campaign(CampaignId(uuid::Uuid::from_u128(1 << 64 | 9)), 1)),
            reference: reference.map(str::to_owned),
            metadata: metadata.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            under_review,
            opened,
            confirmed,
        },
    )
}

/// All pages of a list.
fn all(writer: &Writer, filter: &BookingFilter, size: usize) -> Vec<BookingView> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = booking_list::page(writer.connection(), filter, after, size).unwrap().unwrap();
        assert!(page.data.len() <= size && (!page.has_more || page.data.len() == size));
        found.extend(page.data);
        after = found.last().map(|view: &BookingView| view.booking);
        if !page.has_more {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_what_the_filter_leaves_of_all_bookings(
        steps in steps(80), stride in 1_u64..5, filters in prop::collection::vec(filters(), 12), size in 1_usize..6
    ) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        let log = with_shop_data(decoded(&world.log));
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join(FILE)).unwrap();
        writer.fold(&batch(&log)).unwrap();
        let everything = all(&writer, &BookingFilter::default(), size);
        prop_assert!(everything.windows(2).all(|pair| pair[0].opened > pair[1].opened), "newest first");
        let opened = log.iter().filter(|event| matches!(event.event, Event::BookingOpened(_))).count();
        prop_assert_eq!(everything.len(), opened);
        let under_review = everything.iter().filter(|view| view.flagged).count() as u64;
        prop_assert_eq!(booking_list::under_review(writer.connection()).unwrap(), under_review);
        for filter in filters {
            let wanted: Vec<_> = everything.iter().filter(|view| filter.applies_to(view)).cloned().collect();
            prop_assert_eq!(all(&writer, &filter, size), wanted, "{:?}", filter);
        }
    }
}

/// A filter with the parts whose bits are set.
fn with_parts(parts: u32) -> BookingFilter {
    let has = |bit: u32| parts & 1 << bit != 0;
    let metadata = |name: &str| (name.to_owned(), "x".to_owned());
    BookingFilter {
        show: has(0).then(|| show_id("gala")),
        status: has(1).then_some(BookingStatus::Held),
        buyer: has(2).then(|| BuyerId::new("anna").unwrap()),
        seat: has(3).then(|| SeatId::new("A-1").unwrap()),
        voucher: has(8).then(|| VoucherHash::of_bytes([1; 32])),
        reference: has(4).then(|| "x".to_owned()),
        metadata: if has(5) { vec![metadata("a"), metadata("b")] } else { vec![] },
        under_review: if has(9) {
            Some(true)
        } else if has(10) {
            Some(false)
        } else {
            None
        },
        opened: if has(6) { span(Some(1), Some(2)) } else { TimeSpan::default() },
        confirmed: if has(7) { span(Some(1), None) } else { TimeSpan::default() },
    }
}

/// What SQLite does for a list, step by step.
fn plan_of(writer: &Writer, filter: &BookingFilter) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {}", Query::of(filter).sql());
    let mut statement = writer.connection().prepare(&sql).unwrap_or_else(|error| panic!("{error}: {filter:?}"));
    let count = statement.parameter_count();
    let rows = statement.query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_list_is_looked_up_in_an_index_and_never_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::create(&folder.path().join(FILE)).unwrap();
    for parts in 0..2048 {
        let filter = with_parts(parts);
        let plan = plan_of(&writer, &filter);
        let text = plan.join("\n");
        assert!(!text.contains("SCAN") && !text.contains("TEMP B-TREE"), "{filter:?}:\n{text}");
        let index = match &filter {
            BookingFilter { voucher: Some(_), .. } => "bookings_by_voucher (<expr>=? AND rowid<?)",
            BookingFilter { reference: Some(_), .. } => "bookings_by_reference (reference=? AND rowid<?)",
            BookingFilter { under_review: Some(true), .. } => "bookings_under_review (opened<?)",
            BookingFilter { metadata, .. } if !metadata.is_empty() => "PRIMARY KEY (name=? AND value=? AND opened<?)",
            BookingFilter { show: Some(_), seat: Some(_), .. } => "PRIMARY KEY (show=? AND seat=? AND opened<?)",
            BookingFilter { buyer: Some(_), .. } => "bookings_of_buyer (buyer=? AND rowid<?)",
            BookingFilter { show: Some(_), .. } => "bookings_of_show (show=? AND rowid<?)",
            BookingFilter { status: Some(_), .. } => "bookings_by_status (status=? AND rowid<?)",
            _ => "INTEGER PRIMARY KEY (rowid<?)",
        };
        // A span of time narrows the positions further.
        let place = index.replace("rowid<?", "rowid").replace("opened<?", "opened").replace(')', "");
        assert!(plan[0].starts_with("SEARCH") && plan[0].contains(&place), "{index}, {filter:?}:\n{text}");
        for (span, index) in [(filter.opened, "bookings_by_opened_at"), (filter.confirmed, "bookings_by_confirmed_at")] {
            let ends = format!("SEARCH bookings USING COVERING INDEX {index}");
            assert_eq!(text.matches(&ends).count(), if span.is_everything() { 0 } else { 2 }, "{filter:?}:\n{text}");
        }
    }
}

#[test]
fn a_page_goes_on_after_a_booking_that_the_filter_no_longer_applies_to() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    world.schedule(plan("rave", 1, 6, 0));
    let held: Vec<BookingId> = (1..=5).map(|n| world.hold("buyer-1", "gala", &[format!("A-{n}").as_str()])).collect();
    let elsewhere = world.hold("buyer-1", "rave", &["A-1"]);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join(FILE)).unwrap();
    writer.fold(&batch(&decoded(&world.log))).unwrap();
    let filter = BookingFilter { show: Some(show_id("gala")), status: Some(BookingStatus::Held), ..BookingFilter::default() };
    let first = booking_list::page(writer.connection(), &filter, None, 2).unwrap().unwrap();
    assert_eq!(first.data.iter().map(|view| view.booking).collect::<Vec<_>>(), [held[4], held[3]]);

    world.pay(held[3]);
    world.hold("buyer-2", "gala", &["B-1"]);
    writer.fold(&batch(&decoded(&world.log))).unwrap();
    let second = booking_list::page(writer.connection(), &filter, Some(held[3]), 9).unwrap().unwrap();
    assert_eq!(second.data.iter().map(|view| view.booking).collect::<Vec<_>>(), [held[2], held[1], held[0]]);
    let unknown = |cursor| booking_list::page(writer.connection(), &filter, Some(cursor), 9).unwrap().is_none();
    assert!(unknown(elsewhere) && unknown(BookingId(uuid::Uuid::nil())));
}

#[test]
fn a_booking_that_is_listed_where_it_does_not_belong_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join(FILE)).unwrap();
    writer.fold(&batch(&decoded(&some_world().log))).unwrap();
    writer.connection().execute("UPDATE bookings SET status = 'held'", []).unwrap();
    let filter = BookingFilter { status: Some(BookingStatus::Held), ..BookingFilter::default() };
    assert!(matches!(booking_list::page(writer.connection(), &filter, None, 9), Err(TablesFault::Damaged(_))));
}

/// Times in a foreign log may be finer than those in the columns.
#[test]
fn a_time_between_two_milliseconds_is_no_damage() {
    let mut log = decoded(&some_world().log);
    for event in &mut log {
        let mut finer = (**event).clone();
        finer.metadata.at += TimeDelta::microseconds(400);
        *event = Arc::new(finer);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join(FILE)).unwrap();
    writer.fold(&batch(&log)).unwrap();
    let at: Timestamp = all(&writer, &BookingFilter::default(), 9)[0].opened_at;
    for micros in [-1, 0, 1] {
        let from = Some(at + TimeDelta::microseconds(micros));
        let filter = BookingFilter { opened: TimeSpan { from, to: None }, ..BookingFilter::default() };
        assert!(!all(&writer, &filter, 9).is_empty());
    }
}
