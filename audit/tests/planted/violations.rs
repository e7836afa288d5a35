//! The audit: nothing is found in valid histories, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::block::BlockCommand;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::loyalty::{self, LoyaltyCommand};
use lastseat_domain::plan::{Category, merged};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::show::{ShowChanges, ShowCommand};
use lastseat_domain::voucher::VoucherCommand;
use lastseat_domain::{
    AccessCodeHash, BlockId, BookingId, BuyerId, CategoryId, ChannelId, CommandId, Currency, Event, Metadata, Money, StreamName,
    VoucherHash, codec,
};
use lastseat_testkit::history::{finish, history, steps};
use lastseat_testkit::world::{World, plan, plan_with_price_types, seat_id, show_id, terms};
use proptest::prelude::*;
use std::sync::Arc;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// No valid history has a violation, wherever it is cut.
    #[test]
    fn valid_histories_are_found_valid(steps in steps(150), stride in 1_u64..9, cut in any::<usize>()) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        let report = audit(&world.log);
        prop_assert!(report.violations.is_empty(), "{}", report);
        prop_assert!(report.pending.is_empty(), "{}", report);
        prop_assert!(report.guarantees.iter().all(|g| g.holds), "{}", report);
        let cut = cut % (world.log.len() + 1);
        let report = audit(&world.log[..cut]);
        prop_assert!(report.violations.is_empty(), "cut at {cut}: {}", report);
    }
}

fn locked(world: &World, booking: BookingId, price: i64) -> Event {
    let buyer = BuyerId::new("mallory").unwrap();
    SeatLocked { booking, buyer, price, expires_at: world.now + chrono::TimeDelta::seconds(120), block: None, exchange: 0 }.into()
}

#[test]
fn a_seat_sold_twice() {
    let (world, _) = world_with_sale();
    plant(world, &["seat_two_owners"], |world| {
        let thief = world.new_booking();
        let opened = world.opening(thief, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("A-1")]);
        world.booking(thief, BookingCommand::Open(opened));
        let lock = locked(world, thief, 8500);
        world.append(seat_stream("A-1"), &[lock]);
        world.start_payment(thief);
        world.commit(thief);
        world.append(seat_stream("A-1"), &[SeatBooked { booking: thief, block: None, exchange: 0 }.into()]);
        world.capture(thief);
    });
}

#[test]
fn a_charge_without_seats() {
    let (world, id) = world_with_sale();
    plant(world, &["charged_without_seats"], |world| {
        world.append(seat_stream("A-1"), &[SeatReleased { booking: id, reason: AbortReason::Expired, block: None }.into()]);
    });
}

#[test]
fn a_capture_before_the_commit() {
    let (world, id) = world_with_hold();
    plant(world, &["captured_without_commit"], |world| {
        world.start_payment(id);
        let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
        world.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount, draw: None }.into()]);
    });
}

#[test]
fn a_capture_before_the_seats_are_sold() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["captured_before_seats"], |world| {
        world.append(seat_stream("A-1"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()]);
        world.capture(id);
    });
}

#[test]
fn a_capture_twice_of_another_amount_and_after_the_end() {
    let (world, id) = world_with_sale();
    let intent = world.intent(id);
    let amount = world.bookings[&id].amount().unwrap();
    plant(world, &["captured_twice", "captured_amount"], |world| {
        let more = Money { value: amount.value + 1, ..amount };
        world.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount: more, draw: None }.into()]);
    });
    let (mut world, id) = world_with_hold();
    world.booking(id, BookingCommand::Cancel { reason: AbortReason::Cancelled });
    world.release(id, AbortReason::Cancelled);
    plant(world, &["captured_after_abort"], |world| {
        let intent = world.intent(id);
        world.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount, draw: None }.into()]);
    });
}

#[test]
fn a_voucher_without_a_payment() {
    let (world, id) = world_with_hold();
    plant(world, &["voucher_without_payment", "voucher_wrong_draw"], |world| {
        let buyer = BuyerId::new("alice").unwrap();
        let voucher = loyalty::voucher_id(id, VoucherCause::Booking, 0);
        let issued = VoucherIssued {
            voucher,
            booking: id,
            buyer: buyer.clone(),
            cause: VoucherCause::Booking,
            reward: "A drink".into(),
            code: None,
        };
        world.append(StreamName::loyalty(&buyer), &[issued.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["points_without_payment"], |world| {
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 2, points: 20 };
        world.append(StreamName::loyalty(&BuyerId::new("alice").unwrap()), &[earned.into()]);
    });
}

#[test]
fn rewards_twice_wrong_or_kept() {
    let sale = || {
        let mut world = World::new(1);
        world.schedule(plan("gala", 2, 6, 9));
        let id = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
        world.pay(id);
        let buyer = BuyerId::new("alice").unwrap();
        let voucher = world.accounts[&buyer].vouchers.values().next().unwrap().issued.clone();
        (world, id, buyer, voucher)
    };
    let (world, _, buyer, voucher) = sale();
    plant(world, &["voucher_twice"], |world| world.append(StreamName::loyalty(&buyer), &[voucher.into()]));
    let (world, id, buyer, _) = sale();
    plant(world, &["points_twice"], |world| {
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 3, points: 30 };
        world.append(StreamName::loyalty(&buyer), &[earned.into()]);
    });
    let (world, id, buyer, _) = sale();
    plant(world, &["voucher_wrong_draw"], |world| {
        let voucher = loyalty::voucher_id(id, VoucherCause::Milestone, 0);
        let reward = loyalty::MILESTONE_REWARD.to_owned();
        let issued =
            VoucherIssued { voucher, booking: id, buyer: buyer.clone(), cause: VoucherCause::Milestone, reward, code: None };
        world.append(StreamName::loyalty(&buyer), &[issued.into()]);
    });
    let (mut world, _, buyer, voucher) = sale();
    world.loyalty(&buyer, LoyaltyCommand::Redeem { voucher: voucher.voucher });
    plant(world, &["redeemed_twice"], |world| {
        world.append(StreamName::loyalty(&buyer), &[VoucherRedeemed { voucher: voucher.voucher }.into()]);
    });
    let (world, id, ..) = sale();
    plant(world, &["voucher_kept", "points_kept"], |world| {
        world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
        world.return_money(id);
        world.release(id, AbortReason::Refunded);
        world.pass(61);
        world.command_show(&show_id("gala"), lastseat_domain::show::ShowCommand::Pause);
    });
    let (world, id, buyer, voucher) = sale();
    plant(world, &["revoked_without_refund"], |world| {
        world.append(StreamName::loyalty(&buyer), &[VoucherRevoked { voucher: voucher.voucher, booking: id }.into()]);
    });
}

#[test]
fn a_release_of_anothers_seat() {
    let (mut world, _) = world_with_hold();
    let other = world.hold("bob", "gala", &["B-1"]);
    world.booking(other, BookingCommand::Cancel { reason: AbortReason::Cancelled });
    plant(world, &["released_by_non_owner"], |world| {
        let released: Event = SeatReleased { booking: other, reason: AbortReason::Cancelled, block: None }.into();
        world.append(seat_stream("A-1"), &[released]);
        world.release(other, AbortReason::Cancelled);
    });
}

#[test]
fn a_release_while_the_booking_lives_or_was_never_fenced() {
    let (world, id) = world_with_hold();
    plant(world, &["released_while_live"], |world| {
        world.append(seat_stream("A-1"), &[SeatReleased { booking: id, reason: AbortReason::Expired, block: None }.into()]);
    });
    let (mut world, _) = world_with_hold();
    let orphan = world.new_booking();
    world.lock(orphan, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seat_id("B-1"));
    plant(world, &["released_unfenced"], |world| {
        world.append(seat_stream("B-1"), &[SeatReleased { booking: orphan, reason: AbortReason::Fenced, block: None }.into()]);
    });
}

#[test]
fn a_sale_to_a_booking_that_is_not_committed_or_is_over() {
    let (world, id) = world_with_hold();
    plant(world, &["booked_without_commit"], |world| {
        world.append(seat_stream("A-1"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()])
    });
    let (mut world, id) = world_with_hold();
    world.booking(id, BookingCommand::Cancel { reason: AbortReason::Cancelled });
    plant(world, &["booked_after_abort"], |world| {
        world.append(seat_stream("A-1"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()])
    });
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["booked_by_non_owner"], |world| {
        world.append(seat_stream("B-2"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()])
    });
}

