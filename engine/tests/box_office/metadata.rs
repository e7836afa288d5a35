//! Every event names what it belongs to, what caused it and, where the command brought one, the trace it is part of.

use crate::common;

use common::fault_injection::{AppendFate, FaultPlan};
use common::*;
use lastseat_domain::booking::Booking;
use lastseat_domain::drawing::CheckedDrawing;
use lastseat_domain::event::{
    AbortReason, Discount, Event, Reward, ShowScheduled, VoucherCause, VoucherTerms, VoucherWithdrawn, Withdrawal,
};
use lastseat_domain::picture::CheckedPicture;
use lastseat_domain::plan::{Drawing, DrawnArea, PlanCategory};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::{
    AreaId, BlockId, BuyerId, CampaignId, CategoryId, CommandId, EndpointId, Envelope, PlanId, ScanKind, SeatId, ShowId,
    VoucherHash,
};
use lastseat_engine::{
    BlockRequest, BlockSelection, BoxOffice, CampaignRequest, CommandError, ExchangeRequest, HoldRequest, OfflineScan, Origin,
    Paid, PartialRefundRequest, PayRequest, ScanRequest, SeatSelection,
};
use lastseat_in_process::InProcessGuard;
use lastseat_testkit::PlainCodes;
use lastseat_testkit::pictures::png;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

fn by(who: &str) -> Origin {
    Origin::new(who, Some(TRACE.to_owned()))
}

async fn traced_hold(bench: &TestBench, office: &BoxOffice, selection: SeatSelection) -> Booking {
    let (booking, buyer) = (bench.new_booking(), BuyerId::new("ann").unwrap());
    let trace = Some(TRACE.to_owned());
    office.hold(HoldRequest { trace, ..HoldRequest::new(booking, show(), selection, buyer) }).await.unwrap().booking
}

async fn traced_pay(office: &BoxOffice, booking: &Booking, method: Option<&str>) -> Result<Paid, CommandError> {
    let payment_method = method.map(str::to_owned);
    office
        .pay(booking.id, PayRequest { pay_with: payment_method.into(), return_url: None, fingerprint: None, origin: by("ann") })
        .await
}

/// A plan of one place.
fn small_plan() -> CheckedDrawing {
    let category = CategoryId::new("floor").unwrap();
    let area = AreaId::new("floor").unwrap();
    CheckedDrawing::new(Drawing {
        name: "House".to_owned(),
        categories: vec![PlanCategory { category: category.clone(), name: None, color: None }],
        shapes: vec![],
        areas: vec![DrawnArea { area, section: None, category, rows: vec![], capacity: Some(1) }],
    })
    .unwrap()
}

async fn issue(office: &BoxOffice, n: u128, discount: Discount) -> VoucherHash {
    let campaign = CampaignId(Uuid::from_u128(n));
    let terms =
        VoucherTerms { discount, uses: 1, valid_from: None, valid_until: None, shows: vec![], categories: vec![], opens: vec![] };
    let request = CampaignRequest { campaign, terms, count: 1, fingerprint: None, origin: by("manager") };
    office.start_campaign(request).await.unwrap();
    PlainCodes.of_campaign(campaign, 1)
}

async fn traced_exchange(office: &BoxOffice, booking: &Booking, from: &str, to: &str) -> Result<Booking, CommandError> {
    let seat = |label: &str| SeatId::new(label).unwrap();
    let request = ExchangeRequest { leaves: vec![seat(from)], takes: vec![(seat(to), None)], origin: by("stan") };
    office.exchange(booking.id, request).await
}

/// A node dies when it has requested an exchange; then somebody else holds the new seat.
async fn lose_exchange(bench: &TestBench, office: &BoxOffice, booking: &Booking) {
    let apart = TestBench { guard: Arc::new(InProcessGuard::new(bench.clock.clone())), ..bench.clone() };
    let (plan, cut) = FaultPlan::around(&apart);
    let dying = cut.node().await;
    plan.append(0, AppendFate::CutAfter);
    tokio::select! {
        _ = traced_exchange(&dying, booking, "B-7", "B-9") => panic!("not cut"),
        () = plan.power.went_out() => {}
    }
    drop(dying);
    let held = traced_hold(bench, office, seats(&["B-9"])).await;
    later(60).await;
    assert!(office.booking(booking.id).await.unwrap().unwrap().exchange.is_none(), "it is still under way");
    office.cancel(held.id, by("ann")).await.unwrap();
    later(2).await;
}

