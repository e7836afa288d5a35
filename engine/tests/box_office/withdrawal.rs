//! Vouchers that staff withdraw, and campaigns that they end: nobody can use them from then on, whatever crashes
//! and whichever command comes first.

use crate::common;

use async_trait::async_trait;
use common::checker::{assert_safe, assert_settled};
use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use lastseat_audit::{Audit, Report};
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{Discount, Event, ShowScheduled, VoucherTerms, VoucherWithdrawn, Withdrawal};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, EventLog, Expected, Filter, LogFault, StreamWrite, WriteOutcome};
use lastseat_domain::{CampaignId, VoucherHash, VoucherId};
use lastseat_engine::{BoxOffice, CampaignRequest, CampaignStatus, CommandError, Paid, Ports, Settings};
use lastseat_testkit::{ForwardLog, ForwardingLog, PlainCodes, counted_reads};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn campaign() -> CampaignId {
    CampaignId(Uuid::from_u128(0xca3b_0001))
}

fn code_of(number: u32) -> VoucherHash {
    PlainCodes.of_campaign(campaign(), number)
}

fn request(count: u32) -> CampaignRequest {
    let terms = VoucherTerms::once(Discount::Percent(50));
    CampaignRequest { campaign: campaign(), terms, count, fingerprint: None, origin: "manager".into() }
}

/// A node with a show with room for many, and this many vouchers.
async fn open(bench: &TestBench, vouchers: u32) -> BoxOffice {
    let office = bench.node().await;
    let mut show = test_show();
    show.areas[1].capacity = Some(100);
    office.schedule_show(ShowScheduled { vouchers_return: true, ..show }, "admin").await.unwrap();
    assert!(office.start_campaign(request(vouchers)).await.unwrap().campaign.completed);
    office
}

async fn held(bench: &TestBench, office: &BoxOffice) -> Booking {
    hold(bench, office, floor(1)).await.unwrap().booking
}

async fn apply(office: &BoxOffice, booking: &Booking, voucher: &VoucherHash) -> Result<Booking, CommandError> {
    office.apply_voucher(booking.id, voucher, "buyer").await
}

async fn audited(bench: &TestBench) -> Report {
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    audit.finish()
}

async fn assert_audited(bench: &TestBench, what: &str) {
    let report = audited(bench).await;
    assert!(report.holds() && report.pending.is_empty(), "{what}: {report}");
}

/// How often an event of this name is in the log.
async fn count(bench: &TestBench, name: &str) -> usize {
    bench.history().await.iter().filter(|e| e.event.name() == name).count()
}

#[test]
fn a_booking_keeps_a_voucher_that_is_withdrawn_and_nobody_else_can_have_it() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open(&bench, 2).await;
        let booking = apply(&office, &held(&bench, &office).await, &code_of(1)).await.unwrap();
        for reason in [Some("Leaked".to_owned()), None, Some("Again".to_owned())] {
            let voucher = office.withdraw_voucher(&code_of(1), reason, "manager").await.unwrap();
            assert!(voucher.withdrawn && voucher.reserved() == 1);
        }
        let withdrawals: Vec<_> = bench.history().await;
        let withdrawals: Vec<_> = withdrawals.iter().filter(|e| matches!(e.event, Event::VoucherWithdrawn(_))).collect();
        let cause = Withdrawal::Staff { by: "manager".to_owned(), reason: Some("Leaked".to_owned()) };
        let expected: Event = VoucherWithdrawn { voucher: code_of(1), cause }.into();
        assert!(withdrawals.len() == 1 && withdrawals[0].event == expected, "{withdrawals:?}");
        assert_eq!(withdrawals[0].metadata.actor, "manager");
        let other = held(&bench, &office).await;
        assert_eq!(code(apply(&office, &other, &code_of(1)).await), "voucher_withdrawn");
        assert!(matches!(pay(&office, &booking, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        assert_eq!(bench.taken(), 1_000);
        // The refund gives it back, to nobody.
        office.refund(booking.id, "staff").await.unwrap();
        later(20).await;
        assert_eq!(office.voucher(&code_of(1)).await.unwrap().left(), 1);
        assert_eq!(code(apply(&office, &other, &code_of(1)).await), "voucher_withdrawn");
        apply(&office, &other, &code_of(2)).await.unwrap();
        assert_eq!(code(office.withdraw_voucher(&code_of(3), None, "manager").await), "unknown_voucher");
        assert_eq!(code(office.withdraw_voucher(&code_of(2), Some(String::new()), "manager").await), "invalid_voucher");
        later(700).await;
        assert_safe(&bench, "withdrawn").await;
        assert_settled(&bench, "withdrawn").await;
        assert_audited(&bench, "withdrawn").await;
    });
}

