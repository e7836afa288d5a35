//! Rewards that are worth something: those that keep the rules are found valid, and each planted fault is found under its code.

use lastseat_audit::{Audit, Report};
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::loyalty::{self, LoyaltyCommand, voucher_id};
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::show::ShowCommand;
use lastseat_domain::voucher::{VoucherCommand, Withdrawn};
use lastseat_domain::{BookingId, BuyerId, Event, StreamName, VoucherHash, VoucherId};
use lastseat_testkit::PlainCodes;
use lastseat_testkit::world::{World, plan, show_id, terms};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

fn audit(events: &[Arc<RecordedEvent>]) -> Report {
    let mut audit = Audit::new();
    for event in events {
        audit.observe(event);
    }
    audit.finish()
}

/// The world is found valid before the fault is planted, and has exactly these codes after it.
#[track_caller]
fn plant(mut world: World, codes: &[&str], fault: impl FnOnce(&mut World)) {
    let before = audit(&world.log);
    assert!(before.holds(), "before the fault: {before}");
    fault(&mut world);
    let report = audit(&world.log);
    let found: BTreeSet<&str> = report.violations.iter().map(|v| v.code.name()).collect();
    assert_eq!(found, codes.iter().copied().collect(), "{report}");
}

fn alice() -> BuyerId {
    BuyerId::new("alice").unwrap()
}

/// Of a booking.
fn reward(id: BookingId) -> VoucherId {
    voucher_id(id, VoucherCause::Booking, 0)
}

fn code(id: BookingId) -> VoucherHash {
    PlainCodes.of_reward(reward(id))
}

/// A show where three seats earn this, and a sale of three.
fn world_with_reward(discount: Discount) -> (World, BookingId) {
    let mut world = World::new(1);
    let rewards = vec![Reward { reward: "A thank-you".into(), weight: 1, discount: Some(discount) }];
    world.schedule(ShowScheduled { rewards, ..plan("gala", 2, 6, 9) });
    let id = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(id);
    (world, id)
}

fn ten_off() -> (World, BookingId) {
    world_with_reward(Discount::Percent(10))
}

/// Another booking has the code, and is paid if so.
fn used_by_bob(world: &mut World, code: &VoucherHash, paid: bool) -> BookingId {
    let other = world.hold("bob", "gala", &["B-1"]);
    assert!(world.apply_voucher(other, code));
    if paid {
        world.pay(other);
        assert!(world.settle_voucher(other));
    }
    other
}

/// The refund of a booking, as far as the account and its code are left out.
fn refund_but_for_the_reward(world: &mut World, id: BookingId) {
    assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
    world.return_money(id);
    world.release(id, AbortReason::Refunded);
}

fn revoked(id: BookingId, with_reward: bool) -> Vec<Event> {
    let points = PointsRevoked { booking: id, seats: 3, points: 30, refund: None };
    let reward = VoucherRevoked { voucher: reward(id), booking: id };
    std::iter::once(points.into()).chain(with_reward.then(|| reward.into())).collect()
}

fn withdrawn(voucher: VoucherHash, booking: BookingId) -> Event {
    VoucherWithdrawn { voucher, cause: Withdrawal::Refund { booking } }.into()
}

#[test]
fn a_code_that_is_used_kept_and_taken_back_is_valid() {
    for (used, paid) in [(false, false), (true, false), (true, true)] {
        let (mut world, id) = ten_off();
        if used {
            used_by_bob(&mut world, &code(id), paid);
        }
        world.refund(id);
        let found = if paid { Withdrawn::Used } else { Withdrawn::Unused };
        assert_eq!(world.vouchers[&code(id)].found_at_refund, Some(found));
        world.pass(61);
        world.command_show(&show_id("gala"), ShowCommand::Pause);
        let report = audit(&world.log);
        assert!(report.holds() && report.pending.is_empty(), "{used} {paid}: {report}");
    }
}

