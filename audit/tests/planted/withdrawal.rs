//! Vouchers that staff withdraw, and campaigns that end.

use crate::planting::*;
use lastseat_domain::event::*;
use lastseat_domain::voucher::VoucherCommand;
use lastseat_domain::{CampaignId, Event, StreamName, VoucherHash};
use lastseat_testkit::world::{World, terms};

fn world_with_vouchers() -> (World, Vec<VoucherHash>) {
    let (mut world, _) = world_with_hold();
    let vouchers = world.campaign(&terms(Discount::Percent(50)), 3);
    (world, vouchers)
}

fn campaign_of(world: &World, voucher: &VoucherHash) -> CampaignId {
    match world.vouchers[voucher].created.source {
        VoucherSource::Campaign { campaign, .. } => campaign,
        VoucherSource::Reward { .. } => panic!("not of a campaign"),
    }
}

fn by_staff() -> Withdrawal {
    Withdrawal::Staff { by: "manager".into(), reason: None }
}

fn withdraw(world: &mut World, voucher: &VoucherHash, cause: Withdrawal) {
    let withdrawn: Event = VoucherWithdrawn { voucher: voucher.clone(), cause }.into();
    world.append(StreamName::voucher(voucher), &[withdrawn]);
}

#[test]
fn an_ended_campaign_is_valid_whatever_its_vouchers_were_used_for() {
    let (mut world, vouchers) = world_with_vouchers();
    let (kept, paid) = (world.hold("bob", "gala", &["A-3"]), world.hold("eve", "gala", &["A-4"]));
    assert!(world.apply_voucher(kept, &vouchers[0]) && world.apply_voucher(paid, &vouchers[1]));
    world.pay(paid);
    assert!(world.settle_voucher(paid));
    world.end_campaign(&vouchers);
    world.pay(kept);
    assert!(world.settle_voucher(kept));
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
}

#[test]
fn an_end_that_is_under_way_is_pending() {
    let (mut world, vouchers) = world_with_vouchers();
    let campaign = campaign_of(&world, &vouchers[0]);
    let requested = CampaignEndRequested { campaign, by: "manager".into(), reason: None };
    world.append(StreamName::campaign(campaign), &[requested.into()]);
    withdraw(&mut world, &vouchers[0], Withdrawal::CampaignEnd { campaign });
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    assert_eq!(report.pending.iter().map(|p| p.text.as_str()).collect::<Vec<_>>(), ["1 of 3 vouchers are withdrawn"]);
}

#[test]
fn a_voucher_reserved_after_staff_withdrew_it() {
    let (mut world, vouchers) = world_with_vouchers();
    let other = world.hold("bob", "gala", &["A-3"]);
    assert!(world.voucher(&vouchers[0], VoucherCommand::Withdraw(by_staff())));
    plant(world, &["withdrawn_used"], |world| {
        let reserved = VoucherReserved { voucher: vouchers[0].clone(), booking: other, application: 1 };
        world.append(StreamName::voucher(&vouchers[0]), &[reserved.into()]);
    });
}

#[test]
fn a_voucher_withdrawn_twice() {
    let (mut world, vouchers) = world_with_vouchers();
    withdraw(&mut world, &vouchers[0], by_staff());
    plant(world, &["after_the_end"], |world| withdraw(world, &vouchers[0], by_staff()));
}

#[test]
fn a_voucher_withdrawn_for_a_campaign_that_does_not_end() {
    let (world, vouchers) = world_with_vouchers();
    plant(world, &["campaign_end_differs"], |world| {
        let campaign = campaign_of(world, &vouchers[0]);
        withdraw(world, &vouchers[0], Withdrawal::CampaignEnd { campaign });
    });
}

#[test]
fn a_campaign_that_ends_with_a_voucher_that_can_be_used() {
    let (mut world, vouchers) = world_with_vouchers();
    let campaign = campaign_of(&world, &vouchers[0]);
    let requested = CampaignEndRequested { campaign, by: "manager".into(), reason: None };
    world.append(StreamName::campaign(campaign), &[requested.into()]);
    for voucher in &vouchers[1..] {
        withdraw(&mut world, voucher, Withdrawal::CampaignEnd { campaign });
    }
    plant(world, &["campaign_end_differs"], |world| {
        world.append(StreamName::campaign(campaign), &[CampaignEnded { campaign }.into()]);
    });
}

#[test]
fn a_campaign_that_ends_without_a_request() {
    let (mut world, vouchers) = world_with_vouchers();
    let campaign = campaign_of(&world, &vouchers[0]);
    vouchers.iter().for_each(|voucher| withdraw(&mut world, voucher, by_staff()));
    plant(world, &["campaign_end_differs"], |world| {
        world.append(StreamName::campaign(campaign), &[CampaignEnded { campaign }.into()]);
    });
}