#[test]
fn a_campaign_ends_with_all_its_vouchers() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = open(&bench, 600).await;
        let [paid, unpaid] = [held(&bench, &office).await, held(&bench, &office).await];
        apply(&office, &paid, &code_of(1)).await.unwrap();
        assert!(matches!(pay(&office, &paid, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)));
        apply(&office, &unpaid, &code_of(300)).await.unwrap();
        office.withdraw_voucher(&code_of(2), None, "manager").await.unwrap();
        for reason in [Some("Leaked".to_owned()), None] {
            let status = office.end_campaign(campaign(), reason, "manager").await.unwrap();
            let end = status.campaign.end.unwrap();
            assert!(status.campaign.completed && end.reached && status.issued == 600);
            assert_eq!((end.requested.by.as_str(), end.requested.reason.as_deref()), ("manager", Some("Leaked")));
        }
        assert_eq!(count(&bench, "VoucherWithdrawn").await, 600, "each once");
        assert_eq!((count(&bench, "CampaignEndRequested").await, count(&bench, "CampaignEnded").await), (1, 1));
        let other = held(&bench, &office).await;
        for number in [1, 2, 3, 300, 600] {
            assert_eq!(code(apply(&office, &other, &code_of(number)).await), "voucher_withdrawn");
        }
        assert!(matches!(pay(&office, &unpaid, "pm_card_visa").await.unwrap(), Paid::Confirmed(_)), "it keeps what it has");
        // The same request as the first issues no others.
        let again = office.start_campaign(request(600)).await.unwrap();
        assert!(again.campaign.end.is_some_and(|end| end.reached));
        assert_eq!(count(&bench, "VoucherCreated").await, 600);
        let unknown = CampaignId(Uuid::from_u128(9));
        assert_eq!(code(office.end_campaign(unknown, None, "manager").await), "campaign_not_found");
        later(700).await;
        assert_settled(&bench, "ended").await;
        assert_audited(&bench, "ended").await;
    });
}

/// A node dies at each append of the end, and another one completes it.
#[test]
fn an_end_that_a_crash_interrupts_is_completed_by_another_node() {
    in_virtual_time(async |atomic| {
        let appends = 10;
        let mut most = 0;
        for fate in [AppendFate::CutBefore, AppendFate::CutAfter, AppendFate::CutSome(0x5555), AppendFate::CutLate(5)] {
            for nth in 0..appends {
                let what = format!("atomic: {atomic}, {fate:?} at append {nth}");
                let bench = TestBench::new(atomic);
                let office = open(&bench, 700).await;
                let booking = held(&bench, &office).await;
                office.drain(Duration::ZERO).await;
                let (plan, cut) = FaultPlan::around(&bench);
                let dying = cut.node().await;
                plan.append(nth, fate);
                let reached = tokio::select! {
                    ended = dying.end_campaign(campaign(), None, "manager") => {
                        assert!(ended.unwrap().campaign.is_settled(), "{what}");
                        false
                    }
                    () = plan.power.went_out() => true,
                };
                let office = bench.node().await;
                later(60).await;
                let requested = count(&bench, "CampaignEndRequested").await;
                assert_eq!(count(&bench, "CampaignEnded").await, requested, "{what}");
                assert_eq!(count(&bench, "VoucherWithdrawn").await, requested * 700, "{what}");
                if requested == 1 {
                    for number in [1, 257, 700] {
                        assert_eq!(code(apply(&office, &booking, &code_of(number)).await), "voucher_withdrawn", "{what}");
                    }
                }
                assert_audited(&bench, &what).await;
                if !reached {
                    break;
                }
                most = most.max(nth);
            }
        }
        // The request, three batches, the end.
        assert!(most >= 4, "atomic: {atomic}: {most}");
    });
}

