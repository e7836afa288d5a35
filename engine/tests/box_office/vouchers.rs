//! Vouchers: who gets one that many want, what it takes off, and what is completed from the log after a crash.

use crate::common::checker::{assert_safe, assert_settled};
use crate::common::fault_injection::{AppendFate, FaultPlan};
use crate::common::*;
use async_trait::async_trait;
use futures::future::join_all;
use lastseat_audit::{Audit, Report};
use lastseat_domain::booking::{Booking, MAX_VOUCHER_APPLICATIONS, Phase};
use lastseat_domain::event::{Discount, ShowScheduled, VoucherTerms};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, EventLog, Expected, Filter, LogFault, StreamWrite, WriteOutcome};
use lastseat_domain::{CampaignId, CategoryId, Currency, Money, ShowId, Timestamp, VoucherHash};
use lastseat_engine::{BoxOffice, CampaignRequest, CommandError, Paid, PayRequest, PayWith, Settings};
use lastseat_testkit::{ForwardLog, ForwardingLog, PlainCodes};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

pub fn campaign(n: u128) -> CampaignId {
    CampaignId(Uuid::from_u128(0xca3b_0000 + n))
}

fn code_of(campaign_number: u128, number: u32) -> VoucherHash {
    PlainCodes.of_campaign(campaign(campaign_number), number)
}

pub fn terms(discount: Discount) -> VoucherTerms {
    VoucherTerms { discount, uses: 1, valid_from: None, valid_until: None, shows: vec![], categories: vec![], opens: vec![] }
}

pub fn request(n: u128, count: u32, terms: VoucherTerms) -> CampaignRequest {
    CampaignRequest { campaign: campaign(n), terms, count, fingerprint: None, origin: "manager".into() }
}

async fn issue(office: &BoxOffice, n: u128, terms: VoucherTerms) -> VoucherHash {
    let status = office.start_campaign(request(n, 1, terms)).await.unwrap();
    assert!(status.campaign.completed);
    code_of(n, 1)
}

async fn half_price(office: &BoxOffice) -> VoucherHash {
    issue(office, 1, terms(Discount::Percent(50))).await
}

/// The test show with room for many, and what its refunds do with vouchers.
fn large_show(vouchers_return: bool) -> ShowScheduled {
    let mut show = test_show();
    show.areas[1].capacity = Some(100);
    ShowScheduled { vouchers_return, ..show }
}

async fn open_large(bench: &TestBench, vouchers_return: bool) -> BoxOffice {
    let office = bench.node().await;
    office.schedule_show(large_show(vouchers_return), "admin").await.unwrap();
    office
}

async fn held(bench: &TestBench, office: &BoxOffice) -> Booking {
    hold(bench, office, floor(1)).await.unwrap().booking
}

async fn apply(office: &BoxOffice, booking: &Booking, voucher: &VoucherHash) -> Result<Booking, CommandError> {
    office.apply_voucher(booking.id, voucher, "buyer").await
}

async fn pay_nothing(office: &BoxOffice, booking: &Booking) -> Result<Paid, CommandError> {
    office
        .pay(booking.id, PayRequest { pay_with: PayWith::Continue, return_url: None, fingerprint: None, origin: "buyer".into() })
        .await
}

async fn audited(bench: &TestBench) -> Report {
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    audit.finish()
}

pub async fn assert_audited(bench: &TestBench, what: &str) {
    let report = audited(bench).await;
    assert!(report.holds() && report.pending.is_empty(), "{what}: {report}");
}

/// Uses left, and bookings that have it.
async fn left(office: &BoxOffice, voucher: &VoucherHash) -> (u32, usize) {
    let voucher = office.voucher(voucher).await.unwrap();
    (voucher.left(), voucher.claims.len())
}

