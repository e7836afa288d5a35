//! The rules of a reward's code, which a refund withdraws.

use crate::support::*;
use crate::voucher::{free, freed, half, hand_over, hash, reserve, reserved, use_up, used};
use lastseat_domain::VoucherId;
use lastseat_domain::event::*;
use lastseat_domain::voucher::{Voucher, VoucherCommand as C, Withdrawn};
use lastseat_testkit::given::given;
use uuid::Uuid;

fn of_reward(discount: Discount) -> Event {
    let source = VoucherSource::Reward { reward: VoucherId(Uuid::from_u128(7)) };
    VoucherCreated { voucher: hash(), terms: VoucherTerms::once(discount), source }.into()
}

fn withdrawn(n: u8) -> Event {
    let cause = Withdrawal::Refund { booking: booking(n) };
    VoucherWithdrawn { voucher: hash(), cause }.into()
}

#[test]
fn a_rewards_code_is_withdrawn_and_nobody_can_reserve_it_afterwards() {
    let ten_off = || of_reward(Discount::Percent(10));
    let withdraw = || C::Withdraw(Withdrawal::Refund { booking: booking(9) });
    given([ten_off()]).when(withdraw()).then_events([withdrawn(9)]);
    given([ten_off(), withdrawn(9)]).when(reserve(1)).then_rejected("voucher_withdrawn");
    // The booking that has it keeps it, and gives it to nobody else.
    let held = [ten_off(), reserved(1), withdrawn(9)];
    given(held.clone()).when(reserve(1)).then_nothing();
    given(held.clone()).when(reserve(2)).then_rejected("voucher_withdrawn");
    given(held.clone()).when(use_up(1)).then_events([used(1)]);
    let freed = given(held).when(free(1)).then_events([freed(1)]);
    freed.clone().when(reserve(1)).then_rejected("voucher_withdrawn");
    freed.when(reserve(2)).then_rejected("voucher_withdrawn");
    given([]).when(withdraw()).then_rejected("unknown_voucher");
    given([half()]).when(withdraw()).then_rejected("out_of_order");
}

#[test]
fn a_withdrawal_remembers_whether_the_code_was_used() {
    let found = |events: Vec<Event>| given(events).state::<Voucher>().and_then(|voucher| voucher.found_at_refund);
    let ten_off = || of_reward(Discount::Percent(10));
    assert_eq!(found(vec![ten_off()]), None);
    assert_eq!(found(vec![ten_off(), withdrawn(9)]), Some(Withdrawn::Unused));
    assert_eq!(found(vec![ten_off(), reserved(1), withdrawn(9), used(1)]), Some(Withdrawn::Unused));
    // Also after the refund of the booking that has used it gives it back: it is worth nothing then.
    let returned = vec![ten_off(), reserved(1), used(1), withdrawn(9), freed(1)];
    assert_eq!(found(returned.clone()), Some(Withdrawn::Used));
    given(returned).when(reserve(2)).then_rejected("voucher_withdrawn");
}

#[test]
fn goods_of_a_reward_are_handed_over_unless_it_was_withdrawn() {
    let drink = || of_reward(Discount::Goods("A drink".into()));
    let handed_over: Event = GoodsHandedOver { voucher: hash(), by: "staff".into() }.into();
    given([drink()]).when(hand_over()).then_events([handed_over.clone()]);
    given([drink(), withdrawn(9)]).when(hand_over()).then_rejected("voucher_withdrawn");
    let used =
        given([drink(), handed_over]).when(C::Withdraw(Withdrawal::Refund { booking: booking(9) })).then_events([withdrawn(9)]);
    assert_eq!(used.state::<Voucher>().unwrap().found_at_refund, Some(Withdrawn::Used));
}
