//! Blocks: seats out of the open sale. Who gets a seat that a block and holds want, what is refused, and what is
//! completed from the log.

use crate::common::checker::{assert_safe, assert_settled};
use crate::common::*;
use futures::future::{join, join_all};
use lastseat_audit::Audit;
use lastseat_domain::block::Access;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{Event, RequestFingerprint};
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::{AccessCodeHash, AreaId, BlockId, BuyerId, ChannelId, SeatId, SeatState};
use lastseat_engine::{BlockRequest, BlockSelection, BoxOffice, CommandError, HoldRequest, OpenedBlock, SeatSelection};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

pub fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

pub fn named(labels: &[&str]) -> BlockSelection {
    BlockSelection::Seats(labels.iter().map(|l| SeatId::new(l).unwrap()).collect())
}

fn units(quantity: u32) -> BlockSelection {
    BlockSelection::Any { area: AreaId::new("floor").unwrap(), quantity }
}

pub fn block_id(n: u128) -> BlockId {
    BlockId(Uuid::from_u128((n << 64) | 0xb10c))
}

pub fn request(n: u128, selection: BlockSelection) -> BlockRequest {
    BlockRequest {
        block: block_id(n),
        show: show(),
        selection,
        partial: false,
        reason: "Sponsor".to_owned(),
        channel: None,
        access_code: None,
        fingerprint: None,
        origin: "manager".into(),
    }
}

async fn open(office: &BoxOffice, n: u128, labels: &[&str]) -> Result<OpenedBlock, CommandError> {
    office.open_block(request(n, named(labels))).await
}

fn labels(opened: &OpenedBlock) -> Vec<&str> {
    opened.block.opened.as_ref().unwrap().seats.iter().map(SeatId::as_str).collect()
}

/// The rules of the audit, which knows nothing of the engine's.
pub async fn assert_audited(bench: &TestBench, what: &str) {
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "{what}: {report}");
}

/// Which seats are blocked, by the last event of each.
pub async fn blocked_seats(bench: &TestBench) -> BTreeMap<SeatId, BlockId> {
    let mut blocked = BTreeMap::new();
    for envelope in bench.history().await {
        let Some((_, seat)) = envelope.stream.as_seat() else { continue };
        match &envelope.event {
            Event::SeatBlocked(e) => drop(blocked.insert(seat, e.block)),
            Event::SeatReleased(e) => drop(e.block.map(|block| blocked.insert(seat, block))),
            _ => drop(blocked.remove(&seat)),
        }
    }
    blocked
}

#[test]
fn a_blocked_seat_is_refused_until_its_block_is_lifted() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let opened = open(&office, 1, &["A-2", "A-1"]).await.unwrap();
        assert_eq!((labels(&opened), opened.taken.len(), opened.replayed), (vec!["A-1", "A-2"], 0, false));
        match hold(&bench, &office, seats(&["A-1"])).await {
            Err(CommandError::Rejected(lastseat_domain::Rejection::SeatUnavailable { state, .. })) => {
                assert_eq!(state, SeatState::Unavailable);
            }
            other => panic!("{other:?}"),
        }
        assert!(hold(&bench, &office, seats(&["A-3"])).await.is_ok());
        assert_eq!(code(open(&office, 2, &["A-2"]).await), "seat_unavailable");
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        assert!(hold(&bench, &office, seats(&["A-1", "A-2"])).await.is_ok());
        later(700).await;
        assert_settled(&bench, "lifted").await;
        assert_audited(&bench, "lifted").await;
        assert_eq!(blocked_seats(&bench).await, BTreeMap::new());
    });
}

#[test]
fn a_block_is_all_or_none_unless_whatever_is_free_will_do() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-2"])).await.unwrap();
        assert_eq!(code(open(&office, 1, &["A-1", "A-2", "A-3"]).await), "seat_unavailable");
        assert_eq!(blocked_seats(&bench).await, BTreeMap::new());
        let partial = BlockRequest { partial: true, ..request(2, named(&["A-1", "A-2", "A-3"])) };
        let opened = office.open_block(partial).await.unwrap();
        assert_eq!(labels(&opened), ["A-1", "A-3"]);
        let taken: Vec<_> = opened.taken.iter().map(|taken| (taken.seat.as_str(), taken.state)).collect();
        assert_eq!(taken, [("A-2", SeatState::Locked)]);
        let nothing = BlockRequest { partial: true, ..request(3, named(&["A-1", "A-2"])) };
        assert_eq!(code(office.open_block(nothing).await), "seat_unavailable");
        assert_audited(&bench, "partial").await;
    });
}