#[test]
fn a_voucher_lowers_what_is_charged_and_is_used_up_by_the_payment() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let voucher = half_price(&office).await;
        let booking = held(&bench, &office).await;
        let booking = apply(&office, &booking, &voucher).await.unwrap();
        assert_eq!((booking.amount().unwrap().value, booking.voucher.as_ref().unwrap().discount), (1000, 1000));
        assert_eq!(apply(&office, &booking, &voucher).await.unwrap(), booking, "a repeat changes nothing");
        let other = held(&bench, &office).await;
        assert_eq!(code(apply(&office, &other, &voucher).await), "voucher_used_up");
        assert!(matches!(pay(&office, &booking, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        assert_eq!(bench.taken(), 1000);
        assert_eq!(code(apply(&office, &other, &voucher).await), "voucher_used_up");
        let refunded = office.refund(booking.id, "staff").await.unwrap();
        assert_eq!((refunded.status(), bench.taken()), ("refunded", 0));
        later(700).await;
        assert_eq!(left(&office, &voucher).await, (0, 1), "a refund of this show does not return it");
        assert_safe(&bench, "used").await;
        assert_settled(&bench, "used").await;
        assert_audited(&bench, "used").await;
    });
}

#[test]
fn it_is_free_again_after_removal_expiry_and_cancellation() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let voucher = half_price(&office).await;
        let first = apply(&office, &held(&bench, &office).await, &voucher).await.unwrap();
        for _ in 0..2 {
            let removed = office.remove_voucher(first.id, "buyer").await.unwrap();
            assert_eq!((removed.amount().unwrap().value, removed.voucher), (2000, None));
        }
        assert_eq!(left(&office, &voucher).await, (1, 0));
        let again = apply(&office, &first, &voucher).await.unwrap();
        assert_eq!(again.voucher.unwrap().application, 2);
        office.cancel(first.id, "buyer").await.unwrap();
        assert_eq!(left(&office, &voucher).await, (1, 0));
        assert_eq!(code(apply(&office, &first, &voucher).await), "booking_over");
        let second = apply(&office, &held(&bench, &office).await, &voucher).await.unwrap();
        later(601).await;
        assert_eq!(bench.story(second.id).await.last(), Some(&"BookingAborted"));
        assert_eq!(left(&office, &voucher).await, (1, 0));
        later(60).await;
        assert_settled(&bench, "freed").await;
        assert_audited(&bench, "freed").await;
    });
}

/// Everybody who has a booking can do it for as long as the hold lasts, and each command reads all of its events.
#[test]
fn a_voucher_is_applied_and_removed_only_so_often() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let voucher = half_price(&office).await;
        let booking = held(&bench, &office).await;
        for _ in 0..MAX_VOUCHER_APPLICATIONS {
            apply(&office, &booking, &voucher).await.unwrap();
            office.remove_voucher(booking.id, "buyer").await.unwrap();
        }
        let events = bench.story(booking.id).await.len();
        for _ in 0..3 {
            assert_eq!(code(apply(&office, &booking, &voucher).await), "too_many_voucher_changes");
            office.remove_voucher(booking.id, "buyer").await.unwrap();
        }
        assert_eq!(bench.story(booking.id).await.len(), events, "nothing more is written");
        // The voucher is free for others, and the booking costs what it did.
        apply(&office, &held(&bench, &office).await, &voucher).await.unwrap();
        assert!(matches!(pay(&office, &booking, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
        assert_eq!(bench.taken(), 2_000);
        later(700).await;
        assert_settled(&bench, "many changes").await;
        assert_audited(&bench, "many changes").await;
    });
}