#[test]
fn a_reward_with_another_code_than_was_created() {
    let sale = || {
        let (mut world, _) = ten_off();
        let id = world.hold("alice", "gala", &["A-4", "A-5", "A-6"]);
        assert!(world.start_payment(id) && world.commit(id));
        world.book_seats(id);
        assert!(world.capture(id));
        (world, id)
    };
    let issue = |world: &mut World, id, discount: Option<u32>| {
        let issued = VoucherIssued {
            voucher: reward(id),
            booking: id,
            buyer: alice(),
            cause: VoucherCause::Booking,
            reward: "A thank-you".into(),
            code: discount.map(|percent| RewardCode { hash: code(id), discount: Discount::Percent(percent) }),
        };
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 3, points: 30 };
        world.append(StreamName::loyalty(&alice()), &[earned.into(), issued.into()]);
    };
    let create = |world: &mut World, id, percent: u32| {
        let source = VoucherSource::Reward { reward: reward(id) };
        let created = VoucherCreated { voucher: code(id), terms: terms(Discount::Percent(percent)), source };
        world.append(StreamName::voucher(&code(id)), &[created.into()]);
    };
    let (world, id) = sale();
    plant(world, &["reward_differs"], |world| {
        create(world, id, 100);
        issue(world, id, Some(10));
    });
    let (world, id) = sale();
    plant(world, &["voucher_wrong_draw"], |world| {
        create(world, id, 100);
        issue(world, id, Some(100));
    });
    let (world, id) = sale();
    plant(world, &["voucher_wrong_draw"], |world| issue(world, id, None));
    let (world, id) = sale();
    plant(world, &["reward_differs"], |world| issue(world, id, Some(10)));
}

/// The buyer knows the booking's id before the payment, so a reward that it leads to could be chosen. Only events of
/// earlier versions have nothing else.
#[test]
fn a_reward_drawn_by_the_bookings_id_instead_of_what_its_payment_says() {
    let line = |reward: &str| Reward { reward: reward.into(), weight: 1, discount: None };
    let rewards = vec![line("A drink"), line("A poster")];
    let by = |id: BookingId, draw: Uuid| loyalty::drawn(id, draw, 3, &rewards).unwrap().1.reward.clone();
    let sale = |earlier_version: bool| {
        let mut world = World::new(1);
        world.schedule(ShowScheduled { rewards: rewards.clone(), ..plan("gala", 20, 6, 9) });
        for row in 'A'..='T' {
            let id = world.hold("alice", "gala", &[1, 2, 3].map(|n| format!("{row}-{n}")).each_ref().map(String::as_str));
            assert!(world.start_payment(id) && world.commit(id));
            world.book_seats(id);
            if by(id, world.draw(id)) == by(id, id.0) {
                assert!(world.capture(id));
                world.credit(id);
                continue;
            }
            let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
            let draw = (!earlier_version).then(|| world.draw(id));
            world.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount, draw }.into()]);
            return (world, id);
        }
        panic!("twenty bookings draw the same by either")
    };
    let issue = |world: &mut World, id, draw| {
        let (voucher, cause, reward) = (reward(id), VoucherCause::Booking, by(id, draw));
        let issued = VoucherIssued { voucher, booking: id, buyer: alice(), cause, reward, code: None };
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 3, points: 30 };
        world.append(StreamName::loyalty(&alice()), &[earned.into(), issued.into()]);
    };
    let (world, id) = sale(false);
    plant(world, &["voucher_wrong_draw"], |world| issue(world, id, id.0));
    let (world, id) = sale(false);
    plant(world, &[], |world| issue(world, id, world.draw(id)));
    let (world, id) = sale(true);
    plant(world, &["voucher_wrong_draw"], |world| issue(world, id, world.draw(id)));
    let (world, id) = sale(true);
    plant(world, &[], |world| issue(world, id, id.0));
}