#[test]
fn places_of_an_area_are_blocked_by_quantity_and_not_counted_as_available() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let opened = office.open_block(request(1, units(15))).await.unwrap();
        assert_eq!(labels(&opened).len(), 15);
        assert_eq!(code(hold(&bench, &office, floor(6)).await), "seat_unavailable");
        assert!(hold(&bench, &office, floor(5)).await.is_ok());
        assert_eq!(code(hold(&bench, &office, floor(1)).await), "sold_out");
        assert_eq!(code(office.open_block(request(2, units(1))).await), "sold_out");
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        assert_eq!(code(office.open_block(request(3, units(16))).await), "seat_unavailable");
        let partial = BlockRequest { partial: true, ..request(4, units(16)) };
        assert_eq!(labels(&office.open_block(partial).await.unwrap()).len(), 15);
        assert_audited(&bench, "quantity").await;
    });
}

#[test]
fn what_can_not_be_blocked_is_refused() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        for (selection, wrong) in [
            (named(&[]), "invalid_block"),
            (named(&["A-1", "A-1"]), "duplicate_seats"),
            (named(&["Z-1"]), "unknown_seat"),
            (named(&["floor:1"]), "unknown_seat"),
            (units(0), "invalid_block"),
            (units(5_001), "invalid_block"),
            (BlockSelection::Any { area: AreaId::new("stalls").unwrap(), quantity: 1 }, "unknown_area"),
        ] {
            assert_eq!(code(office.open_block(request(1, selection)).await), wrong);
        }
        let no_reason = BlockRequest { reason: " ".to_owned(), ..request(1, named(&["A-1"])) };
        assert_eq!(code(office.open_block(no_reason).await), "invalid_block");
        assert_eq!(code(office.lift_block(&show(), block_id(1), "manager").await), "block_not_found");
        office.cancel_show(&show(), "manager").await.unwrap();
        assert_eq!(code(open(&office, 1, &["A-1"]).await), "show_cancelled");
        assert_eq!(blocked_seats(&bench).await, BTreeMap::new());
    });
}

#[test]
fn the_same_request_again_gets_the_same_block_and_another_under_its_key_none() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let keyed = |body: &str| Some(RequestFingerprint { key: "k".to_owned(), body: body.to_owned() });
        let first = BlockRequest { fingerprint: keyed("one"), partial: true, ..request(1, named(&["A-1", "A-2"])) };
        hold(&bench, &office, seats(&["A-2"])).await.unwrap();
        assert!(!office.open_block(first.clone()).await.unwrap().replayed);
        let second = bench.node().await;
        for node in [&office, &second] {
            let again = node.open_block(first.clone()).await.unwrap();
            assert_eq!((again.replayed, labels(&again), again.taken.len()), (true, vec!["A-1"], 1));
        }
        let other = BlockRequest { fingerprint: keyed("two"), ..request(1, named(&["A-5"])) };
        assert_eq!(code(office.open_block(other).await), "idempotency_key_reused");
        let written = bench.history().await.iter().filter(|e| e.event.name() == "BlockOpened").count();
        assert_eq!(written, 1);
    });
}

pub fn code_of(text: &str) -> AccessCodeHash {
    AccessCodeHash(text.to_owned())
}

pub fn with_code(text: &str) -> Access {
    Access { code: Some(code_of(text)), ..Access::default() }
}

fn till() -> Access {
    Access { channel: Some(ChannelId::new("till").unwrap()), ..Access::default() }
}

pub async fn hold_with(
    bench: &TestBench,
    office: &BoxOffice,
    selection: SeatSelection,
    access: Access,
) -> Result<Booking, CommandError> {
    let booking = bench.new_booking();
    let (buyer, show) = (BuyerId::guest(booking), show());
    office.hold_with_access(HoldRequest::new(booking, show, selection, buyer), access).await.map(|hold| hold.booking)
}

fn labels_of(booking: &Booking) -> Vec<&str> {
    booking.seats().iter().map(|seat| seat.seat.as_str()).collect()
}