/// Batches are of 256. Staff have withdrawn some of a batch, or all of one, which then doesn't show how far the end was.
#[test]
fn an_end_that_a_crash_interrupts_goes_on_where_it_was() {
    in_virtual_time(async |atomic| {
        for (staff, done, most_read_twice) in [(vec![1, 257, 2_561, 2_562], 12, 20), ((2_561..=2_816).collect(), 10, 256 + 20)] {
            let bench = TestBench::new(atomic);
            let office = open(&bench, 5_000).await;
            for number in &staff {
                office.withdraw_voucher(&code_of(*number), None, "manager").await.unwrap();
            }
            office.drain(Duration::ZERO).await;
            let (plan, cut) = FaultPlan::around(&bench);
            let dying = cut.node().await;
            // After the request and twelve batches.
            plan.append(13, AppendFate::CutBefore);
            tokio::select! {
                _ = dying.end_campaign(campaign(), None, "manager") => panic!("not cut"),
                () = plan.power.went_out() => {}
            }
            let (log, reads) = counted_reads(bench.log.clone(), "voucher");
            let counted = TestBench { log, ..bench.clone() };
            let _office = counted.node().await;
            later(60).await;
            assert_eq!(count(&bench, "CampaignEnded").await, 1, "atomic: {atomic}");
            assert_eq!(count(&bench, "VoucherWithdrawn").await, 5_000, "atomic: {atomic}");
            let (read, left) = (reads.take_calls(), 5_000 - done * 256);
            assert!(read <= left + 256 + most_read_twice, "atomic: {atomic}: {read} vouchers were read, {left} were left");
            assert_audited(&bench, "it went on").await;
        }
    });
}

/// Codes that follow from another secret.
struct OtherCodes;

impl VoucherCodes for OtherCodes {
    fn of_campaign(&self, campaign: CampaignId, number: u32) -> VoucherHash {
        PlainCodes.of_campaign(campaign, number + 1_000_000)
    }

    fn of_reward(&self, reward: VoucherId) -> VoucherHash {
        PlainCodes.of_reward(reward)
    }
}

#[test]
fn a_node_with_another_secret_says_which_campaign_it_can_not_finish() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        open(&bench, 600).await.drain(Duration::ZERO).await;
        let (plan, cut) = FaultPlan::around(&bench);
        let dying = cut.node().await;
        plan.append(2, AppendFate::CutBefore);
        tokio::select! {
            _ = dying.end_campaign(campaign(), None, "manager") => panic!("not cut"),
            () = plan.power.went_out() => {}
        }
        let ports = Ports { vouchers: Arc::new(OtherCodes), ..bench.ports() };
        let foreign = BoxOffice::open(ports, test_settings()).await.unwrap();
        later(60).await;
        let status = foreign.status();
        assert!(status.ready && status.degraded.len() == 1, "{status:?}");
        assert!(status.degraded[0].contains(&format!("campaign {}", campaign())), "{status:?}");
        assert_eq!(code(foreign.end_campaign(campaign(), None, "manager").await), "codes_unavailable");
        assert_eq!(count(&bench, "VoucherWithdrawn").await, 256, "the batch before the crash");
        let _office = bench.node().await;
        later(60).await;
        assert_eq!((count(&bench, "VoucherWithdrawn").await, count(&bench, "CampaignEnded").await), (600, 1));
        assert_eq!(foreign.status().degraded, Vec::<String>::new());
        assert_audited(&bench, "finished by a node with the secret").await;
    });
}

