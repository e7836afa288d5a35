//! Seats that are sold wrongly, charges and rewards that do not follow from sales.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::loyalty::{self, LoyaltyCommand};
use lastseat_domain::{BuyerId, Event, Money, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};

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
