//! Rewards that are worth something: their codes, used once, and taken back with the booking that earned them.

use crate::common;

use async_trait::async_trait;
use common::checker::{assert_safe, assert_settled};
use common::*;
use futures::future::join;
use lastseat_audit::Audit;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{Discount, Event, Reward, ShowScheduled, VoucherCause};
use lastseat_domain::loyalty::voucher_id;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter, LogFault, StreamWrite, WriteOutcome};
use lastseat_domain::{BuyerId, SeatId, VoucherHash};
use lastseat_engine::{BoxOffice, CommandError, Paid, PartialRefundRequest, PayRequest, PayWith, SeatSelection};
use lastseat_testkit::{ForwardLog, ForwardingLog, PlainCodes};
use std::sync::Arc;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

/// The test show, where a booking of three seats earns ten per cent off another one.
fn generous(discount: Discount) -> ShowScheduled {
    let mut show = test_show();
    show.areas[1].capacity = Some(100);
    let rewards = vec![Reward { reward: "A thank-you".to_owned(), weight: 1, discount: Some(discount) }];
    ShowScheduled { rewards, max_seats_per_buyer: None, ..show }
}

async fn open(bench: &TestBench, show: ShowScheduled) -> BoxOffice {
    let office = bench.node().await;
    office.schedule_show(show, "admin").await.unwrap();
    office
}

async fn sold(bench: &TestBench, office: &BoxOffice, selection: SeatSelection) -> Booking {
    let held = hold_as(bench, office, "ann", selection).await.unwrap().booking;
    let Paid::Confirmed(booking) = pay(office, &held, "pm_card_visa").await.unwrap() else { panic!("not sold") };
    later(2).await;
    booking
}

async fn held(bench: &TestBench, office: &BoxOffice) -> Booking {
    hold_as(bench, office, "bob", floor(1)).await.unwrap().booking
}

/// What the booking has earned.
fn code_of(booking: &Booking) -> VoucherHash {
    PlainCodes.of_reward(voucher_id(booking.id, VoucherCause::Booking, 0))
}

async fn apply(office: &BoxOffice, booking: &Booking, voucher: &VoucherHash) -> Result<Booking, CommandError> {
    office.apply_voucher(booking.id, voucher, "buyer").await
}

/// The events of a booking's code and of its buyer's account, in the order of the log.
async fn story(bench: &TestBench, booking: &Booking) -> Vec<&'static str> {
    let (code, history) = (code_of(booking), bench.history().await);
    let of_code = |e: &&lastseat_domain::Envelope| e.stream.as_voucher().as_ref() == Some(&code);
    let account = |e: &&lastseat_domain::Envelope| e.stream.as_str() == "loyalty-ann";
    history.iter().filter(|e| of_code(e) || account(e)).map(|e| e.event.name()).collect()
}