#[test]
fn a_commit_after_the_deadline() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["committed_late"], |world| {
        let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
        world.pass(120);
        let authorised = PaymentAuthorised { booking: id, attempt: 1, intent, amount, capture_before: None };
        world.append(StreamName::booking(id), &[authorised.into(), BookingCommitted { booking: id }.into()]);
    });
}

#[test]
fn a_booking_both_committed_and_aborted() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["committed_and_aborted"], |world| {
        world.append(StreamName::booking(id), &[BookingAborted { booking: id, reason: AbortReason::Expired }.into()]);
    });
    // Not even a failed capture counts unless the void is on record.
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["committed_and_aborted"], |world| {
        world.append(StreamName::booking(id), &[BookingAborted { booking: id, reason: AbortReason::CaptureFailed }.into()]);
    });
}

#[test]
fn a_refund_twice_unasked_or_of_another_amount() {
    let (mut world, id) = world_with_sale();
    world.refund(id);
    let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
    let refund = |value| PaymentRefunded { booking: id, intent: intent.clone(), amount: Money { value, ..amount } };
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[refund(amount.value).into()]));
    let (world, _) = world_with_sale();
    plant(world, &["refund_without_request"], |world| {
        world.append(StreamName::booking(id), &[refund(amount.value).into()]);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    let (mut world, _) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["refunded_amount"], |world| world.append(StreamName::booking(id), &[refund(1).into()]));
}

#[test]
fn a_price_from_elsewhere() {
    let (world, _) = world_with_hold();
    plant(world, &["price_differs"], |world| {
        let id = world.new_booking();
        let mut opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        opened.seats[0].price = 0;
        opened.amount.value = 0;
        world.append(StreamName::booking(id), &[opened.into()]);
        let lock = locked(world, id, 0);
        world.append(seat_stream("B-1"), &[lock]);
    });
    let (world, _) = world_with_hold();
    plant(world, &["amount_differs"], |world| {
        let id = world.new_booking();
        let mut opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        opened.amount.value -= 1;
        world.append(StreamName::booking(id), &[opened.into()]);
    });
}

/// A world with a show of three price types and with fees, and the opening of a booking of B-2, a child's, and B-3, which
/// costs only the fee.
fn world_with_price_types() -> (World, BookingId, BookingOpened) {
    let mut world = World::new(1);
    world.schedule(plan_with_price_types("gala", 2, 6, 9));
    let sold = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(sold);
    let id = world.new_booking();
    let opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("B-2"), seat_id("B-3")]);
    let child = opened.seats[0].price_type.as_ref().map(|name| name.as_str().to_owned());
    assert_eq!((child.as_deref(), opened.seats[0].price, opened.amount.value), (Some("child"), 3000, 3000 + 2 * 150 + 200));
    (world, id, opened)
}