/// While one node creates the vouchers, another one ends the campaign; each goes on with what it was about to append.
#[test]
fn a_campaign_that_is_ended_while_it_is_issued_leaves_no_usable_voucher() {
    in_virtual_time(async |atomic| {
        for nth in 0..5 {
            for seconds in [1, 3] {
                let what = format!("atomic: {atomic}, append {nth} is slow, ended after {seconds} s");
                let bench = TestBench::new(atomic);
                let ending = bench.open().await;
                let (plan, slow) = FaultPlan::around(&bench);
                let issuing = slow.node().await;
                plan.append(nth, AppendFate::Slow(4));
                let end = async {
                    later(seconds).await;
                    ending.end_campaign(campaign(), None, "manager").await
                };
                let (started, ended) = futures::future::join(issuing.start_campaign(request(1_000)), end).await;
                started.unwrap_or_else(|error| panic!("{what}: {error}"));
                later(60).await;
                if nth == 0 {
                    // There was nothing to end yet.
                    assert_eq!(code(ended), "campaign_not_found", "{what}");
                    assert_eq!(count(&bench, "VoucherCreated").await, 1_000, "{what}");
                } else {
                    ended.unwrap_or_else(|error| panic!("{what}: {error}"));
                    let counts = [count(&bench, "VoucherCreated").await, count(&bench, "VoucherWithdrawn").await];
                    assert_eq!(counts, [1_000, 1_000], "{what}");
                    let booking = held(&bench, &ending).await;
                    for number in [1, 256, 257, 1_000] {
                        assert_eq!(code(apply(&ending, &booking, &code_of(number)).await), "voucher_withdrawn", "{what}");
                    }
                }
                assert_audited(&bench, &what).await;
            }
        }
    });
}

#[test]
fn the_answer_does_not_wait_for_a_large_campaign_to_end() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        open(&bench, 1_000).await.drain(Duration::ZERO).await;
        let (plan, slow) = FaultPlan::around(&bench);
        let settings = Settings { payment_patience: Duration::from_secs(2), ..test_settings() };
        let office = slow.node_with(settings).await;
        plan.append(2, AppendFate::Slow(8));
        let CampaignStatus { campaign: begun, .. } = office.end_campaign(campaign(), None, "manager").await.unwrap();
        assert!(!begun.end.unwrap().reached);
        later(60).await;
        assert!(office.campaign(campaign()).await.unwrap().campaign.is_settled());
        assert_audited(&bench, "slow").await;
    });
}

/// A log that appends to vouchers wherever their streams end.
struct BlindLog(Arc<dyn EventLog>);

#[async_trait]
impl ForwardLog for BlindLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.0
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        for write in writes.iter_mut().filter(|w| w.stream.category() == "voucher") {
            let last = self.0.read_stream(&write.stream, None, Direction::Backwards, 1).await?;
            write.expected = last.first().map_or(Expected::NoStream, |e| Expected::Revision(e.revision));
        }
        self.0.append(writes).await
    }
}

/// A buyer's node reserves the voucher, and its append is slow; meanwhile a manager withdraws it on another node.
async fn race(atomic: bool, blind: bool) -> (Result<Booking, CommandError>, Report) {
    let bench = TestBench::new(atomic);
    open(&bench, 1).await.drain(Duration::ZERO).await;
    let log: Arc<dyn EventLog> = if blind { Arc::new(ForwardingLog(BlindLog(bench.log.clone()))) } else { bench.log.clone() };
    let outside = TestBench { log, ..bench.clone() };
    let (plan, slow) = FaultPlan::around(&outside);
    let (buyers, managers) = (slow.node().await, outside.node().await);
    let booking = held(&bench, &managers).await;
    later(1).await;
    plan.append(0, AppendFate::Slow(5));
    let code = code_of(1);
    let withdraw = async {
        later(1).await;
        managers.withdraw_voucher(&code, None, "manager").await
    };
    let (applied, withdrawn) = futures::future::join(apply(&buyers, &booking, &code), withdraw).await;
    assert!(withdrawn.unwrap().withdrawn);
    (applied, audited(&bench).await)
}

#[test]
fn a_blind_append_uses_a_voucher_after_its_withdrawal_and_is_noticed() {
    in_virtual_time(async |atomic| {
        let (applied, report) = race(atomic, false).await;
        assert_eq!(code(applied), "voucher_withdrawn");
        assert!(report.holds(), "with its eyes open: {report}");
        let (applied, report) = race(atomic, true).await;
        assert!(applied.is_ok(), "only the log's revision prevents it");
        assert!(report.violations.iter().any(|v| v.code.name() == "withdrawn_used"), "{report}");
    });
}
