//! Vouchers that open blocks: who of many gets a kept seat with one code, what is refused, and what a crash leaves.

use crate::common;

use common::checker::{assert_safe, assert_settled};
use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use futures::future::join_all;
use lastseat_audit::Audit;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{Discount, Event, RequestFingerprint, ShowScheduled, Tender, VoucherTerms};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::{AreaId, BlockId, BookingId, BuyerId, CampaignId, CategoryId, SeatId, ShowId, VoucherHash};
use lastseat_engine::{
    BlockRequest, BlockSelection, BoxOffice, CampaignRequest, CommandError, Hold, HoldRequest, Paid, SeatSelection,
};
use lastseat_testkit::PlainCodes;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn block_id(n: u128) -> BlockId {
    BlockId(Uuid::from_u128((n << 64) | 0xb10c))
}

/// A block that no code opens, and no channel.
async fn open_block(office: &BoxOffice, n: u128, selection: BlockSelection) {
    let request = BlockRequest {
        block: block_id(n),
        show: show(),
        selection,
        partial: false,
        reason: "Friends of the house".to_owned(),
        channel: None,
        access_code: None,
        fingerprint: None,
        origin: "manager".into(),
    };
    office.open_block(request).await.unwrap();
}

fn named(labels: &[&str]) -> BlockSelection {
    BlockSelection::Seats(labels.iter().map(|l| SeatId::new(l).unwrap()).collect())
}

fn terms(discount: Discount) -> VoucherTerms {
    VoucherTerms { discount, uses: 1, valid_from: None, valid_until: None, shows: vec![], categories: vec![], opens: vec![] }
}

/// Once, for the first block.
fn opening() -> VoucherTerms {
    VoucherTerms { opens: vec![block_id(1)], ..terms(Discount::Nothing) }
}

async fn try_issue(office: &BoxOffice, n: u128, terms: VoucherTerms) -> Result<VoucherHash, CommandError> {
    let campaign = CampaignId(Uuid::from_u128(0xca3b_0000 + n));
    let request = CampaignRequest { campaign, terms, count: 1, fingerprint: None, origin: "manager".into() };
    office.start_campaign(request).await.map(|_| PlainCodes.of_campaign(campaign, 1))
}

async fn issue(office: &BoxOffice, n: u128, terms: VoucherTerms) -> VoucherHash {
    try_issue(office, n, terms).await.unwrap()
}

fn request(booking: BookingId, selection: SeatSelection, voucher: &VoucherHash) -> HoldRequest {
    HoldRequest { voucher: Some(voucher.clone()), ..HoldRequest::new(booking, show(), selection, BuyerId::guest(booking)) }
}

async fn hold_with(
    bench: &TestBench,
    office: &BoxOffice,
    selection: SeatSelection,
    voucher: &VoucherHash,
) -> Result<Hold, CommandError> {
    office.hold(request(bench.new_booking(), selection, voucher)).await
}

async fn left(office: &BoxOffice, voucher: &VoucherHash) -> (u32, usize) {
    let voucher = office.voucher(voucher).await.unwrap();
    (voucher.left(), voucher.claims.len())
}

/// Seats in blocks, by the last event of each.
async fn blocked_seats(bench: &TestBench) -> BTreeMap<SeatId, BlockId> {
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

async fn assert_in_order(bench: &TestBench, what: &str) {
    assert_safe(bench, what).await;
    assert_settled(bench, what).await;
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds() && report.pending.is_empty(), "{what}: {report}");
}

#[test]
fn a_voucher_buys_a_kept_seat_once_and_stays_with_its_booking() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        open_block(&office, 1, named(&["A-1", "A-2"])).await;
        let voucher = issue(&office, 1, VoucherTerms { discount: Discount::Percent(50), ..opening() }).await;
        let other = issue(&office, 2, terms(Discount::Percent(10))).await;
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
        // A seat of the block and one of the open sale.
        let held = hold_with(&bench, &office, seats(&["A-1", "A-5"]), &voucher).await.unwrap().booking;
        assert_eq!((held.amount().unwrap().value, held.voucher.as_ref().unwrap().discount), (5_000, 5_000));
        assert_eq!(held.required_voucher(), Some(&voucher));
        let second = bench.node().await;
        for node in [&office, &second] {
            assert_eq!(code(hold_with(&bench, node, seats(&["A-2"]), &voucher).await), "voucher_used_up");
        }
        assert_eq!(code(office.remove_voucher(held.id, "buyer").await), "booking_keeps_voucher");
        assert_eq!(code(office.apply_voucher(held.id, &other, "buyer").await), "booking_has_voucher");
        assert!(matches!(pay(&second, &held, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        assert_eq!((bench.taken(), left(&office, &voucher).await), (5_000, (0, 1)));
        later(700).await;
        assert_in_order(&bench, "sold").await;
        office.refund(held.id, "staff").await.unwrap();
        later(2).await;
        assert!(blocked_seats(&bench).await.contains_key(&SeatId::new("A-1").unwrap()), "it is back in its block");
        assert_in_order(&bench, "refunded").await;
    });
}