/// A booking earns a code, and loses it with its refund.
async fn earn_and_lose_a_code(bench: &TestBench, office: &BoxOffice) {
    let id = ShowId::new("gala").unwrap();
    let reward = Reward { reward: "10 % off".to_owned(), weight: 1, discount: Some(Discount::Percent(10)) };
    let gala = ShowScheduled { show: id.clone(), rewards: vec![reward], ..test_show() };
    office.schedule_show(gala, by("admin")).await.unwrap();
    let (booking, buyer) = (bench.new_booking(), BuyerId::new("ann").unwrap());
    let trace = Some(TRACE.to_owned());
    let held = office.hold(HoldRequest { trace, ..HoldRequest::new(booking, id, floor(3), buyer) }).await.unwrap().booking;
    traced_pay(office, &held, Some("pm_card_visa")).await.unwrap();
    later(2).await;
    office.refund(held.id, by("admin")).await.unwrap();
    later(2).await;
}

/// Everything that can happen to a sale.
async fn send_to_the_shop(bench: &TestBench, office: &BoxOffice) {
    let (shop, sender, lasts) = (EndpointId::new("shop").unwrap(), Uuid::from_u128(1), Duration::from_secs(30));
    let first = bench.log.read_all(None, Direction::Forwards, 1, &Filter::all()).await.unwrap().remove(0);
    let claimed = office.claim_deliveries(&shop, sender, (&first, first.position), lasts).await.unwrap();
    assert_eq!(claimed.and_then(|deliveries| deliveries.position), Some(first.position));
    let log = bench.log.read_all(None, Direction::Backwards, 1, &Filter::all()).await.unwrap();
    let reason = (10, "answered 500".to_owned());
    assert!(office.abandon_delivery(&shop, sender, &log[0], reason).await.unwrap().is_some());
    assert!(office.checkpoint_deliveries(&shop, sender, (log[0].position, vec![]), lasts).await.unwrap().is_some());
    assert!(office.replay_deliveries(&shop, first.position, by("maria")).await.unwrap().sender.is_none());
}