/// Each change of the opening is found under its code, and the opening as it is under none.
#[test]
fn a_price_of_another_type_a_fee_from_elsewhere_or_an_amount_that_does_not_add_up() {
    type Spoil = fn(&mut BookingOpened);
    let adult = || Some(lastseat_domain::PriceTypeId::new("adult").unwrap());
    let table: [(&[&str], Spoil); 9] = [
        (&["price_differs"], |e| (e.seats[0].price, e.amount.value) = (0, e.amount.value - 3000)),
        (&["price_differs"], |e| e.seats[0].price_type = None),
        (&["price_differs"], |e| e.seats[0].price_type = Some(lastseat_domain::PriceTypeId::new("adult").unwrap())),
        (&["price_differs"], |e| e.seats[0].price_type = Some(lastseat_domain::PriceTypeId::new("student").unwrap())),
        (&["fee_differs"], |e| (e.seats[1].fee, e.amount.value) = (0, e.amount.value - 150)),
        (&["fee_differs"], |e| (e.fee, e.amount.value) = (0, e.amount.value - 200)),
        (&["amount_differs"], |e| e.amount.value -= 1),
        (&["amount_differs"], |e| e.amount.value -= 150),
        (&["amount_differs", "fee_differs"], |e| e.fee = 0),
    ];
    for (codes, spoil) in table {
        let (world, id, mut opened) = world_with_price_types();
        spoil(&mut opened);
        plant(world, codes, |world| world.append(StreamName::booking(id), &[opened.into()]));
    }
    // A lock at a price that the category has, but not the booking; and, before the opening, at one that no type has.
    let (world, id, opened) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        world.append(StreamName::booking(id), &[opened.into()]);
        let lock = locked(world, id, 8500);
        world.append(seat_stream("B-2"), &[lock]);
    });
    let (world, id, opened) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        let lock = locked(world, id, 3001);
        world.append(seat_stream("B-2"), &[lock]);
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    // A type of a category that has none.
    let (world, id, _) = world_with_price_types();
    plant(world, &["price_differs"], |world| {
        let mut opened = world.opening(id, &BuyerId::new("mallory").unwrap(), &show_id("gala"), &[seat_id("floor:1")]);
        opened.seats[0].price_type = adult();
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    let (mut world, id, opened) = world_with_price_types();
    world.append(StreamName::booking(id), &[opened.into()]);
    assert!(audit(&world.log).holds());
}

#[test]
fn seats_too_many_not_in_the_plan_or_not_asked_for() {
    let opening = |seats: &[&str]| {
        let (mut world, _) = world_with_hold();
        let id = world.new_booking();
        let seats: Vec<_> = seats.iter().map(|s| seat_id(s)).collect();
        let opened = world.opening(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seats);
        (world, id, opened)
    };
    let (world, id, opened) = opening(&["B-1", "B-2", "B-3", "B-4", "B-5"]);
    plant(world, &["too_many_seats"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, opened) = opening(&["B-1", "B-1"]);
    plant(world, &["seat_listed_twice"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, mut opened) = opening(&["B-1"]);
    opened.seats[0].seat = seat_id("Z-9");
    plant(world, &["seat_not_in_plan"], |world| world.append(StreamName::booking(id), &[opened.into()]));
    let (world, id, opened) = opening(&["B-1", "B-2"]);
    plant(world, &["payment_without_seats", "committed_without_seats"], |world| {
        world.booking(id, BookingCommand::Open(opened));
        world.start_payment(id);
        world.commit(id);
    });
}

/// A try that failed halfway may leave a lock behind, on a log without appends across streams.
#[test]
fn a_seat_that_was_not_asked_for_has_to_go() {
    let after = |lock_first: bool| {
        let (mut world, _) = world_with_hold();
        let id = world.new_booking();
        let opened = world.opening(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        let stray = locked(&world, id, 8500);
        if lock_first {
            world.append(seat_stream("B-2"), std::slice::from_ref(&stray));
        }
        world.booking(id, BookingCommand::Open(opened));
        let own = locked(&world, id, 8500);
        world.append(seat_stream("B-1"), &[own]);
        if !lock_first {
            world.append(seat_stream("B-2"), &[stray]);
        }
        (world, id)
    };
    let give_back = |id| SeatReleased { booking: id, reason: AbortReason::SeatLost, block: None }.into();
    for lock_first in [true, false] {
        // Given back, even after the booking was paid: nobody loses anything.
        let (mut world, id) = after(lock_first);
        world.append(seat_stream("B-2"), &[give_back(id)]);
        assert!(audit(&world.log).holds());
        // Kept: first there is time to give it back, then not.
        let (mut world, _) = after(lock_first);
        let report = audit(&world.log);
        assert!(report.holds(), "{report}");
        for number in 0..3 {
            world.pass(40);
            world.schedule(plan(&format!("other-{number}"), 1, 1, 0));
        }
        let report = audit(&world.log);
        assert!(report.violations.iter().any(|v| v.code.name() == "locked_other_seat"), "{report}");
        // Sold.
        let (world, id) = after(lock_first);
        plant(world, &["locked_other_seat", "booked_without_commit"], |world| {
            world.append(seat_stream("B-2"), &[SeatBooked { booking: id, block: None, exchange: 0 }.into()]);
        });
    }
    // A try that lost a seat gives back the others before it is opened.
    let (mut world, _) = world_with_hold();
    let id = world.new_booking();
    world.lock(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seat_id("B-1"));
    world.append(seat_stream("B-1"), &[give_back(id)]);
    assert!(audit(&world.log).holds());
}

/// A world with a block of B-1 and B-2, and a booking that has bought B-1 from it.
fn world_with_block() -> (World, BlockId, BookingId) {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let block = world.block("gala", &["B-1", "B-2"]);
    let id = world.hold_from(block, "alice", "gala", "B-1");
    world.pay(id);
    (world, block, id)
}

#[test]
fn a_seat_blocked_and_owned_at_once() {
    let (world, block, _) = world_with_block();
    let blocked = |block| -> Event { SeatBlocked { block }.into() };
    plant(world, &["blocked_while_taken"], |world| world.append(seat_stream("B-1"), &[blocked(block)]));
    let (world, _, _) = world_with_block();
    plant(world, &["blocked_while_taken"], |world| {
        world.append(seat_stream("B-2"), &[blocked(BlockId(uuid::Uuid::from_u128(9)))]);
    });
    // Locked without naming its block, and from a block that does not have it.
    for (seat, from_block) in [("B-2", false), ("A-1", true)] {
        let (world, block, _) = world_with_block();
        plant(world, &["sold_out_of_block"], |world| {
            let id = world.new_booking();
            let buyer = BuyerId::new("mallory").unwrap();
            let opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id(seat)]);
            world.booking(id, BookingCommand::Open(opened));
            let Event::SeatLocked(lock) = locked(world, id, 8500) else { panic!("not a lock") };
            let lock = SeatLocked { block: from_block.then_some(block), ..lock };
            world.append(seat_stream(seat), &[lock.into()]);
        });
    }
}

#[test]
fn a_seat_of_a_block_sold_without_access() {
    let wrong_code = |opened: &mut BookingOpened| opened.access_code = Some(AccessCodeHash("guess".to_owned()));
    let at_the_till = |opened: &mut BookingOpened| {
        opened.access_code = None;
        opened.channel = Some(ChannelId::new("till").unwrap());
    };
    let none = |opened: &mut BookingOpened| opened.access_code = None;
    for show_access in [wrong_code, at_the_till, none] {
        let (world, block, _) = world_with_block();
        plant(world, &["sold_without_access"], |world| {
            let (id, buyer) = (world.new_booking(), BuyerId::new("mallory").unwrap());
            let mut opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id("B-2")]);
            show_access(&mut opened);
            world.booking(id, BookingCommand::Open(opened));
            let Event::SeatLocked(lock) = locked(world, id, 8500) else { panic!("not a lock") };
            let lock = SeatLocked { block: Some(block), buyer, ..lock };
            world.append(seat_stream("B-2"), &[lock.into()]);
            world.start_payment(id);
            world.commit(id);
            world.append(seat_stream("B-2"), &[SeatBooked { booking: id, block: Some(block), exchange: 0 }.into()]);
            world.capture(id);
        });
    }
}

#[test]
fn a_seat_that_does_not_return_to_its_block() {
    let (world, _, id) = world_with_block();
    plant(world, &["left_block"], |world| {
        assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
        world.return_money(id);
        let reason = AbortReason::Refunded;
        world.append(seat_stream("B-1"), &[SeatReleased { booking: id, reason, block: None }.into()]);
        world.revoke(id);
    });
}

#[test]
fn a_seat_unblocked_before_the_lift_or_left_blocked_after_it() {
    let (world, block, _) = world_with_block();
    let unblocked: Event = SeatUnblocked { block }.into();
    plant(world, &["unblocked_early"], |world| world.append(seat_stream("B-2"), std::slice::from_ref(&unblocked)));
    // Once is right, twice is not.
    let (mut world, block, _) = world_with_block();
    world.lift(block);
    plant(world, &["unblocked_early"], |world| world.append(seat_stream("B-2"), &[unblocked]));
    // Lifted, and its seat is not put back on sale; and blocked for a block that never opens.
    for is_lifted in [true, false] {
        let (mut world, block, _) = world_with_block();
        if is_lifted {
            assert!(world.command_block(block, BlockCommand::Lift { by: "admin".into() }));
        } else {
            world.append(seat_stream("A-1"), &[SeatBlocked { block: BlockId(uuid::Uuid::from_u128(9)) }.into()]);
        }
        world.pass(40);
        world.schedule(plan("other-1", 1, 1, 0));
        let report = audit(&world.log);
        assert!(report.holds() && report.pending.len() == 1, "{report}");
        plant(world, &["stuck_seat"], |world| {
            for n in 2..5 {
                world.pass(40);
                world.schedule(plan(&format!("other-{n}"), 1, 1, 0));
            }
        });
    }
}