#[test]
fn only_who_has_access_buys_from_a_block() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let sponsor = ChannelId::new("sponsor").unwrap();
        let (channel, access_code) = (Some(sponsor.clone()), Some(code_of("right")));
        let block = BlockRequest { channel, access_code, ..request(1, named(&["A-1", "A-2", "A-3"])) };
        office.open_block(block).await.unwrap();
        let at_the_till = BlockRequest { channel: till().channel, ..request(2, named(&["B-1"])) };
        office.open_block(at_the_till).await.unwrap();
        open(&office, 3, &["B-2"]).await.unwrap();

        for (seat, access, wrong) in [
            ("A-1", Access::default(), "seat_unavailable"),
            ("A-1", till(), "seat_unavailable"),
            ("A-1", with_code("wrong"), "access_refused"),
            ("A-1", Access { channel: Some(sponsor.clone()), ..Access::default() }, "access_refused"),
            ("A-1", Access { code: Some(code_of("right")), ..till() }, "access_refused"),
            ("B-1", with_code("right"), "seat_unavailable"),
            ("B-2", with_code("right"), "seat_unavailable"),
            ("B-2", till(), "seat_unavailable"),
            ("B-3", with_code("wrong"), "access_refused"),
        ] {
            let refused = hold_with(&bench, &office, seats(&[seat]), access.clone()).await;
            assert_eq!(code(refused), wrong, "{seat} {access:?}");
        }
        let sold = hold_with(&bench, &office, seats(&["A-1", "B-5"]), with_code("right")).await.unwrap();
        let opened = sold.opened.as_ref().unwrap();
        assert_eq!((&opened.channel, &opened.access_code), (&Some(sponsor), &Some(code_of("right"))));
        pay(&office, &sold, "pm_card_visa").await.unwrap();
        let over_the_counter = hold_with(&bench, &office, seats(&["B-1", "B-6"]), till()).await.unwrap();
        assert_eq!(over_the_counter.opened.as_ref().unwrap().channel, till().channel);
        // Sold on another node, too.
        let second = bench.node().await;
        hold_with(&bench, &second, seats(&["A-2"]), with_code("right")).await.unwrap();
        assert_eq!(code(hold_with(&bench, &second, seats(&["A-2"]), with_code("right")).await), "seat_unavailable");
        later(1500).await;
        assert_settled(&bench, "access").await;
        assert_audited(&bench, "access").await;
        let back: Vec<_> = blocked_seats(&bench).await.into_keys().map(|seat| seat.to_string()).collect();
        assert_eq!(back, ["A-2", "A-3", "B-1", "B-2"], "what was not paid for is in its block again");
        office.refund(sold.id, "manager").await.unwrap();
        later(2).await;
        assert!(blocked_seats(&bench).await.contains_key(&SeatId::new("A-1").unwrap()), "after a refund, too");
        assert_audited(&bench, "refunded").await;
    });
}

#[test]
fn seats_that_are_not_named_come_from_the_block_first_and_then_from_the_open_sale() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let access_code = Some(code_of("right"));
        let block = |n, selection| BlockRequest { access_code: access_code.clone(), ..request(n, selection) };
        office.open_block(block(1, named(&["B-4", "B-5", "B-6"]))).await.unwrap();
        let floors = office.open_block(block(2, units(3))).await.unwrap();
        let pair = hold_with(&bench, &office, best(2), with_code("right")).await.unwrap();
        assert_eq!(labels_of(&pair), ["B-5", "B-6"], "of the block, although the front row is free");
        let next = hold_with(&bench, &office, best(2), with_code("right")).await.unwrap();
        assert!(labels_of(&next).iter().all(|seat| seat.starts_with("A-")), "{next:?}");
        let four = hold_with(&bench, &office, floor(4), with_code("right")).await.unwrap();
        assert!(labels(&floors).iter().all(|unit| labels_of(&four).contains(unit)), "{four:?}");
        // Without the code there are 16 places, with it as many: the block is used up.
        assert!(hold(&bench, &office, floor(6)).await.is_ok() && hold(&bench, &office, floor(6)).await.is_ok());
        assert_eq!(code(hold_with(&bench, &office, floor(5), with_code("right")).await), "seat_unavailable");
        assert!(hold_with(&bench, &office, floor(4), with_code("right")).await.is_ok());
        assert_audited(&bench, "best").await;
    });
}

