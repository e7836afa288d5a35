//! Vouchers that open blocks: nothing is found in valid sales, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::event::*;
use lastseat_domain::{BlockId, BookingId, Event, StreamName, VoucherHash};
use lastseat_testkit::world::{World, plan, seat_id, show_id, terms};

/// A world with a block of B-1 and B-2, and one voucher of these terms that opens it.
fn world_with_block(discount: Discount) -> (World, BlockId, VoucherHash) {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let block = world.block("gala", &["B-1", "B-2"]);
    let vouchers = world.campaign(&VoucherTerms { opens: vec![block], ..terms(discount) }, 1);
    (world, block, vouchers[0].clone())
}

/// A hold of a seat of the block with this voucher, which is not applied yet.
fn hold(world: &mut World, block: BlockId, seat: &str, voucher: &VoucherHash) -> BookingId {
    world.hold_with_voucher(&(show_id("gala"), seat_id(seat), block), "alice", voucher)
}

fn started(booking: BookingId) -> Event {
    let payment_method = Some("pm_card_visa".to_owned());
    PaymentStarted { booking, attempt: 1, payment_method, tender: None, return_url: None, request: None }.into()
}

#[test]
fn a_sale_that_a_voucher_has_opened_is_valid() {
    for (discount, off) in [(Discount::Nothing, 0), (Discount::Percent(100), 8_500)] {
        let (mut world, block, voucher) = world_with_block(discount);
        let id = hold(&mut world, block, "B-1", &voucher);
        assert!(world.apply_voucher(id, &voucher));
        assert_eq!(world.bookings[&id].voucher.as_ref().unwrap().discount, off);
        world.pay(id);
        assert!(world.settle_voucher(id));
        let report = audit(&world.log);
        assert!(report.holds() && report.pending.is_empty(), "{report}");
    }
}

#[test]
fn a_seat_sold_with_a_voucher_that_does_not_open_its_block() {
    for opens_another in [false, true] {
        let (mut world, block, _) = world_with_block(Discount::Nothing);
        let other = world.block("gala", &["A-1"]);
        let opens = if opens_another { vec![other] } else { vec![] };
        let voucher = world.campaign(&VoucherTerms { opens, ..terms(Discount::Percent(50)) }, 1).remove(0);
        plant(world, &["sold_without_access"], |world| {
            let id = hold(world, block, "B-1", &voucher);
            assert!(world.apply_voucher(id, &voucher));
            world.pay(id);
        });
    }
}

#[test]
fn a_booking_paid_for_without_the_voucher_that_has_opened_it() {
    for taken_off in [false, true] {
        let (mut world, block, voucher) = world_with_block(Discount::Percent(50));
        let id = hold(&mut world, block, "B-1", &voucher);
        if taken_off {
            assert!(world.apply_voucher(id, &voucher));
        }
        plant(world, &["paid_without_voucher"], |world| {
            if taken_off {
                let removed = VoucherRemoved { booking: id, voucher, application: 1 };
                world.append(StreamName::booking(id), &[removed.into()]);
            }
            assert!(!world.start_payment(id) || taken_off, "the rules refuse it");
            if !taken_off {
                world.append(StreamName::booking(id), &[started(id)]);
            }
        });
    }
}

#[test]
fn another_voucher_than_the_one_that_has_opened_it() {
    let (mut world, block, voucher) = world_with_block(Discount::Nothing);
    let other = world.campaign(&terms(Discount::Percent(50)), 1).remove(0);
    let id = hold(&mut world, block, "B-1", &voucher);
    plant(world, &["discount_without_voucher"], |world| {
        let discount = world.discount(&world.bookings[&id], &other).unwrap();
        let application = world.reserve_voucher(id, &other).unwrap();
        world.append(StreamName::booking(id), &[VoucherApplied { booking: id, voucher: other, application, discount }.into()]);
    });
}

#[test]
fn nothing_off_a_booking_that_it_has_not_opened() {
    let (mut world, _, voucher) = world_with_block(Discount::Nothing);
    let id = world.hold("bob", "gala", &["A-1"]);
    plant(world, &["discount_differs"], |world| {
        let application = world.reserve_voucher(id, &voucher).unwrap();
        world.append(StreamName::booking(id), &[VoucherApplied { booking: id, voucher, application, discount: 0 }.into()]);
    });
}
