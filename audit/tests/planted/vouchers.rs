//! Vouchers and discounts.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::voucher::VoucherCommand;
use lastseat_domain::{BookingId, CategoryId, Event, StreamName, VoucherHash};
use lastseat_testkit::world::{World, terms};

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