#[test]
fn the_amount_is_fixed_by_the_first_attempt_to_pay() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let (voucher, other) = (half_price(&office).await, issue(&office, 2, terms(Discount::Percent(10))).await);
        let booking = apply(&office, &held(&bench, &office).await, &voucher).await.unwrap();
        assert_eq!(code(apply(&office, &booking, &other).await), "booking_has_voucher");
        assert_eq!(code(pay(&office, &booking, "pm_card_chargeDeclined").await), "payment_declined");
        assert_eq!(code(office.remove_voucher(booking.id, "buyer").await), "payment_begun");
        let unpaid = held(&bench, &office).await;
        assert_eq!(code(pay(&office, &unpaid, "pm_card_chargeDeclined").await), "payment_declined");
        assert_eq!(code(apply(&office, &unpaid, &other).await), "payment_begun");
        assert!(matches!(pay(&office, &booking, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        assert_eq!(code(apply(&office, &booking, &other).await), "already_confirmed");
        assert_eq!(left(&office, &other).await, (1, 0));
        later(700).await;
        assert_audited(&bench, "fixed").await;
    });
}

#[test]
fn a_booking_that_costs_nothing_is_confirmed_without_the_gateway() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open_large(&bench, true).await;
        let voucher = issue(&office, 1, terms(Discount::FreeSeats(1))).await;
        let booking = apply(&office, &held(&bench, &office).await, &voucher).await.unwrap();
        assert_eq!(booking.amount().unwrap().value, 0);
        assert!(matches!(pay_nothing(&office, &booking).await.unwrap(), Paid::Confirmed(_)));
        assert!(bench.sandbox.intents().is_empty());
        assert_eq!(left(&office, &voucher).await, (0, 1));
        let dear = held(&bench, &office).await;
        assert_eq!(code(pay_nothing(&office, &dear).await), "payment_method_missing");
        office.refund(booking.id, "staff").await.unwrap();
        assert_eq!(left(&office, &voucher).await, (1, 0), "refunds of this show return vouchers");
        later(700).await;
        assert_settled(&bench, "free").await;
        assert_audited(&bench, "free").await;
    });
}

#[test]
fn terms_are_checked_before_anything_is_reserved() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let settings = Settings { can_charge: |amount| amount.value >= 50, ..test_settings() };
        let office = bench.node_with(settings).await;
        office.schedule_show(large_show(false), "admin").await.unwrap();
        let booking = held(&bench, &office).await;
        let now = bench.clock.now();
        let euros = |value, currency: &str| Money { value, currency: Currency::new(currency).unwrap() };
        let with = |change: fn(&mut VoucherTerms, Timestamp)| {
            let mut terms = terms(Discount::Percent(50));
            change(&mut terms, now);
            terms
        };
        let hour = chrono::TimeDelta::hours(1);
        let cases: Vec<(VoucherTerms, &str)> = vec![
            (with(|terms, now| terms.valid_from = Some(now + chrono::TimeDelta::hours(1))), "voucher_not_usable"),
            (with(|terms, now| terms.valid_until = Some(now)), "voucher_not_usable"),
            (with(|terms, _| terms.shows = vec![ShowId::new("another").unwrap()]), "voucher_not_usable"),
            (with(|terms, _| terms.categories = vec![CategoryId::new("stalls").unwrap()]), "voucher_not_usable"),
            (terms(Discount::Amount(euros(100, "USD"))), "voucher_not_usable"),
            (terms(Discount::Goods("A drink".to_owned())), "voucher_not_usable"),
            (terms(Discount::Percent(99)), "amount_too_small"),
            (terms(Discount::Amount(euros(1951, "EUR"))), "amount_too_small"),
        ];
        for (n, (terms, expected)) in (10..).zip(cases) {
            let voucher = issue(&office, n, terms.clone()).await;
            assert_eq!(code(apply(&office, &booking, &voucher).await), expected, "{terms:?}");
            assert_eq!(left(&office, &voucher).await, (1, 0));
        }
        assert_eq!(code(apply(&office, &booking, &code_of(99, 1)).await), "unknown_voucher");
        let invalid = VoucherTerms { uses: 0, ..terms(Discount::Percent(50)) };
        for terms in [terms(Discount::Percent(0)), terms(Discount::Percent(101)), terms(Discount::FreeSeats(0)), invalid] {
            assert_eq!(code(office.start_campaign(request(50, 1, terms)).await), "invalid_voucher");
        }
        assert_eq!(bench.story(booking.id).await, ["BookingOpened"], "no refusal leaves a trace");
        let voucher =
            issue(&office, 40, VoucherTerms { valid_until: Some(now + hour), ..terms(Discount::Amount(euros(9_000, "EUR"))) });
        assert_eq!(apply(&office, &booking, &voucher.await).await.unwrap().amount().unwrap().value, 0);
        later(700).await;
        assert_audited(&bench, "terms").await;
    });
}