#[test]
fn a_block_opened_or_lifted_twice_or_without_its_seats() {
    let opened = |world: &World, block: BlockId| world.blocks[&block].opened.clone().unwrap();
    let (world, block, _) = world_with_block();
    plant(world, &["opened_twice", "block_without_seats"], |world| {
        let again = opened(world, block);
        world.append(StreamName::block(block), &[again.into()]);
    });
    let (world, block, _) = world_with_block();
    plant(world, &["block_without_seats"], |world| {
        let other = BlockId(uuid::Uuid::from_u128(9));
        let empty = BlockOpened { block: other, seats: vec![seat_id("A-1")], ..opened(world, block) };
        world.append(StreamName::block(other), &[empty.into()]);
    });
    let (mut world, block, _) = world_with_block();
    world.lift(block);
    let (reason, by) = (LiftReason::Requested, "admin".to_owned());
    plant(world, &["lifted_twice"], |world| {
        world.append(StreamName::block(block), &[BlockLifted { block, show: show_id("gala"), reason, by }.into()]);
    });
}

#[test]
fn a_stuck_seat_is_pending_first() {
    let (mut world, id) = world_with_hold();
    let tick = |world: &mut World, seconds| {
        world.pass(seconds);
        let command = if world.log.len().is_multiple_of(2) { "a" } else { "b" };
        world.schedule(plan(&format!("other-{command}-{}", world.log.len()), 1, 1, 0));
    };
    tick(&mut world, 119);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.is_empty(), "a hold in time is neither: {report}");
    tick(&mut world, 61);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.len() == 2, "{report}");
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
    // Aborted, but never released.
    let (mut world, _) = world_with_hold();
    world.booking(id, BookingCommand::Cancel { reason: AbortReason::Cancelled });
    tick(&mut world, 60);
    assert_eq!(audit(&world.log).pending.len(), 2);
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
    // Locked, but never opened.
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    world.lock(id, &BuyerId::new("bob").unwrap(), &show_id("gala"), &seat_id("B-1"));
    tick(&mut world, 180);
    // The server may have been down until then. A minute later, it has had its time.
    plant(world, &["stuck_seat"], |world| tick(world, 61));
}

#[test]
fn a_hold_extended_twice_late_or_too_far() {
    let extended = |world: &World, seconds| -> Event {
        let id = *world.bookings.keys().next().unwrap();
        HoldExtended { booking: id, expires_at: world.bookings[&id].expires_at.unwrap() + chrono::TimeDelta::seconds(seconds) }
            .into()
    };
    let (mut world, id) = world_with_hold();
    let now = world.now;
    world.booking(id, BookingCommand::Extend { now, seconds: 120 });
    plant(world, &["extended_twice"], |world| world.append(StreamName::booking(id), &[extended(world, 1)]));
    let (world, id) = world_with_hold();
    plant(world, &["extended_late"], |world| world.append(StreamName::booking(id), &[extended(world, 121)]));
    let (world, id) = world_with_hold();
    plant(world, &["extended_late"], |world| {
        world.pass(120);
        world.append(StreamName::booking(id), &[extended(world, 120)]);
    });
}

#[test]
fn a_payment_begun_after_the_end() {
    let (world, id) = world_with_sale();
    let started = |attempt| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: Some("pm".into()), tender: None, return_url: None, request: None }
            .into()
    };
    plant(world, &["payment_after_over"], |world| world.append(StreamName::booking(id), &[started(2)]));
    let (world, _) = world_with_hold();
    plant(world, &["attempt_number"], |world| world.append(StreamName::booking(id), &[started(2)]));
}

#[test]
fn another_amount_authorised() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["authorised_amount"], |world| {
        let (intent, amount) = (world.intent(id), world.bookings[&id].amount().unwrap());
        let amount = Money { value: amount.value - 1, ..amount };
        let authorised = PaymentAuthorised { booking: id, attempt: 1, intent, amount, capture_before: None };
        world.append(StreamName::booking(id), &[authorised.into(), BookingCommitted { booking: id }.into()]);
    });
}

