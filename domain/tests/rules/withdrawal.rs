//! Vouchers that staff withdraw, and campaigns that they end: what is left usable, and for whom.

use crate::support;

use lastseat_domain::campaign::{Campaign, CampaignCommand};
use lastseat_domain::event::*;
use lastseat_domain::voucher::{MAX_REASON, Voucher, VoucherCommand as C, Withdrawn};
use lastseat_domain::{CampaignId, VoucherHash, VoucherId};
use lastseat_testkit::given::{TestedCommand, given};
use support::*;
use uuid::Uuid;

fn hash() -> VoucherHash {
    C::id()
}

fn campaign() -> CampaignId {
    CampaignCommand::id()
}

fn of_campaign() -> Event {
    let source = VoucherSource::Campaign { campaign: campaign(), number: 1 };
    VoucherCreated { voucher: hash(), terms: VoucherTerms::once(Discount::Percent(50)), source }.into()
}

fn of_reward() -> Event {
    let source = VoucherSource::Reward { reward: VoucherId(Uuid::from_u128(7)) };
    VoucherCreated { voucher: hash(), terms: VoucherTerms::once(Discount::Percent(50)), source }.into()
}

fn reserve(n: u8) -> C {
    C::Reserve { now: in_time(), booking: booking(n), application: 1 }
}

fn reserved(n: u8) -> Event {
    VoucherReserved { voucher: hash(), booking: booking(n), application: 1 }.into()
}

fn freed(n: u8) -> Event {
    VoucherFreed { voucher: hash(), booking: booking(n), application: 1 }.into()
}

fn used(n: u8) -> Event {
    VoucherUsed { voucher: hash(), booking: booking(n), application: 1 }.into()
}

fn withdrawn(cause: &Withdrawal) -> Event {
    VoucherWithdrawn { voucher: hash(), cause: cause.clone() }.into()
}

fn by_staff(reason: Option<&str>) -> Withdrawal {
    Withdrawal::Staff { by: "manager".into(), reason: reason.map(str::to_owned) }
}

fn by_refund() -> Withdrawal {
    Withdrawal::Refund { booking: booking(9) }
}

fn by_end() -> Withdrawal {
    Withdrawal::CampaignEnd { campaign: campaign() }
}

#[test]
fn staff_withdraw_any_voucher_once() {
    for created in [of_campaign(), of_reward()] {
        let cause = by_staff(Some("Leaked"));
        given([created.clone()]).when(C::Withdraw(cause.clone())).then_events([withdrawn(&cause)]);
        let gone = given([created, withdrawn(&cause)]);
        gone.clone().when(C::Withdraw(by_staff(None))).then_nothing();
        gone.when(reserve(1)).then_rejected("voucher_withdrawn");
    }
    given([]).when(C::Withdraw(by_staff(None))).then_rejected("unknown_voucher");
}

/// The same as for a reward whose booking is refunded.
#[test]
fn a_booking_that_has_it_keeps_it_whatever_it_is_withdrawn_for() {
    for (created, cause) in
        [(of_campaign(), by_staff(None)), (of_campaign(), by_end()), (of_reward(), by_staff(None)), (of_reward(), by_refund())]
    {
        let held = given([created.clone(), reserved(1), withdrawn(&cause)]);
        held.clone().when(reserve(1)).then_nothing();
        held.clone().when(reserve(2)).then_rejected("voucher_withdrawn");
        let paid = held.clone().when(C::Use { booking: booking(1), application: 1 }).then_events([used(1)]);
        // A refund that gives it back gives it to nobody else.
        let back = paid.when(C::Free { booking: booking(1), application: 1 }).then_events([freed(1)]);
        back.when(reserve(2)).then_rejected("voucher_withdrawn");
        let freed = held.when(C::Free { booking: booking(1), application: 1 }).then_events([freed(1)]);
        freed.when(reserve(1)).then_rejected("voucher_withdrawn");
        // What was used up is withdrawn, too.
        let used_up = given([created, reserved(1), used(1)]);
        used_up.when(C::Withdraw(cause.clone())).then_events([withdrawn(&cause)]);
    }
}

#[test]
fn goods_are_not_handed_over_for_a_withdrawn_voucher() {
    let source = VoucherSource::Campaign { campaign: campaign(), number: 1 };
    let terms = VoucherTerms::once(Discount::Goods("A drink".into()));
    let drink: Event = VoucherCreated { voucher: hash(), terms, source }.into();
    let hand_over = C::HandOver { now: in_time(), by: "staff".into() };
    given([drink, withdrawn(&by_staff(None))]).when(hand_over).then_rejected("voucher_withdrawn");
}