#[test]
fn a_hold_that_ends_gives_the_seat_back_to_its_block_and_the_use_back_to_its_voucher() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        open_block(&office, 1, named(&["A-1"])).await;
        let voucher = issue(&office, 1, opening()).await;
        for cancelled in [false, true] {
            let held = hold_with(&bench, &office, seats(&["A-1"]), &voucher).await.unwrap().booking;
            assert_eq!((held.amount().unwrap().value, left(&office, &voucher).await), (5_000, (0, 1)));
            if cancelled {
                office.cancel(held.id, "buyer").await.unwrap();
            }
            later(if cancelled { 2 } else { 660 }).await;
            assert_eq!(left(&office, &voucher).await, (1, 0));
            assert!(blocked_seats(&bench).await.contains_key(&SeatId::new("A-1").unwrap()));
        }
        // Paid at the till, where it is given away.
        let held = hold_with(&bench, &office, seats(&["A-1"]), &voucher).await.unwrap().booking;
        assert!(matches!(pay_at_till(&office, held.id, Tender::Complimentary).await.unwrap(), Paid::Confirmed(_)));
        later(700).await;
        assert_eq!((left(&office, &voucher).await, bench.taken()), ((0, 1), 0));
        assert_in_order(&bench, "ended").await;
    });
}

#[test]
fn what_opens_nothing_here_is_refused_and_holds_nothing() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        office.schedule_show(ShowScheduled { show: ShowId::new("another").unwrap(), ..test_show() }, "admin").await.unwrap();
        open_block(&office, 1, named(&["A-1", "A-2"])).await;
        open_block(&office, 2, named(&["B-1"])).await;
        for wrong in [
            VoucherTerms { opens: vec![block_id(9)], ..opening() },
            VoucherTerms { opens: vec![block_id(1), block_id(9)], ..opening() },
            VoucherTerms { shows: vec![ShowId::new("another").unwrap()], ..opening() },
            VoucherTerms { opens: vec![], ..opening() },
            VoucherTerms { discount: Discount::Goods("A drink".to_owned()), ..opening() },
        ] {
            assert_eq!(code(try_issue(&office, 90, wrong.clone()).await), "invalid_voucher", "{wrong:?}");
        }
        let now = bench.clock.now();
        for (n, terms, wrong) in [
            (10, terms(Discount::Percent(50)), "voucher_not_usable"),
            (11, VoucherTerms { valid_from: Some(now + chrono::TimeDelta::hours(1)), ..opening() }, "voucher_not_usable"),
            (12, VoucherTerms { opens: vec![block_id(2)], ..opening() }, "seat_unavailable"),
            // Only after the hold is it known which seats these are.
            (13, VoucherTerms { categories: vec![CategoryId::new("floor").unwrap()], ..opening() }, "voucher_not_usable"),
        ] {
            let voucher = issue(&office, n, terms.clone()).await;
            assert_eq!(code(hold_with(&bench, &office, seats(&["A-1"]), &voucher).await), wrong, "{terms:?}");
            assert_eq!(left(&office, &voucher).await, (1, 0));
        }
        let voucher = issue(&office, 1, opening()).await;
        let elsewhere =
            HoldRequest { show: ShowId::new("another").unwrap(), ..request(bench.new_booking(), seats(&["A-1"]), &voucher) };
        assert_eq!(code(office.hold(elsewhere).await), "voucher_not_usable");
        let unknown = PlainCodes.of_campaign(CampaignId(Uuid::nil()), 1);
        assert_eq!(code(hold_with(&bench, &office, seats(&["A-1"]), &unknown).await), "unknown_voucher");
        later(2).await;
        assert_eq!(blocked_seats(&bench).await.len(), 3, "every seat is in its block");
        assert_eq!(code(hold(&bench, &office, seats(&["A-1"])).await), "seat_unavailable");
        office.lift_block(&show(), block_id(1), "manager").await.unwrap();
        assert_eq!(code(hold_with(&bench, &office, seats(&["A-1"]), &voucher).await), "voucher_not_usable");
        assert_eq!(code(try_issue(&office, 91, opening()).await), "invalid_voucher", "it was lifted");
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
        later(700).await;
        assert_in_order(&bench, "refused").await;
    });
}