#[test]
fn the_same_thing_twice() {
    let (world, id) = world_with_hold();
    plant(world, &["seat_locked_twice"], |world| {
        let lock = locked(world, id, 8500);
        world.append(seat_stream("A-1"), &[lock]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["opened_twice"], |world| {
        let opened = world.bookings[&id].opened.clone().unwrap();
        world.append(StreamName::booking(id), &[opened.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["request_twice"], |world| {
        let key = world.bookings[&id].opened.clone().unwrap().request;
        let other = world.new_booking();
        let mut opened = world.opening(other, &BuyerId::new("alice").unwrap(), &show_id("gala"), &[seat_id("B-1")]);
        opened.request = key;
        world.booking(other, BookingCommand::Open(opened));
    });
}

/// Changes the last event of a valid log.
#[track_caller]
fn tamper(codes: &[&str], change: impl FnOnce(&mut RecordedEvent, &[Arc<RecordedEvent>])) {
    let (world, _) = world_with_sale();
    let mut log = world.log;
    let mut last = (*log.pop().unwrap()).clone();
    change(&mut last, &log);
    log.push(Arc::new(last));
    expect(&log, codes);
}

#[test]
fn a_log_that_is_damaged() {
    let changed = "event_id_differs";
    tamper(&["event_id_twice", changed, "metadata_differs"], |event, before| event.id = before[3].id);
    tamper(&["revision_gap", changed], |event, _| event.revision += 1);
    tamper(&["position_order"], |event, before| event.position = before.last().unwrap().position);
    tamper(&["position_order"], |event, _| event.position = Position(1));
    tamper(&["position_gap"], |event, _| event.position.0 += 1);
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    tamper(&["unreadable", changed], |event, _| event.data = raw("[]"));
    tamper(&["unreadable"], |event, _| event.metadata = raw("{}"));
    let replaced = |event: &mut RecordedEvent, from: &str, to: &str| {
        assert!(event.metadata.get().contains(from), "{from} is not in {}", event.metadata);
        event.metadata = raw(&event.metadata.get().replace(from, to));
    };
    tamper(&["unknown_version", "metadata_differs"], |event, _| replaced(event, "\"v\":1", "\"v\":2"));
    tamper(&["unknown_version"], |event, _| replaced(event, "\"id_rule\":3", "\"id_rule\":4"));
    tamper(&["wrong_stream", "revision_gap", changed], |event, _| event.stream = StreamName::from_log("seat-gala.A-1"));
    tamper(&["wrong_stream", changed], |event, _| event.stream = StreamName::from_log("loyaltyalice"));
    // The type that is stored, so that the event would pass for another program's.
    tamper(&["unknown_version", changed], |event, _| event.event_type.push('X'));
}

/// A body that makes sense and keeps every rule, metadata that do, and an event that is taken over by
/// the older rule, which covers less.
#[test]
fn an_event_that_was_changed() {
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let change = |event: &mut RecordedEvent, from: &str, to: &str| {
        assert!(event.metadata.get().contains(from), "{from} is not in {}", event.metadata);
        event.metadata = raw(&event.metadata.get().replace(from, to));
    };
    tamper(&["event_id_differs"], |event, _| event.data = raw(&event.data.get().replace('{', "{ ")));
    tamper(&["metadata_differs"], |event, _| change(event, "\"actor\":\"test\"", "\"actor\":\"root\""));
    tamper(&["metadata_differs"], |event, _| change(event, "\"v\":1,", "\"v\":1,\"trace\":\"x\","));
    tamper(&["metadata_differs"], |event, _| change(event, ",\"hash\":\"", ",\"hush\":\""));
    tamper(&["event_id_differs"], |event, _| change(event, ",\"id_rule\":3", ""));
    tamper(&["event_id_differs", "metadata_differs", "cause_unknown"], |event, _| {
        change(event, "{", "{\"$causationId\":\"00000000-0000-5000-8000-000000000007\",");
    });
}

#[test]
fn the_first_bad_event_is_named() {
    let (world, _) = world_with_sale();
    let mut log = world.log;
    for index in [4, 6, 9] {
        let mut event = (*log[index]).clone();
        event.id = uuid::Uuid::from_u128(index as u128);
        log[index] = Arc::new(event);
    }
    let report = audit(&log);
    let first = report.first_bad().unwrap();
    assert_eq!((first.position, &first.stream, first.revision), (log[4].position, &log[4].stream, Some(log[4].revision)));
    let line =
        format!("first of all: event_id_differs at {} in {}, revision {}: ", first.position, first.stream, log[4].revision);
    assert!(report.to_string().contains(&line), "{report}");
}

/// What a log can't show by itself is not ticked.
#[test]
fn a_cut_tail_is_not_called_proven() {
    let (world, _) = world_with_sale();
    let report = audit(&world.log[..5]);
    assert!(report.holds(), "{report}");
    let provable: Vec<u8> = report.guarantees.iter().filter(|g| g.provable).map(|g| g.number).collect();
    assert_eq!(provable, [1, 2, 4, 5, 6]);
    let text = report.to_string();
    assert!(text.contains("– 3  A booking acknowledged as confirmed") && !text.contains("✓ 3"), "{text}");
    assert!(text.contains("not shown by the log alone") && report.not_shown.len() == 2, "{text}");
}

#[test]
fn an_event_that_is_missing() {
    for index in [0, 1, 5, 9] {
        let (mut world, _) = world_with_sale();
        world.log.remove(index);
        let report = audit(&world.log);
        assert!(report.violations.iter().any(|v| v.code.name() == "position_gap"), "{index}: {report}");
    }
}

/// The show at other prices and with more seats, from revision 1 on.
fn revise(world: &mut World) {
    let facts = world.shows[&show_id("gala")].facts.clone();
    let dearer = facts.categories.iter().map(|c| Category::new(c.category.clone(), c.price + 1000)).collect();
    let mut areas = merged(&facts.areas);
    areas[1].capacity = areas[1].capacity.map(|places| places + 2);
    let changes = ShowChanges { categories: Some(dearer), areas: Some(areas), ..ShowChanges::default() };
    world.command_show(&show_id("gala"), ShowCommand::Revise { changes: Box::new(changes), expected: None });
}

/// Opens a booking that names a revision and this price.
fn open_at(world: &mut World, show_revision: u64, seat: &str, price: i64) -> BookingId {
    let (id, buyer) = (world.new_booking(), BuyerId::new("alice").unwrap());
    let mut opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id(seat)]);
    (opened.seats[0].price, opened.amount.value, opened.show_revision) = (price, price, show_revision);
    world.append(StreamName::booking(id), &[opened.into()]);
    id
}

#[test]
fn a_price_is_that_of_the_revision_that_its_booking_names() {
    // Both prices are right, each at its revision: a hold may have been placed before the change was read.
    let (mut world, _) = world_with_hold();
    revise(&mut world);
    open_at(&mut world, 0, "B-1", 8500);
    open_at(&mut world, 1, "B-2", 9500);
    open_at(&mut world, 1, "floor:11", 5000);
    assert!(audit(&world.log).holds(), "{}", audit(&world.log));
    for (revision, seat, price, codes) in [
        (0, "B-1", 9500, &["price_differs"][..]),
        (1, "B-1", 8500, &["price_differs"]),
        // A seat that was added later.
        (0, "floor:11", 4000, &["seat_not_in_plan"]),
        (2, "B-1", 9500, &["revision_unknown"]),
    ] {
        let (mut world, _) = world_with_hold();
        revise(&mut world);
        plant(world, codes, |world| {
            open_at(world, revision, seat, price);
        });
    }
    // The revision is there, but only afterwards.
    let (world, _) = world_with_hold();
    plant(world, &["revision_unknown"], |world| {
        open_at(world, 1, "B-1", 9500);
        revise(world);
    });
    // Pausing makes no prices.
    let (mut world, _) = world_with_hold();
    world.command_show(&show_id("gala"), ShowCommand::Pause);
    plant(world, &["revision_unknown"], |world| {
        open_at(world, 1, "B-1", 8500);
    });
}

#[test]
fn a_seat_is_locked_for_the_price_that_its_booking_was_opened_at() {
    let lock = |world: &mut World, booking, price| {
        let (buyer, expires_at) = (BuyerId::new("alice").unwrap(), world.now + chrono::TimeDelta::seconds(60));
        let lock = SeatLocked { booking, buyer, price, expires_at, block: None, exchange: 0 };
        world.append(seat_stream("B-1"), &[lock.into()]);
    };
    for (price, fits) in [(8500, true), (9500, false)] {
        let (mut world, _) = world_with_hold();
        revise(&mut world);
        let id = open_at(&mut world, 0, "B-1", 8500);
        if fits {
            lock(&mut world, id, price);
            assert!(audit(&world.log).holds(), "{}", audit(&world.log));
        } else {
            plant(world, &["price_differs"], |world| lock(world, id, price));
        }
    }
}

#[test]
fn a_cancelled_show_is_not_changed() {
    let (mut world, _) = world_with_hold();
    world.command_show(&show_id("gala"), ShowCommand::Cancel);
    plant(world, &["after_the_end"], |world| {
        let revised = ShowRevised { title: Some("Never".into()), ..ShowRevised::of(show_id("gala")) };
        world.append(StreamName::show(&show_id("gala")), &[revised.into()]);
    });
}

/// Events with ids of their own that a wrong writer wrote.
#[test]
fn causes_times_and_commands_that_do_not_fit() {
    let command = |n: u128| Some(CommandId::new(n.to_be_bytes()).uuid());
    let show = || StreamName::show(&show_id("gala"));
    let (paused, resumed) = (|| SalesPaused { show: show_id("gala") }.into(), || SalesResumed { show: show_id("gala") }.into());
    let with = |world: &World, causation| Metadata { causation, ..Metadata::new("admin", world.now) };

    let (world, id) = world_with_hold();
    plant(world, &["cause_unknown"], |world| {
        // It names an event that comes later.
        let later = world.log[0].id.as_u128() ^ 1;
        let metadata = with(world, Some(uuid::Uuid::from_u128(later)));
        world.append_as(
            StreamName::booking(id),
            &[BookingAborted { booking: id, reason: AbortReason::Cancelled }.into()],
            &metadata,
        );
    });
    let (world, _) = world_with_hold();
    plant(world, &["time_back"], |world| {
        let metadata = Metadata::new("admin", world.now - chrono::TimeDelta::milliseconds(1));
        world.append_as(show(), &[paused()], &metadata);
    });
    let (world, id) = world_with_hold();
    plant(world, &["correlation_differs"], |world| {
        let other = world.new_booking();
        let metadata = Metadata::of_booking(other, "alice", world.now);
        world.append_as(
            StreamName::booking(id),
            &[BookingAborted { booking: id, reason: AbortReason::Cancelled }.into()],
            &metadata,
        );
    });
    // The same command once more, after it was undone; and in another stream.
    let (world, _) = world_with_hold();
    plant(world, &["command_twice"], |world| {
        for (event, cause) in [(paused(), command(1)), (resumed(), command(2)), (paused(), command(1))] {
            let metadata = with(world, cause);
            world.append_as(show(), &[event], &metadata);
        }
    });
    let (mut world, id) = world_with_sale();
    let metadata = with(&world, command(1));
    world.append_as(show(), &[paused()], &metadata);
    plant(world, &["command_twice"], |world| {
        let metadata = with(world, command(1));
        world.append_as(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()], &metadata);
    });
    // Two events of one append are one execution.
    let (mut world, _) = world_with_hold();
    let metadata = with(&world, command(1));
    world.append_as(show(), &[paused(), resumed()], &metadata);
    assert!(audit(&world.log).holds());
}

/// Logs from before ids covered the cause are read by the rule of their time.
#[test]
fn events_of_the_first_rule_are_checked_by_it() {
    let (world, _) = world_with_sale();
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let old: Vec<Arc<RecordedEvent>> = world
        .log
        .iter()
        .map(|event| {
            let event_type = &event.event_type;
            let id = codec::event_id(&event.stream, event.revision, event_type, event.data.get(), codec::IdRule::Body);
            let (metadata, _) = event.metadata.get().split_once(",\"id_rule\"").unwrap();
            Arc::new(RecordedEvent { id, metadata: raw(&format!("{metadata}}}")), ..(**event).clone() })
        })
        .collect();
    assert!(audit(&old).holds(), "{}", audit(&old));
    let mut changed = old.clone();
    let event = (**changed.last().unwrap()).clone();
    *changed.last_mut().unwrap() = Arc::new(RecordedEvent { data: raw(&event.data.get().replace('{', "{ ")), ..event });
    expect(&changed, &["event_id_differs"]);
    // Half of it by the new rule.
    let mixed = [&old[..5], &world.log[5..]].concat();
    assert!(audit(&mixed).holds(), "{}", audit(&mixed));
}

#[test]
fn others_in_the_same_log_are_left_alone() {
    let (world, _) = world_with_sale();
    let mut foreign = (*world.log[0]).clone();
    foreign.position = Position(1000);
    foreign.event_type = "OrderShipped".into();
    foreign.stream = StreamName::from_log("order-1");
    foreign.revision = 17;
    let mut log = world.log;
    log.push(Arc::new(foreign));
    let report = audit(&log);
    assert!(report.holds(), "{report}");
    assert_eq!((report.foreign_events, report.position), (1, Position(1000)));
}

#[test]
fn the_report_counts() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let sold = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(sold);
    let back = world.hold("bob", "gala", &["floor:1"]);
    world.pay(back);
    world.refund(back);
    world.hold("carol", "gala", &["B-1"]);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["bookings"], serde_json::json!({"confirmed": 1, "held": 1, "refunded": 1}));
    assert_eq!(json["seats"], serde_json::json!({"available": 17, "booked": 3, "locked": 1, "unavailable": 0}));
    assert_eq!(json["money"], serde_json::json!({"EUR": {"captured": 29500, "refunded": 4000, "returned_elsewhere": 0}}));
    assert_eq!(json["vouchers"], serde_json::json!({"issued": 1, "redeemed": 0, "revoked": 0}));
    let text = report.to_string();
    assert!(text.contains("✓ 1  A seat never has two live owners."), "{text}");
    assert!(text.contains("captured 295.00 EUR   refunded 40.00 EUR\n"), "{text}");
}