async fn all_stories(bench: &TestBench, office: &BoxOffice) {
    office.draw_plan(&PlanId::new("house").unwrap(), small_plan(), None, by("admin")).await.unwrap();
    office.schedule_show(test_show(), by("admin")).await.unwrap();
    office.revise_show(&show(), larger_and_dearer(), None, by("admin")).await.unwrap();
    let picture = CheckedPicture::new(&png(3, 2, 1), Some("image/png")).unwrap();
    office.set_picture(&show(), picture, None, by("admin")).await.unwrap();
    office.remove_picture(&show(), by("admin")).await.unwrap();
    office.pause_sales(&show(), by("admin")).await.unwrap();
    office.resume_sales(&show(), by("admin")).await.unwrap();

    let refunded = traced_hold(bench, office, seats(&["A-1", "A-2", "A-3"])).await;
    office.extend(refunded.id, by("ann")).await.unwrap();
    assert_eq!(code(traced_pay(office, &refunded, Some("pm_card_chargeDeclined")).await), "payment_declined");
    traced_pay(office, &refunded, Some("pm_card_visa")).await.unwrap();
    later(2).await;
    let part = PartialRefundRequest { seats: vec![SeatId::new("A-1").unwrap()], amount: Some(1), origin: by("staff") };
    office.refund_part(refunded.id, part).await.unwrap();
    later(2).await;
    office.refund(refunded.id, by("admin")).await.unwrap();
    later(2).await;

    let given = traced_hold(bench, office, seats(&["A-4"])).await;
    traced_pay(office, &given, Some("pm_card_visa")).await.unwrap();
    traced_exchange(office, &given, "A-4", "B-7").await.unwrap();
    let moved = office.booking(given.id).await.unwrap().unwrap();
    let ticket = office.reissue_ticket(&moved, &SeatId::new("B-7").unwrap(), by("ann")).await.unwrap();
    for kind in [ScanKind::Entry, ScanKind::Exit] {
        let scan = ScanRequest { code: ticket.clone(), kind, gate: "north".parse().unwrap(), scan: None };
        office.check_in(scan, by("staff")).await.unwrap();
    }
    let offline = OfflineScan {
        code: ticket.clone(),
        kind: ScanKind::Entry,
        gate: "south".parse().unwrap(),
        device: "scanner-7".parse().unwrap(),
        scan: Uuid::from_u128(7),
        scanned_at: bench.clock.now(),
    };
    let exit = OfflineScan { kind: ScanKind::Exit, scan: Uuid::from_u128(8), ..offline.clone() };
    let recorded = office.record_scans(vec![offline, exit], by("staff")).await.unwrap();
    assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
    lose_exchange(bench, office, &given).await;
    office.transfer(given.id, BuyerId::new("bob").unwrap(), by("admin")).await.unwrap();
    later(2).await;

    let action = traced_hold(bench, office, floor(3)).await;
    let Ok(Paid::ActionRequired { booking, .. }) = traced_pay(office, &action, Some("pm_card_authenticationRequired")).await
    else {
        panic!("no action required")
    };
    bench.sandbox.authenticate(booking.intent.as_ref().unwrap(), true).await.unwrap();
    traced_pay(office, &action, None).await.unwrap();
    later(2).await;
    let history = bench.history().await;
    let voucher = history.iter().rev().find_map(|e| match &e.event {
        Event::VoucherIssued(e) if e.cause == VoucherCause::Booking => Some(e.voucher),
        _ => None,
    });
    office.redeem_voucher(&BuyerId::new("ann").unwrap(), voucher.unwrap(), by("ann")).await.unwrap();

    send_to_the_shop(bench, office).await;
    earn_and_lose_a_code(bench, office).await;

    let block = BlockRequest {
        block: BlockId(bench.new_booking().0),
        show: show(),
        selection: BlockSelection::Any { area: AreaId::new("floor").unwrap(), quantity: 2 },
        partial: false,
        reason: "Press".to_owned(),
        channel: None,
        access_code: None,
        fingerprint: None,
        origin: by("admin"),
    };
    let id = block.block;
    office.open_block(block).await.unwrap();
    office.lift_block(&show(), id, by("admin")).await.unwrap();
    let voucher = issue(office, 1, Discount::Percent(50)).await;
    let goods = issue(office, 2, Discount::Goods("A drink".to_owned())).await;
    office.hand_over_goods(&goods, by("staff")).await.unwrap();
    let leaked = issue(office, 3, Discount::Percent(50)).await;
    office.withdraw_voucher(&leaked, Some("Leaked".to_owned()), by("manager")).await.unwrap();
    office.end_campaign(CampaignId(Uuid::from_u128(2)), None, by("manager")).await.unwrap();
    let discounted = traced_hold(bench, office, seats(&["A-5"])).await;
    office.apply_voucher(discounted.id, &voucher, by("ann")).await.unwrap();
    office.remove_voucher(discounted.id, by("ann")).await.unwrap();
    office.apply_voucher(discounted.id, &voucher, by("ann")).await.unwrap();
    traced_pay(office, &discounted, Some("pm_card_visa")).await.unwrap();
    let cancelled = traced_hold(bench, office, seats(&["B-1"])).await;
    office.cancel(cancelled.id, by("ann")).await.unwrap();
    let gone = traced_hold(bench, office, seats(&["B-2"])).await;
    let _capture_fails = traced_pay(office, &gone, Some("pm_lastseat_captureFails")).await;
    // It expires while the buyer is at their bank.
    let expired = traced_hold(bench, office, best(2)).await;
    traced_pay(office, &expired, Some("pm_card_authenticationRequired")).await.unwrap();
    later(700).await;
    office.cancel_show(&show(), by("admin")).await.unwrap();
    office.refund_show(&show(), by("admin")).await.unwrap();
    later(20).await;
}

/// The booking, block, campaign or sender that an event's body names; otherwise the command, if one caused it.
fn belongs_to(event: &Envelope) -> Option<Uuid> {
    let body: Value = serde_json::from_str(&event.event.to_json().unwrap()).unwrap();
    let source = &body["source"]["campaign"]["campaign"];
    let named = [&body["booking"], &body["block"], &body["campaign"], source, &body["sender"]];
    let named = named.iter().find_map(|id| id.as_str()).map(|id| id.parse().unwrap());
    named.or_else(|| event.metadata.causation.filter(|cause| CommandId::of_cause(*cause).is_some()))
}