#[test]
fn fifty_at_once_with_one_code_and_exactly_one_has_it() {
    in_virtual_time(async |atomic| {
        for nodes in [1, 3] {
            let bench = TestBench::new(atomic);
            let first = open_large(&bench, false).await;
            let voucher = half_price(&first).await;
            let mut offices = vec![first];
            while offices.len() < nodes {
                offices.push(bench.node().await);
            }
            let mut bookings = Vec::new();
            for n in 0..50 {
                bookings.push(held(&bench, &offices[n % nodes]).await);
            }
            let applied = join_all(bookings.iter().enumerate().map(|(n, b)| apply(&offices[n % nodes], b, &voucher))).await;
            let won: Vec<_> = applied.iter().filter_map(|applied| applied.as_ref().ok()).collect();
            assert_eq!(won.len(), 1, "atomic: {atomic}, {nodes} nodes");
            for lost in applied.iter().filter(|applied| applied.is_err()) {
                assert_eq!(code(lost.clone()), "voucher_used_up");
            }
            let paid = join_all(bookings.iter().enumerate().map(|(n, b)| pay(&offices[n % nodes], b, "pm_card_visa"))).await;
            assert!(paid.iter().all(|paid| matches!(paid, Ok(Paid::Confirmed(_)))));
            assert_eq!(bench.taken(), 49 * 2000 + 1000);
            later(60).await;
            assert_eq!(left(&offices[0], &voucher).await, (0, 1));
            assert_safe(&bench, "fifty").await;
            assert_settled(&bench, "fifty").await;
            assert_audited(&bench, "fifty").await;
        }
    });
}

#[test]
fn a_voucher_of_many_uses_serves_as_many_as_it_says() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open_large(&bench, false).await;
        let voucher = issue(&office, 1, VoucherTerms { uses: 30, ..terms(Discount::Percent(10)) }).await;
        let mut bookings = Vec::new();
        for _ in 0..40 {
            bookings.push(held(&bench, &office).await);
        }
        let applied = join_all(bookings.iter().map(|booking| apply(&office, booking, &voucher))).await;
        assert_eq!(applied.iter().filter(|applied| applied.is_ok()).count(), 30);
        later(700).await;
        assert_eq!(left(&office, &voucher).await, (30, 0));
        assert_audited(&bench, "many uses").await;
    });
}

/// A node dies at each append of the whole story, and another one completes what is left.
#[test]
fn whatever_a_crash_leaves_is_completed_from_the_log() {
    in_virtual_time(async |atomic| {
        for fate in [AppendFate::CutBefore, AppendFate::CutAfter, AppendFate::CutLate(5)] {
            for ending in ["pay", "remove", "cancel", "refund"] {
                for nth in 0..12 {
                    let what = format!("atomic: {atomic}, {fate:?} at append {nth}, {ending}");
                    if !crash_once(atomic, fate, ending, nth, &what).await {
                        break;
                    }
                }
            }
        }
    });
}