/// All at the same moment, on one node and on two.
#[test]
fn fifty_holds_with_one_code_and_exactly_one_stays() {
    in_virtual_time(async |atomic| {
        for nodes in [1, 2] {
            let what = format!("atomic: {atomic}, {nodes} nodes");
            let bench = TestBench::new(atomic);
            let first = bench.node().await;
            let mut large = test_show();
            large.areas[1].capacity = Some(100);
            first.schedule_show(large, "admin").await.unwrap();
            open_block(&first, 1, BlockSelection::Any { area: AreaId::new("floor").unwrap(), quantity: 60 }).await;
            let voucher = issue(&first, 1, opening()).await;
            let mut offices = vec![first];
            while offices.len() < nodes {
                offices.push(bench.node().await);
            }
            let holds = (0..50).map(|n| hold_with(&bench, &offices[n % nodes], floor(1), &voucher));
            let (held, refused): (Vec<_>, Vec<_>) = join_all(holds).await.into_iter().partition(Result::is_ok);
            assert_eq!((held.len(), refused.len()), (1, 49), "{what}");
            for refused in refused {
                assert_eq!(code(refused), "voucher_used_up", "{what}");
            }
            let held = held.into_iter().next().unwrap().unwrap().booking;
            later(2).await;
            assert_eq!(blocked_seats(&bench).await.len(), 59, "{what}");
            assert!(matches!(pay(&offices[nodes - 1], &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
            later(700).await;
            assert_eq!((blocked_seats(&bench).await.len(), bench.taken()), (59, 2_000), "{what}");
            assert_in_order(&bench, &what).await;
        }
    });
}

/// The node dies at each append of a hold. The same request on another node gets the seat, with the voucher; without it the
/// hold can't be paid for, and ends.
#[test]
fn a_crash_in_a_hold_sells_no_seat_without_its_voucher() {
    in_virtual_time(async |atomic| {
        let mut without_voucher = 0;
        for fate in
            [AppendFate::CutBefore, AppendFate::CutAfter, AppendFate::CutLate(1), AppendFate::CutSome(1), AppendFate::CutSome(2)]
        {
            for repeated in [true, false] {
                for nth in 0..6 {
                    let what = format!("atomic: {atomic}, {fate:?} at append {nth}, repeated: {repeated}");
                    let (reached, missing) = crash_once(atomic, fate, repeated, nth, &what).await;
                    without_voucher += usize::from(missing);
                    if !reached {
                        break;
                    }
                }
            }
        }
        assert!(without_voucher > 0, "some crash leaves a booking without its voucher");
    });
}

/// Whether the append was reached, and whether a booking was left without its voucher.
async fn crash_once(atomic: bool, fate: AppendFate, repeated: bool, nth: u64, what: &str) -> (bool, bool) {
    let bench = TestBench::new(atomic);
    let office = bench.open().await;
    open_block(&office, 1, named(&["A-1", "A-2"])).await;
    let voucher = issue(&office, 1, opening()).await;
    office.drain(Duration::ZERO).await;
    let (plan, cut) = FaultPlan::around(&bench);
    let dying = cut.node().await;
    plan.append(nth, fate);
    let fingerprint = Some(RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() });
    let wanted = HoldRequest { fingerprint, ..request(bench.new_booking(), seats(&["A-1", "A-2"]), &voucher) };
    let reached = tokio::select! {
        held = dying.hold(wanted.clone()) => { held.unwrap(); false }
        () = plan.power.went_out() => true,
    };
    let recovering = bench.node().await;
    later(2).await;
    // Without its seats it is over as soon as somebody pays, or repeats the hold.
    let has_seats = blocked_seats(&bench).await.is_empty();
    let open = |booking: &Booking| has_seats && booking.phase == Phase::Held && booking.voucher.is_none();
    let missing = recovering.booking(wanted.booking).await.unwrap().filter(open);
    if let Some(booking) = &missing {
        assert_eq!(code(pay(&recovering, booking, "pm_card_visa").await), "voucher_missing", "{what}");
        assert_eq!(code(pay_at_till(&recovering, booking.id, Tender::Cash).await), "voucher_missing", "{what}");
        if fate == AppendFate::CutBefore {
            recovering.apply_voucher(booking.id, &voucher, "buyer").await.unwrap();
        }
    }
    // Where a seat was locked and the booking was not opened, recovery has closed it.
    let fenced = bench.story(wanted.booking).await == ["BookingAborted"];
    if repeated && fenced {
        assert_eq!(code(recovering.hold(wanted.clone()).await), "booking_over", "{what}");
    }
    let sold = repeated && !fenced;
    if sold {
        let again = recovering.hold(wanted.clone()).await.unwrap_or_else(|error| panic!("{what}: {error}")).booking;
        assert_eq!((again.id, again.has_applied(&voucher)), (wanted.booking, true), "{what}");
        assert!(matches!(pay(&recovering, &again, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
    }
    later(900).await;
    assert_eq!(left(&recovering, &voucher).await, if sold { (0, 1) } else { (1, 0) }, "{what}");
    assert_eq!(blocked_seats(&bench).await.len(), if sold { 0 } else { 2 }, "{what}");
    assert_in_order(&bench, what).await;
    (reached, missing.is_some())
}

/// On a log that appends to each stream for itself the node dies when the booking is open and no seat is locked. The repeat
/// locks them out of the block, which it knows from the voucher: by then nothing else can be held.
#[test]
fn a_repeated_hold_gets_the_kept_seats_that_it_lacks() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bench = TestBench::new(false);
        let office = bench.open().await;
        open_block(&office, 1, named(&["A-1", "A-2"])).await;
        let voucher = issue(&office, 1, opening()).await;
        let (plan, cut) = FaultPlan::around(&bench);
        let dying = cut.node().await;
        let fingerprint = Some(RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() });
        let wanted = HoldRequest { fingerprint, ..request(bench.new_booking(), seats(&["A-1", "A-2"]), &voucher) };
        plan.append(0, AppendFate::CutSome(1));
        tokio::select! {
            held = dying.hold(wanted.clone()) => panic!("{held:?}"),
            () = plan.power.went_out() => {}
        }
        office.pause_sales(&show(), "manager").await.unwrap();
        assert_eq!(blocked_seats(&bench).await.len(), 2);
        assert_eq!(code(hold_with(&bench, &office, seats(&["A-1"]), &voucher).await), "sales_paused");
        let held = office.hold(wanted).await.unwrap();
        assert!(held.replayed && held.booking.has_applied(&voucher), "{held:?}");
        assert_eq!(blocked_seats(&bench).await.len(), 0);
        assert!(matches!(pay(&office, &held.booking, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        later(700).await;
        assert_in_order(&bench, "repaired").await;
    });
}

/// A hold whose node died before it got the voucher, and another one that uses it up meanwhile.
#[test]
fn a_repeated_hold_whose_voucher_is_gone_is_over() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        open_block(&office, 1, named(&["A-1", "A-2"])).await;
        let voucher = issue(&office, 1, opening()).await;
        let (plan, cut) = FaultPlan::around(&bench);
        let dying = cut.node().await;
        let fingerprint = Some(RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() });
        let wanted = HoldRequest { fingerprint, ..request(bench.new_booking(), seats(&["A-1"]), &voucher) };
        // The append after that of the hold reserves the voucher.
        plan.append(1, AppendFate::CutBefore);
        tokio::select! {
            held = dying.hold(wanted.clone()) => panic!("{held:?}"),
            () = plan.power.went_out() => {}
        }
        let faster = hold_with(&bench, &office, seats(&["A-2"]), &voucher).await.unwrap().booking;
        let second = bench.node().await;
        for node in [&office, &second, &office] {
            assert_eq!(code(node.hold(wanted.clone()).await), "voucher_used_up");
        }
        assert_eq!(bench.story(wanted.booking).await, ["BookingOpened", "BookingAborted"]);
        assert!(blocked_seats(&bench).await.contains_key(&SeatId::new("A-1").unwrap()), "it is back in its block");
        assert!(matches!(pay(&office, &faster, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        later(700).await;
        assert_in_order(&bench, "gone").await;
    });
}

/// A log that does not answer between the hold and the voucher: nobody is refused, and the repeat completes it.
#[test]
fn a_fault_between_the_hold_and_its_voucher_leaves_the_outcome_open() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        open_block(&office, 1, named(&["A-1"])).await;
        let voucher = issue(&office, 1, opening()).await;
        let (plan, faulty) = FaultPlan::around(&bench);
        let node = faulty.node().await;
        let fingerprint = Some(RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() });
        let wanted = HoldRequest { fingerprint, ..request(bench.new_booking(), seats(&["A-1"]), &voucher) };
        for append in [1, 2] {
            plan.append(append, AppendFate::Unavailable);
        }
        match node.hold(wanted.clone()).await {
            Err(CommandError::Failed(lastseat_engine::Fault::OutcomeUnknown(_))) => {}
            other => panic!("{other:?}"),
        }
        later(1).await;
        let again = node.hold(wanted).await.unwrap();
        assert!(again.replayed && again.booking.has_applied(&voucher), "{again:?}");
        later(900).await;
        assert_in_order(&bench, "fault").await;
    });
}