#[test]
fn a_code_of_no_reward() {
    let created = |uses: u32| {
        let terms = VoucherTerms { uses, ..terms(Discount::Percent(10)) };
        let source = VoucherSource::Reward { reward: VoucherId(Uuid::from_u128(7)) };
        VoucherCreated { voucher: VoucherHash::of_bytes([7; 32]), terms, source }
    };
    let stream = StreamName::voucher(&created(1).voucher);
    let (mut world, _) = ten_off();
    world.append(stream.clone(), &[created(1).into()]);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.len() == 1, "its reward may still be issued: {report}");
    plant(world, &["reward_differs"], |world| {
        world.pass(61);
        world.command_show(&show_id("gala"), ShowCommand::Pause);
    });
    let (world, _) = ten_off();
    plant(world, &["reward_differs"], |world| world.append(stream, &[created(2).into()]));
}

#[test]
fn a_code_used_after_it_was_withdrawn() {
    let (mut world, id) = ten_off();
    world.refund(id);
    plant(world, &["withdrawn_used"], |world| {
        let booking = world.hold("bob", "gala", &["B-1"]);
        let reserved = VoucherReserved { voucher: code(id), booking, application: 1 };
        world.append(StreamName::voucher(&code(id)), &[reserved.into()]);
    });
    let (mut world, id) = world_with_reward(Discount::Goods("A drink".into()));
    world.refund(id);
    plant(world, &["withdrawn_used"], |world| {
        let handed_over = GoodsHandedOver { voucher: code(id), by: "staff".into() };
        world.append(StreamName::voucher(&code(id)), &[handed_over.into()]);
    });
}

#[test]
fn a_reward_taken_back_without_its_code_or_after_its_use() {
    let (mut world, id) = ten_off();
    refund_but_for_the_reward(&mut world, id);
    plant(world, &["revoked_unwithdrawn"], |world| world.append(StreamName::loyalty(&alice()), &revoked(id, true)));
    let (mut world, id) = ten_off();
    used_by_bob(&mut world, &code(id), true);
    refund_but_for_the_reward(&mut world, id);
    assert!(world.voucher(&code(id), VoucherCommand::Withdraw(Withdrawal::Refund { booking: id })));
    plant(world, &["revoked_unwithdrawn"], |world| world.append(StreamName::loyalty(&alice()), &revoked(id, true)));
}

#[test]
fn a_code_that_stays_good_although_its_booking_was_refunded() {
    let (mut world, id) = ten_off();
    refund_but_for_the_reward(&mut world, id);
    world.append(StreamName::loyalty(&alice()), &revoked(id, false));
    plant(world, &["voucher_kept"], |world| {
        world.pass(61);
        world.command_show(&show_id("gala"), ShowCommand::Pause);
    });
}

#[test]
fn a_code_withdrawn_without_a_refund_or_twice_or_for_another_booking() {
    let withdraw = |world: &mut World, voucher: VoucherHash, booking| {
        world.append(StreamName::voucher(&voucher), &[withdrawn(voucher.clone(), booking)]);
    };
    let (world, id) = ten_off();
    plant(world, &["revoked_without_refund"], |world| withdraw(world, code(id), id));
    let (mut world, id) = ten_off();
    let other = world.hold("bob", "gala", &["B-1"]);
    world.pay(other);
    world.refund(other);
    plant(world, &["revoked_without_refund"], |world| withdraw(world, code(id), other));
    let (mut world, id) = ten_off();
    let of_campaign = world.campaign(&terms(Discount::Percent(50)), 1).remove(0);
    world.refund(id);
    plant(world, &["revoked_without_refund"], |world| withdraw(world, of_campaign, id));
    let (mut world, id) = ten_off();
    world.refund(id);
    plant(world, &["after_the_end"], |world| withdraw(world, code(id), id));
}

#[test]
fn a_reward_with_a_code_redeemed_on_the_account() {
    let (mut world, id) = ten_off();
    assert!(!world.loyalty(&alice(), LoyaltyCommand::Redeem { voucher: reward(id) }));
    plant(world, &["reward_redeemed"], |world| {
        world.append(StreamName::loyalty(&alice()), &[VoucherRedeemed { voucher: reward(id) }.into()]);
    });
}