#[test]
fn a_review_that_nobody_asked_for() {
    let review =
        |booking, outcome| -> Event { PaymentReviewed { booking, outcome, reason: "looked".into(), by: "admin".into() }.into() };
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["reviewed_unasked"], |world| {
        world.append(StreamName::booking(id), &[review(id, ReviewOutcome::Continue)]);
    });
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["reviewed_unasked"], |world| {
        let flagged = PaymentFlagged { booking: id, reason: "?".into() };
        world.append(StreamName::booking(id), &[flagged.into(), review(id, ReviewOutcome::Settled)]);
    });
}

/// A sale whose refund was requested, refused and flagged.
fn world_with_flagged_refund() -> (World, BookingId, Event) {
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "charge_disputed".into() }.into()]);
    let amount = world.bookings[&id].amount().unwrap();
    let returned =
        PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "dispute lost".into(), by: "admin".into() };
    (world, id, returned.into())
}

#[test]
fn money_that_came_back_by_another_way_without_a_refund_that_waited_or_with_a_refund() {
    let (mut world, id, returned) = world_with_flagged_refund();
    world.append(StreamName::booking(id), std::slice::from_ref(&returned));
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let (money, text) = (report.money.values().next().unwrap(), report.to_string());
    assert_eq!((money.refunded, money.returned_elsewhere), (money.captured, money.captured));
    assert!(text.contains(" EUR returned elsewhere (an admin's word)\n"), "{text}");
    let refunded = PaymentRefunded { booking: id, intent: world.intent(id), amount: world.bookings[&id].amount().unwrap() };
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[refunded.into()]));

    // The seats go, and nobody says that the money is back.
    let (world, id, _) = world_with_flagged_refund();
    plant(world, &["charged_without_seats"], |world| world.release(id, AbortReason::Refunded));

    // Nobody asked for the refund; nothing kept it from being made; nothing was ever paid.
    let (world, id) = world_with_sale();
    plant(world, &["returned_unasked"], |world| {
        let flagged = PaymentFlagged { booking: id, reason: "?".into() };
        world.append(StreamName::booking(id), &[flagged.into(), returned.clone()]);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["returned_unasked"], |world| {
        world.append(StreamName::booking(id), std::slice::from_ref(&returned));
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    // The flag was about the payment, not the refund: the gateway was never asked for that.
    let (mut world, id) = world_with_sale();
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "?".into() }.into()]);
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["returned_unasked"], |world| {
        world.append(StreamName::booking(id), std::slice::from_ref(&returned));
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    // Another amount; twice.
    let (world, id, _) = world_with_flagged_refund();
    let other = |value| {
        let amount = Money { value, currency: Currency::new("EUR").unwrap() };
        Event::from(PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "?".into(), by: "admin".into() })
    };
    plant(world, &["refunded_amount"], |world| {
        world.append(StreamName::booking(id), &[other(1)]);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    let (mut world, id, returned) = world_with_flagged_refund();
    world.append(StreamName::booking(id), std::slice::from_ref(&returned));
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
}

/// The bank refuses a refund days after the gateway has accepted it, and the money goes another way.
#[test]
fn money_that_came_back_by_another_way_after_a_refund_that_stands() {
    let refunded_world = || {
        let (mut world, id) = world_with_sale();
        world.refund(id);
        let amount = world.bookings[&id].amount().unwrap();
        let returned =
            PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "transferred".into(), by: "admin".into() };
        let failed = PaymentFlagged { booking: id, reason: "the bank refused it".into() };
        (world, id, Event::from(failed), Event::from(returned))
    };
    let (mut world, id, failed, returned) = refunded_world();
    world.append(StreamName::booking(id), &[failed.clone(), returned.clone()]);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let money = report.money.values().next().unwrap();
    assert_eq!((money.refunded, money.returned_elsewhere), (money.captured, money.captured), "it went back once");
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[failed, returned]));

    // Nothing says that the gateway's refund has failed.
    let (world, id, _, returned) = refunded_world();
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
    // What was flagged before the refund was made says nothing of it.
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "a slow worker".into() }.into()]);
    world.return_money(id);
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    let (.., returned) = refunded_world();
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
    // Another amount.
    let (world, id, failed, _) = refunded_world();
    plant(world, &["refunded_amount"], |world| {
        let amount = Money { value: 1, currency: Currency::new("EUR").unwrap() };
        let other = PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "?".into(), by: "admin".into() };
        world.append(StreamName::booking(id), &[failed, other.into()]);
    });
}