#[test]
fn each_cause_withdraws_what_it_concerns() {
    let another = Withdrawal::CampaignEnd { campaign: CampaignId(Uuid::from_u128(1)) };
    given([of_campaign()]).when(C::Withdraw(another)).then_rejected("out_of_order");
    given([of_campaign()]).when(C::Withdraw(by_refund())).then_rejected("out_of_order");
    given([of_reward()]).when(C::Withdraw(by_end())).then_rejected("out_of_order");
    given([of_campaign(), withdrawn(&by_staff(None))]).when(C::Withdraw(by_end())).then_nothing();
    given([of_campaign(), withdrawn(&by_end())]).when(C::Withdraw(by_staff(None))).then_nothing();
}

/// What the refund takes back depends on how it finds the code, not on how staff found it.
#[test]
fn a_refund_looks_at_a_reward_that_staff_have_withdrawn() {
    let found = |events: Vec<Event>| given(events).state::<Voucher>().unwrap().found_at_refund;
    let held = vec![of_reward(), reserved(1), withdrawn(&by_staff(None))];
    assert_eq!(found(held.clone()), None);
    let paid: Vec<Event> = held.iter().cloned().chain([used(1)]).collect();
    let after = given(paid.clone()).when(C::Withdraw(by_refund())).then_events([withdrawn(&by_refund())]);
    assert_eq!(after.state::<Voucher>().unwrap().found_at_refund, Some(Withdrawn::Used));
    after.when(C::Withdraw(by_refund())).then_nothing();
    assert_eq!(found(held.into_iter().chain([withdrawn(&by_refund())]).collect()), Some(Withdrawn::Unused));
}

#[test]
fn a_reason_is_one_short_line() {
    for reason in ["", "  ", "two\nlines", "x".repeat(MAX_REASON + 1).as_str()] {
        given([of_campaign()]).when(C::Withdraw(by_staff(Some(reason)))).then_rejected("invalid_voucher");
        given([started()]).when(request_end(Some(reason))).then_rejected("invalid_voucher");
    }
    let longest = by_staff(Some(&"x".repeat(MAX_REASON)));
    given([of_campaign()]).when(C::Withdraw(longest.clone())).then_events([withdrawn(&longest)]);
}

fn started() -> Event {
    CampaignStarted {
        campaign: campaign(),
        terms: VoucherTerms::once(Discount::Percent(50)),
        count: 500,
        first: hash(),
        by: "manager".into(),
        request: None,
    }
    .into()
}

fn request_end(reason: Option<&str>) -> CampaignCommand {
    CampaignCommand::RequestEnd { by: "manager".into(), reason: reason.map(str::to_owned) }
}

fn end_requested(reason: Option<&str>) -> Event {
    CampaignEndRequested { campaign: campaign(), by: "manager".into(), reason: reason.map(str::to_owned) }.into()
}

#[test]
fn a_campaign_is_ended_once() {
    let (completed, ended): (Event, Event) =
        (CampaignCompleted { campaign: campaign() }.into(), CampaignEnded { campaign: campaign() }.into());
    given([]).when(request_end(None)).then_rejected("campaign_not_found");
    given([]).when(CampaignCommand::End).then_rejected("campaign_not_found");
    given([started(), completed.clone()]).when(CampaignCommand::End).then_rejected("out_of_order");
    let requested = given([started(), completed]).when(request_end(Some("Leaked"))).then_events([end_requested(Some("Leaked"))]);
    requested.clone().when(request_end(None)).then_nothing();
    assert!(!requested.state::<Campaign>().unwrap().is_settled());
    let done = requested.when(CampaignCommand::End).then_events([ended]);
    assert!(done.state::<Campaign>().unwrap().is_settled());
    done.clone().when(request_end(Some("Again"))).then_nothing();
    done.when(CampaignCommand::End).then_nothing();
}

/// While its vouchers are being created: it ends when each of them is there, and none can be used.
#[test]
fn a_campaign_that_is_being_issued_ends_after_it_is_complete() {
    let completed: Event = CampaignCompleted { campaign: campaign() }.into();
    let requested = given([started()]).when(request_end(None)).then_events([end_requested(None)]);
    requested.clone().when(CampaignCommand::End).then_rejected("out_of_order");
    let whole = requested.when(CampaignCommand::Complete).then_events([completed]);
    assert!(!whole.state::<Campaign>().unwrap().is_settled());
    whole.when(CampaignCommand::End).then_events([CampaignEnded { campaign: campaign() }.into()]);
}