/// A hold of a seat of a block ends before the block is lifted, and after.
#[test]
fn a_seat_returns_to_its_block_or_to_the_open_sale_if_the_block_is_over() {
    in_virtual_time(async |atomic| {
        for lift_first in [false, true] {
            let what = format!("atomic: {atomic}, lift first: {lift_first}");
            let bench = TestBench::new(atomic);
            let office = bench.open().await;
            let block = BlockRequest { access_code: Some(code_of("right")), ..request(1, named(&["A-1", "A-2"])) };
            office.open_block(block).await.unwrap();
            let held = hold_with(&bench, &office, seats(&["A-1"]), with_code("right")).await.unwrap();
            if lift_first {
                office.lift_block(&show(), block_id(1), "manager").await.unwrap();
                assert!(hold(&bench, &office, seats(&["A-2"])).await.is_ok(), "{what}");
                assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable", "{what}");
            }
            office.cancel(held.id, "buyer").await.unwrap();
            later(2).await;
            if !lift_first {
                assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable", "{what}");
                office.lift_block(&show(), block_id(1), "manager").await.unwrap();
            }
            assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok(), "{what}");
            later(1).await;
            assert_eq!(office.status().unfinished, if lift_first { 2 } else { 1 }, "{what}: the open holds");
            later(1500).await;
            assert_settled(&bench, &what).await;
            assert_audited(&bench, &what).await;
        }
    });
}

/// 50 holds and a block want the same seats at the same moment, on one node and on two.
#[test]
fn of_a_block_and_fifty_holds_each_seat_has_one_owner() {
    in_virtual_time(async |atomic| {
        for (nodes, partial) in [(1, false), (1, true), (2, false), (2, true)] {
            let what = format!("atomic: {atomic}, {nodes} nodes, partial: {partial}");
            let bench = TestBench::new(atomic);
            bench.open().await.drain(Duration::from_secs(1)).await;
            let mut offices = Vec::new();
            for _ in 0..nodes {
                offices.push(bench.node().await);
            }
            let all: Vec<String> = (1..=10).map(|n| format!("A-{n}")).collect();
            let wanted: Vec<&str> = all.iter().map(String::as_str).collect();
            let block = BlockRequest { partial, ..request(1, named(&wanted)) };
            let holds = join_all((0..50).map(|n| {
                let pair = [wanted[n % 10], wanted[(n * 3 + 1) % 10]];
                let pair = if pair[0] == pair[1] { &pair[..1] } else { &pair[..] };
                hold(&bench, &offices[n % nodes], seats(pair))
            }));
            let (holds, opened) = join(holds, offices[nodes - 1].open_block(block)).await;
            assert_safe(&bench, &what).await;
            let held = holds.iter().flatten().map(|held| held.booking.seats().len()).sum::<usize>();
            let blocked = blocked_seats(&bench).await.len();
            assert!(held + blocked <= 10, "{what}: {held} held, {blocked} blocked");
            match &opened {
                Ok(opened) => assert_eq!(labels(opened).len(), blocked, "{what}"),
                Err(_) => assert_eq!(blocked, 0, "{what}: {opened:?}"),
            }
            if partial && let Ok(opened) = &opened {
                assert_eq!(opened.taken.len() + blocked, 10, "{what}");
            }
            let _lifted = offices[0].lift_block(&show(), block_id(1), "manager").await;
            later(1500).await;
            assert_settled(&bench, &what).await;
            assert_audited(&bench, &what).await;
            for seat in &wanted {
                assert!(hold(&bench, &offices[0], seats(&[seat])).await.is_ok(), "{what}: {seat} is free again");
            }
        }
    });
}

#[test]
fn five_thousand_seats_are_blocked_at_once() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.node().await;
        let mut big = test_show();
        big.areas[1].capacity = Some(6_000);
        office.schedule_show(big, "manager").await.unwrap();
        let opened = office.open_block(request(1, units(5_000))).await.unwrap();
        assert_eq!(labels(&opened).len(), 5_000);
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        assert_eq!(blocked_seats(&bench).await, BTreeMap::new());
        assert_audited(&bench, "5,000").await;
    });
}