/// Whether the append was reached.
async fn crash_once(atomic: bool, fate: AppendFate, ending: &str, nth: u64, what: &str) -> bool {
    let bench = TestBench::new(atomic);
    let office = open_large(&bench, true).await;
    let voucher = half_price(&office).await;
    let booking = held(&bench, &office).await;
    office.drain(Duration::ZERO).await;
    let (plan, cut) = FaultPlan::around(&bench);
    let dying = cut.node().await;
    plan.append(nth, fate);
    let story = async {
        apply(&dying, &booking, &voucher).await?;
        match ending {
            "remove" => drop(dying.remove_voucher(booking.id, "buyer").await?),
            "cancel" => drop(dying.cancel(booking.id, "buyer").await?),
            _ => drop(pay(&dying, &booking, "pm_card_visa").await?),
        }
        if ending == "refund" {
            dying.refund(booking.id, "staff").await?;
        }
        Ok::<_, CommandError>(())
    };
    let reached = tokio::select! {
        done = story => { done.unwrap(); false }
        () = plan.power.went_out() => true,
    };
    let recovering = bench.node().await;
    later(900).await;
    assert_safe(&bench, what).await;
    assert_settled(&bench, what).await;
    assert_audited(&bench, what).await;
    let booking = recovering.booking(booking.id).await.unwrap().unwrap();
    let used = matches!(booking.phase, Phase::Confirmed { .. }) && booking.voucher.is_some();
    assert_eq!(left(&recovering, &voucher).await, if used { (0, 1) } else { (1, 0) }, "{what}: {booking:?}");
    reached
}

#[test]
fn goods_are_handed_over_once() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.open().await;
        let drink = issue(&office, 1, terms(Discount::Goods("A drink".to_owned()))).await;
        let discount = issue(&office, 2, terms(Discount::Percent(50))).await;
        assert_eq!(code(office.hand_over_goods(&discount, "staff").await), "voucher_not_usable");
        let handed = join_all((0..10).map(|_| office.hand_over_goods(&drink, "staff"))).await;
        assert_eq!(handed.iter().filter(|handed| handed.is_ok()).count(), 1);
        assert_eq!(code(office.hand_over_goods(&drink, "staff").await), "voucher_used_up");
        assert_eq!(code(office.hand_over_goods(&code_of(9, 9), "staff").await), "unknown_voucher");
        assert_audited(&bench, "goods").await;
    });
}

/// A log that appends wherever a stream ends, to streams of one category.
struct BlindLog {
    inner: Arc<dyn EventLog>,
    category: &'static str,
}

#[async_trait]
impl ForwardLog for BlindLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        for write in writes.iter_mut().filter(|w| w.stream.category() == self.category) {
            let last = self.inner.read_stream(&write.stream, None, Direction::Backwards, 1).await?;
            write.expected = last.first().map_or(Expected::NoStream, |e| Expected::Revision(e.revision));
        }
        self.inner.append(writes).await
    }
}

/// Two nodes that see each other's appends late: only the revision keeps one of them from the voucher.
async fn race(atomic: bool, category: &'static str) -> (usize, Report) {
    let bench = TestBench::new(atomic);
    let voucher = half_price(&bench.open().await).await;
    let blind = TestBench { log: Arc::new(ForwardingLog(BlindLog { inner: bench.log.clone(), category })), ..bench.clone() };
    let (plan, slow) = FaultPlan::around(&blind);
    let nodes = [slow.node().await, blind.node().await];
    let bookings = [held(&bench, &nodes[0]).await, held(&bench, &nodes[1]).await];
    plan.append(0, AppendFate::Slow(5));
    let second = async {
        later(1).await;
        apply(&nodes[1], &bookings[1], &voucher).await
    };
    let (first, second) = futures::future::join(apply(&nodes[0], &bookings[0], &voucher), second).await;
    let won = usize::from(first.is_ok()) + usize::from(second.is_ok());
    (won, audited(&bench).await)
}

#[test]
fn a_blind_append_on_a_voucher_uses_it_twice_and_is_noticed() {
    in_virtual_time(async |atomic| {
        let (won, report) = race(atomic, "no such category").await;
        assert!(won == 1 && report.holds(), "with its eyes open: {won}, {report}");
        let (won, report) = race(atomic, "voucher").await;
        assert_eq!(won, 2, "only the log's revision prevents it");
        assert!(report.violations.iter().any(|v| v.code.name() == "voucher_overused"), "{report}");
    });
}