#[test]
fn what_cannot_follow() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["committed_twice", "authorised_unasked"], |world| {
        world.append(StreamName::booking(id), &[BookingCommitted { booking: id }.into()]);
        let authorised = PaymentAuthorised {
            booking: id,
            attempt: 1,
            intent: world.intent(id),
            amount: world.bookings[&id].amount().unwrap(),
            capture_before: None,
        };
        world.append(StreamName::booking(id), &[authorised.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["after_the_end"], |world| {
        let declined = PaymentDeclined { booking: id, attempt: 1, intent: None, code: "card_declined".into() };
        world.append(StreamName::booking(id), &[declined.into()]);
    });
    let (world, _) = world_with_hold();
    plant(world, &["after_the_end"], |world| {
        let other = world.new_booking();
        let flagged = PaymentFlagged { booking: other, reason: "?".into() };
        world.append(StreamName::booking(other), &[flagged.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["refund_without_capture"], |world| {
        world.append(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()]);
    });
    let (world, id) = world_with_sale();
    plant(world, &["captured_after_void"], |world| {
        world.append(StreamName::booking(id), &[PaymentVoided { booking: id, intent: world.intent(id) }.into()]);
    });
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.return_money(id);
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    plant(world, &["committed_twice"], |world| {
        world.append(StreamName::booking(id), &[BookingAborted { booking: id, reason: AbortReason::Expired }.into()]);
    });
}

#[test]
fn a_captured_booking_whose_points_are_another_buyers() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    world.book_seats(id);
    world.capture(id);
    plant(world, &["points_differ"], |world| {
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 2, points: 20 };
        world.append(StreamName::loyalty(&BuyerId::new("mallory").unwrap()), &[earned.into()]);
    });
}

/// Since guests' bookings are counted only with a voucher, most have no account. Earlier versions counted all of them.
#[test]
fn a_guests_booking_is_valid_with_an_account_and_without_one() {
    for counted in [true, false] {
        let mut world = World::new(1);
        world.schedule(plan("gala", 2, 6, 9));
        let guest = BuyerId::guest(world.hold("alice", "gala", &["A-6"]));
        let id = world.hold(guest.as_str(), "gala", &["A-1", "A-2"]);
        assert!(world.start_payment(id) && world.commit(id));
        world.book_seats(id);
        assert!(world.capture(id));
        if counted {
            world.credit(id);
        }
        let sold = audit(&world.log);
        assert!(sold.holds(), "{sold}");
        assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
        world.return_money(id);
        world.release(id, AbortReason::Refunded);
        if counted {
            world.revoke(id);
        }
        let returned = audit(&world.log);
        assert!(returned.holds() && !returned.pending.iter().any(|it| it.text.contains("points")), "{returned}");
    }
}

/// A world with a show and a hold of, which is being paid in cash.
fn world_with_payment_at_the_till() -> (World, BookingId) {
    let (mut world, id) = world_with_hold();
    assert!(world.start_at_till(id, Tender::Cash));
    (world, id)
}

#[test]
fn a_payment_at_the_till_and_at_the_gateway() {
    let till = |attempt, id| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: None, tender: Some(Tender::Cash), return_url: None, request: None }
            .into()
    };
    let gateway = |attempt, id| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: Some("pm".into()), tender: None, return_url: None, request: None }
            .into()
    };
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[till(2, id)]));
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    let intent = world.intent(id);
    world.booking(id, BookingCommand::Decline { attempt: 1, intent: Some(intent), code: "card_declined".into() });
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[till(2, id)]));
    let (world, id) = world_with_payment_at_the_till();
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[gateway(2, id)]));
    let (world, id) = world_with_payment_at_the_till();
    plant(world, &["paid_twice"], |world| {
        let (intent, amount) = ("pi_1".parse().unwrap(), world.bookings[&id].amount().unwrap());
        let authorised = PaymentAuthorised { booking: id, attempt: 1, intent, amount, capture_before: None };
        world.append(StreamName::booking(id), &[authorised.into()]);
    });
}

#[test]
fn what_is_given_away_is_not_charged() {
    let (mut world, id) = world_with_hold();
    let whole = world.bookings[&id].amount().unwrap();
    assert!(world.start_at_till(id, Tender::Complimentary));
    world.commit(id);
    world.book_seats(id);
    let mut sold = world;
    let mut free = audit(&sold.log);
    assert!(free.holds(), "{free}");
    let intent = sold.intent(id);
    sold.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount: whole, draw: None }.into()]);
    free = audit(&sold.log);
    assert_eq!(free.violations.iter().map(|v| v.code.name()).collect::<Vec<_>>(), ["captured_amount"], "{free}");
}

#[test]
fn a_transfer_of_what_is_not_sold() {
    let transferred =
        |id| -> Event { BookingTransferred { booking: id, buyer: BuyerId::new("bob").unwrap(), by: "alice".into() }.into() };
    let (world, id) = world_with_hold();
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    world.refund(id);
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    assert!(world.booking(id, BookingCommand::Transfer { buyer: BuyerId::new("bob").unwrap(), by: "alice".into() }));
    assert!(audit(&world.log).holds());
}

/// A world with a hold of and vouchers of these terms.
fn world_with_vouchers(terms: &VoucherTerms, count: u32) -> (World, BookingId, Vec<VoucherHash>) {
    let (mut world, id) = world_with_hold();
    let vouchers = world.campaign(terms, count);
    (world, id, vouchers)
}

/// Likewise, with the first voucher applied.
fn world_with_discount() -> (World, BookingId, VoucherHash) {
    let (mut world, id, vouchers) = world_with_vouchers(&terms(Discount::Percent(50)), 1);
    assert!(world.apply_voucher(id, &vouchers[0]));
    (world, id, vouchers[0].clone())
}

fn reserved(voucher: &VoucherHash, booking: BookingId, application: u32) -> Event {
    VoucherReserved { voucher: voucher.clone(), booking, application }.into()
}