async fn assert_audited(bench: &TestBench, what: &str) {
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
fn a_reward_that_is_worth_something_is_a_code_for_another_booking() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open(&bench, generous(Discount::Percent(10))).await;
        let earning = sold(&bench, &office, floor(3)).await;
        let code_of_it = code_of(&earning);
        assert_eq!(story(&bench, &earning).await, ["VoucherCreated", "PointsEarned", "VoucherIssued"]);
        let ann = BuyerId::new("ann").unwrap();
        let reward = voucher_id(earning.id, VoucherCause::Booking, 0);
        assert_eq!(code(office.redeem_voucher(&ann, reward, "ann").await), "voucher_has_code");
        let using = apply(&office, &held(&bench, &office).await, &code_of_it).await.unwrap();
        assert_eq!(using.amount().unwrap().value, 1_800);
        assert_eq!(code(apply(&office, &held(&bench, &office).await, &code_of_it).await), "voucher_used_up");
        assert!(matches!(pay(&office, &using, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        later(700).await;
        // It was used: the points go back, the discount stays.
        office.refund(earning.id, "admin").await.unwrap();
        later(60).await;
        let end = story(&bench, &earning).await;
        assert_eq!(end[3..], ["VoucherReserved", "VoucherUsed", "VoucherWithdrawn", "PointsRevoked"]);
        assert_eq!(bench.taken(), 1_800);
        assert_audited(&bench, "used").await;
        office.refund(using.id, "admin").await.unwrap();
        later(700).await;
        assert_audited(&bench, "both refunded").await;
    });
}

/// What a refund costs the account depends on how it finds the code, not on how staff found it.
#[test]
fn a_refund_looks_again_at_a_code_that_staff_have_withdrawn() {
    in_virtual_time(async |atomic| {
        for used in [false, true] {
            let bench = TestBench::new(atomic);
            let office = open(&bench, generous(Discount::Percent(10))).await;
            let earning = sold(&bench, &office, floor(3)).await;
            let waiting = apply(&office, &held(&bench, &office).await, &code_of(&earning)).await.unwrap();
            office.withdraw_voucher(&code_of(&earning), None, "manager").await.unwrap();
            if used {
                assert!(matches!(pay(&office, &waiting, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
                later(5).await;
            }
            office.refund(earning.id, "admin").await.unwrap();
            later(5).await;
            let end = story(&bench, &earning).await;
            let before: &[&str] = if used { &["VoucherWithdrawn", "VoucherUsed"] } else { &["VoucherWithdrawn"] };
            let after: &[&str] = if used { &[] } else { &["VoucherRevoked"] };
            assert_eq!(end[4..], [before, &["VoucherWithdrawn", "PointsRevoked"], after].concat());
            later(700).await;
            assert_audited(&bench, "withdrawn by staff before the refund").await;
        }
    });
}

#[test]
fn a_refund_takes_back_a_code_that_nobody_has_used() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open(&bench, generous(Discount::Percent(10))).await;
        let earning = sold(&bench, &office, floor(3)).await;
        let waiting = apply(&office, &held(&bench, &office).await, &code_of(&earning)).await.unwrap();
        office.refund(earning.id, "admin").await.unwrap();
        later(5).await;
        let end = story(&bench, &earning).await;
        assert_eq!(end[4..], ["VoucherWithdrawn", "PointsRevoked", "VoucherRevoked"]);
        // The booking that has it keeps it, until it gives it back.
        assert_eq!(office.booking(waiting.id).await.unwrap().unwrap().amount().unwrap().value, 1_800);
        let other = held(&bench, &office).await;
        assert_eq!(code(apply(&office, &other, &code_of(&earning)).await), "voucher_withdrawn");
        office.remove_voucher(waiting.id, "bob").await.unwrap();
        for booking in [&waiting, &other] {
            assert_eq!(code(apply(&office, booking, &code_of(&earning)).await), "voucher_withdrawn");
        }
        assert!(matches!(pay(&office, &waiting, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        assert_eq!(bench.taken(), 2_000);
        later(700).await;
        assert_audited(&bench, "taken back").await;
    });
}

#[test]
fn a_code_that_a_refund_gives_back_is_good_for_nothing_if_its_own_booking_was_refunded() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let show = ShowScheduled { vouchers_return: true, ..generous(Discount::FreeSeats(1)) };
        let office = open(&bench, show).await;
        let earning = sold(&bench, &office, floor(3)).await;
        let using = apply(&office, &held(&bench, &office).await, &code_of(&earning)).await.unwrap();
        let nothing = PayRequest { pay_with: PayWith::Continue, return_url: None, fingerprint: None, origin: "bob".into() };
        assert!(matches!(office.pay(using.id, nothing).await.unwrap(), Paid::Confirmed(_)));
        office.refund(earning.id, "admin").await.unwrap();
        later(5).await;
        office.refund(using.id, "admin").await.unwrap();
        later(5).await;
        let end = story(&bench, &earning).await;
        assert_eq!(end[3..], ["VoucherReserved", "VoucherUsed", "VoucherWithdrawn", "PointsRevoked", "VoucherFreed"]);
        let other = held(&bench, &office).await;
        assert_eq!(code(apply(&office, &other, &code_of(&earning)).await), "voucher_withdrawn");
        later(700).await;
        assert_audited(&bench, "returned").await;
    });
}

#[test]
fn a_partial_refund_takes_a_code_back_once_less_than_three_seats_are_left() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open(&bench, generous(Discount::Goods("A drink".to_owned()))).await;
        let earning = sold(&bench, &office, seats(&["A-1", "A-2", "A-3", "A-4"])).await;
        for (seat, left) in [("A-1", "PointsRevoked"), ("A-2", "VoucherRevoked")] {
            let part = PartialRefundRequest { seats: vec![SeatId::new(seat).unwrap()], amount: None, origin: "staff".into() };
            office.refund_part(earning.id, part).await.unwrap();
            later(5).await;
            assert_eq!(story(&bench, &earning).await.last(), Some(&left), "{seat}");
        }
        assert_eq!(code(office.hand_over_goods(&code_of(&earning), "staff").await), "voucher_withdrawn");
        let end = ["PointsRevoked", "VoucherWithdrawn", "PointsRevoked", "VoucherRevoked"];
        assert_eq!(story(&bench, &earning).await[3..], end);
        office.refund(earning.id, "admin").await.unwrap();
        later(60).await;
        assert_audited(&bench, "in parts").await;
    });
}

/// A log that takes no event of an account: the node dies between the two streams.
struct NoAccounts(Arc<dyn EventLog>);

#[async_trait]
impl ForwardLog for NoAccounts {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        if writes.iter().any(|write| write.stream.category() == "loyalty") {
            std::future::pending().await
        }
        self.0.append(writes).await
    }
}

fn cut(bench: &TestBench) -> TestBench {
    TestBench { log: Arc::new(ForwardingLog(NoAccounts(bench.log.clone()))), ..bench.clone() }
}

#[test]
fn what_a_node_leaves_between_two_streams_is_completed_by_two_others_at_once() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let dying = open(&cut(&bench), generous(Discount::Percent(10))).await;
        let earning = sold(&bench, &dying, floor(3)).await;
        assert_eq!(story(&bench, &earning).await, ["VoucherCreated"]);
        drop(dying);
        let nodes = join(bench.node(), bench.node()).await;
        later(60).await;
        assert_eq!(story(&bench, &earning).await, ["VoucherCreated", "PointsEarned", "VoucherIssued"]);
        drop(nodes);
        let dying = cut(&bench).node().await;
        dying.refund(earning.id, "admin").await.unwrap();
        later(2).await;
        assert_eq!(story(&bench, &earning).await[3..], ["VoucherWithdrawn"]);
        assert_eq!(code(apply(&dying, &held(&bench, &dying).await, &code_of(&earning)).await), "voucher_withdrawn");
        drop(dying);
        let _nodes = join(bench.node(), bench.node()).await;
        later(700).await;
        assert_eq!(story(&bench, &earning).await[3..], ["VoucherWithdrawn", "PointsRevoked", "VoucherRevoked"]);
        let issued = bench.history().await.iter().filter(|e| matches!(e.event, Event::VoucherIssued(_))).count();
        assert_eq!(issued, 1);
        assert_audited(&bench, "completed").await;
    });
}