fn assert_complete(history: &[Envelope], what: &str) {
    for event in history {
        let at = format!("{what}: {} of {}@{}", event.event.name(), event.stream, event.revision);
        assert!(event.metadata.causation.is_some(), "{at}: no causation");
        let named = event.metadata.correlation.unwrap_or_else(|| panic!("{at}: no correlation"));
        assert_eq!(belongs_to(event).unwrap_or(named), named, "{at}: it belongs to something else");
        assert_eq!(event.metadata.trace.as_deref(), Some(TRACE), "{at}: no trace");
    }
}

#[test]
fn every_event_of_every_story_has_a_cause_and_a_trace() {
    in_virtual_time(async |atomic| {
        let bench = TestBench::new(atomic);
        let office = bench.node().await;
        all_stories(&bench, &office).await;
        let history = bench.history().await;
        assert_complete(&history, &format!("atomic: {atomic}"));
        let seen: HashSet<&str> = history.iter().map(|e| e.event.name()).collect();
        // A flag, and its reviews, need a gateway that contradicts itself; a loss is accepted by an operator, before the engine starts.
        let elsewhere = ["PaymentFlagged", "PaymentReviewed", "PaymentReturnedElsewhere", "LossAccepted"];
        let missing: Vec<_> = Event::NAMES.iter().filter(|name| !elsewhere.contains(name) && !seen.contains(**name)).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
        // What an event caused names an event of the log; what a request began names the request, and what
        // a caller's command began names the command.
        let ids: HashSet<_> = history.iter().map(|e| e.id).collect();
        for event in history.iter().filter(|e| e.revision > 0 || e.stream.as_booking().is_none() && e.stream.as_seat().is_none())
        {
            let cause = event.metadata.causation.unwrap();
            let is_request = event.metadata.correlation == Some(cause) || CommandId::of_cause(cause).is_some();
            assert!(is_request || ids.contains(&cause), "{} of {}", event.event.name(), event.stream);
        }
        // Each command of a caller is named, and nothing else is called a command.
        let commands = [
            "PlanDrawn",
            "ShowPictured",
            "ShowPictureRemoved",
            "ShowScheduled",
            "ShowRevised",
            "SalesPaused",
            "SalesResumed",
            "ShowCancelled",
            "ShowRefundsRequested",
            "BlockLifted",
            "CampaignStarted",
            "CampaignEndRequested",
            "GoodsHandedOver",
            "TicketReissued",
            "TicketAdmitted",
            "TicketLeft",
            "TicketScannedOffline",
            "VoucherApplied",
            "VoucherRemoved",
            "HoldExtended",
            "PaymentStarted",
            "RefundRequested",
            "BookingTransferred",
            "ExchangeRequested",
            "PartialRefundRequested",
            "VoucherRedeemed",
            "DeliveriesReplayed",
        ];
        for event in &history {
            let by_command = CommandId::of_cause(event.metadata.causation.unwrap()).is_some();
            // The refund of a booking because its show is refunded follows from that.
            let of_show = matches!(&event.event, Event::RefundRequested(_)) && !by_command;
            let cancelled = matches!(&event.event, Event::BookingAborted(e) if e.reason == AbortReason::Cancelled);
            let withdrawn =
                matches!(&event.event, Event::VoucherWithdrawn(VoucherWithdrawn { cause: Withdrawal::Staff { .. }, .. }));
            assert_eq!(
                by_command,
                cancelled || withdrawn || !of_show && commands.contains(&event.event.name()),
                "{} of {}",
                event.event.name(),
                event.stream
            );
        }
    });
}

/// The second node finds the hold in the log only, and carries on its trace.
#[test]
fn recovery_carries_on_the_trace_of_what_it_finds() {
    in_virtual_time(async |atomic| {
        for fate in [AppendFate::CutAfter, AppendFate::CutSome(0b10)] {
            let bench = TestBench::new(atomic);
            let office = bench.node().await;
            office.schedule_show(test_show(), by("admin")).await.unwrap();
            office.drain(Duration::ZERO).await;
            let (plan, cut) = FaultPlan::around(&bench);
            let dying = cut.node().await;
            plan.append(0, fate);
            tokio::select! {
                _ = traced_hold(&cut, &dying, seats(&["A-1", "A-2"])) => panic!("not cut"),
                () = plan.power.went_out() => {}
            }
            let _recovering = bench.node().await;
            later(700).await;
            let history = bench.history().await;
            assert!(history.len() > 1 || atomic && fate != AppendFate::CutAfter, "{fate:?}: nothing was written");
            assert_complete(&history, &format!("atomic: {atomic}, {fate:?}"));
        }
    });
}