#[test]
fn a_discounted_sale_is_valid() {
    let (mut world, id, voucher) = world_with_discount();
    world.pay(id);
    assert!(world.settle_voucher(id));
    assert_eq!(world.vouchers[&voucher].left(), 0);
    let report = audit(&world.log);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
    let taken = report.money.values().next().unwrap().captured;
    assert_eq!(taken, world.bookings[&id].opened.as_ref().unwrap().amount.value / 2);
}

#[test]
fn a_voucher_used_twice() {
    let (world, _, voucher) = world_with_discount();
    plant(world, &["voucher_overused"], |world| {
        let other = world.hold("bob", "gala", &["A-3"]);
        world.append(StreamName::voucher(&voucher), &[reserved(&voucher, other, 1)]);
    });
}

#[test]
fn a_voucher_used_when_it_is_not_valid() {
    let (mut world, id) = world_with_hold();
    let until = world.now;
    let vouchers = world.campaign(&VoucherTerms { valid_until: Some(until), ..terms(Discount::Percent(50)) }, 1);
    plant(world, &["voucher_overused"], |world| {
        world.append(StreamName::voucher(&vouchers[0]), &[reserved(&vouchers[0], id, 1)]);
    });
}

#[test]
fn goods_handed_over_twice_or_for_a_discount() {
    for discount in [Discount::Goods("A drink".into()), Discount::Percent(50)] {
        let (mut world, _, vouchers) = world_with_vouchers(&terms(discount.clone()), 1);
        let now = world.now;
        world.voucher(&vouchers[0], VoucherCommand::HandOver { now, by: "staff".into() });
        plant(world, &["voucher_overused"], |world| {
            let handed_over = GoodsHandedOver { voucher: vouchers[0].clone(), by: "staff".into() };
            world.append(StreamName::voucher(&vouchers[0]), &[handed_over.into()]);
        });
    }
}

#[test]
fn a_discount_without_its_voucher() {
    let (world, id, vouchers) = world_with_vouchers(&terms(Discount::Percent(50)), 1);
    plant(world, &["discount_without_voucher"], |world| {
        let discount = world.discount(&world.bookings[&id], &vouchers[0]).unwrap();
        let (now, voucher) = (world.now, vouchers[0].clone());
        assert!(world.booking(id, BookingCommand::ApplyVoucher { now, voucher, application: 1, discount }));
    });
}

#[test]
fn a_discount_of_another_amount_than_the_terms_give() {
    let (world, id, vouchers) = world_with_vouchers(&terms(Discount::Percent(50)), 1);
    plant(world, &["discount_differs"], |world| {
        let discount = world.discount(&world.bookings[&id], &vouchers[0]).unwrap() + 1;
        let application = world.reserve_voucher(id, &vouchers[0]).unwrap();
        let (now, voucher) = (world.now, vouchers[0].clone());
        assert!(world.booking(id, BookingCommand::ApplyVoucher { now, voucher, application, discount }));
    });
}

#[test]
fn a_discount_for_seats_that_the_voucher_is_not_for() {
    let categories = vec![CategoryId::new("floor").unwrap()];
    let (world, id, vouchers) = world_with_vouchers(&VoucherTerms { categories, ..terms(Discount::FreeSeats(1)) }, 1);
    plant(world, &["discount_differs"], |world| {
        let application = world.reserve_voucher(id, &vouchers[0]).unwrap();
        let (now, voucher) = (world.now, vouchers[0].clone());
        assert!(world.booking(id, BookingCommand::ApplyVoucher { now, voucher, application, discount: 8500 }));
    });
}

#[test]
fn a_discount_after_the_payment_was_begun() {
    let (mut world, id, vouchers) = world_with_vouchers(&terms(Discount::Percent(50)), 1);
    world.start_payment(id);
    plant(world, &["discount_late"], |world| {
        let discount = world.discount(&world.bookings[&id], &vouchers[0]).unwrap();
        let application = world.reserve_voucher(id, &vouchers[0]).unwrap();
        let applied = VoucherApplied { booking: id, voucher: vouchers[0].clone(), application, discount };
        world.append(StreamName::booking(id), &[applied.into()]);
    });
}

#[test]
fn more_is_taken_than_the_price_less_the_discount() {
    let (mut world, id, _) = world_with_discount();
    world.start_payment(id);
    world.commit(id);
    world.book_seats(id);
    plant(world, &["captured_amount"], |world| {
        let amount = world.bookings[&id].opened.as_ref().unwrap().amount;
        let intent = world.intent(id);
        world.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount, draw: None }.into()]);
    });
}

#[test]
fn a_voucher_given_back_while_its_booking_has_it() {
    let (world, id, voucher) = world_with_discount();
    plant(world, &["voucher_freed_early"], |world| {
        assert!(world.voucher(&voucher, VoucherCommand::Free { booking: id, application: 1 }));
    });
}

#[test]
fn a_voucher_given_back_before_it_is_kept_from_being_applied() {
    let (mut world, id, vouchers) = world_with_vouchers(&terms(Discount::Percent(50)), 1);
    world.reserve_voucher(id, &vouchers[0]);
    plant(world, &["voucher_freed_early"], |world| {
        assert!(world.voucher(&vouchers[0], VoucherCommand::Free { booking: id, application: 1 }));
    });
}

#[test]
fn a_used_voucher_given_back_by_a_refund_that_returns_none() {
    let (mut world, id, voucher) = world_with_discount();
    world.pay(id);
    world.settle_voucher(id);
    world.refund(id);
    plant(world, &["voucher_freed_early"], |world| {
        assert!(world.voucher(&voucher, VoucherCommand::Free { booking: id, application: 1 }));
    });
}

#[test]
fn a_voucher_given_back_by_another_booking() {
    let (mut world, _, voucher) = world_with_discount();
    let other = world.hold("bob", "gala", &["A-3"]);
    plant(world, &["voucher_unowned"], |world| {
        let freed = VoucherFreed { voucher: voucher.clone(), booking: other, application: 1 };
        world.append(StreamName::voucher(&voucher), &[freed.into()]);
    });
}

#[test]
fn a_voucher_used_up_without_a_payment() {
    let (world, id, voucher) = world_with_discount();
    plant(world, &["voucher_unpaid"], |world| {
        assert!(world.voucher(&voucher, VoucherCommand::Use { booking: id, application: 1 }));
    });
}

#[test]
fn a_voucher_that_stays_reserved() {
    let (mut world, id, _) = world_with_discount();
    world.pay(id);
    plant(world, &["stuck_voucher"], |world| {
        world.pass(61);
        world.hold("bob", "gala", &["A-3"]);
    });
}

#[test]
fn a_voucher_that_its_campaign_does_not_issue() {
    let (world, _, vouchers) = world_with_vouchers(&terms(Discount::Percent(10)), 1);
    plant(world, &["campaign_differs"], |world| {
        let created = world.vouchers[&vouchers[0]].created.clone();
        let voucher = VoucherHash::of_bytes([7; 32]);
        let terms = terms(Discount::Percent(100));
        let created = VoucherCreated { voucher: voucher.clone(), terms, ..created };
        assert!(world.voucher(&voucher, VoucherCommand::Create(created)));
    });
}
