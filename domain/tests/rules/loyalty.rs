//! The rules of a loyalty account: once per captured booking, back with its refund.

use crate::support;

use lastseat_domain::event::{
    Discount, Event, PointsEarned, PointsRevoked, Reward, RewardCode, VoucherCause, VoucherIssued, VoucherRedeemed,
    VoucherRevoked,
};
use lastseat_domain::loyalty;
use lastseat_domain::loyalty::{Account, LoyaltyCommand, MILESTONE_REWARD, VoucherState, voucher_id};
use lastseat_domain::voucher::Withdrawn;
use lastseat_domain::{VoucherHash, VoucherId};
use lastseat_testkit::given::given;
use std::collections::HashMap;
use support::*;
use uuid::Uuid;

fn table() -> Vec<Reward> {
    vec![
        Reward { reward: "a drink".into(), weight: 3, discount: None },
        Reward { reward: "a programme".into(), weight: 1, discount: None },
    ]
}

fn credit(n: u8, seats: u32, rewards: Vec<Reward>) -> LoyaltyCommand {
    LoyaltyCommand::Credit { buyer: buyer(1), booking: booking(n), draw: draw(), show: show(), seats, rewards, code: None }
}

fn revoke(n: u8) -> LoyaltyCommand {
    LoyaltyCommand::Revoke { booking: booking(n), withdrawn: None }
}

fn earned(n: u8, seats: u32) -> Event {
    PointsEarned { booking: booking(n), show: show(), seats, points: seats * 10 }.into()
}

fn points_revoked(n: u8, seats: u32) -> Event {
    PointsRevoked { booking: booking(n), seats, points: seats * 10, refund: None }.into()
}

fn milestone(n: u8, ordinal: u32) -> VoucherId {
    voucher_id(booking(n), VoucherCause::Milestone, ordinal)
}

fn own(n: u8) -> VoucherId {
    voucher_id(booking(n), VoucherCause::Booking, 0)
}

fn issued(voucher: VoucherId, n: u8, cause: VoucherCause, reward: &str) -> Event {
    VoucherIssued { voucher, booking: booking(n), buyer: buyer(1), cause, reward: reward.into(), code: None }.into()
}

fn milestone_issued(n: u8, ordinal: u32) -> Event {
    issued(milestone(n, ordinal), n, VoucherCause::Milestone, MILESTONE_REWARD)
}

fn redeemed(voucher: VoucherId) -> Event {
    VoucherRedeemed { voucher }.into()
}

fn taken_back(voucher: VoucherId, n: u8) -> Event {
    VoucherRevoked { voucher, booking: booking(n) }.into()
}

#[test]
fn a_captured_booking_is_counted_once() {
    let after = given([]).when(credit(1, 2, table())).then_events([earned(1, 2)]);
    let account = after.state::<Account>();
    assert_eq!((account.seats, account.points), (2, 20));
}

#[test]
fn three_seats_draw_a_voucher_from_the_shows_table_two_do_not() {
    given([]).when(credit(1, 2, table())).then_events([earned(1, 2)]);
    let drink = issued(own(1), 1, VoucherCause::Booking, "a drink");
    given([]).when(credit(1, 3, table()[..1].to_vec())).then_events([earned(1, 3), drink]);
    given([]).when(credit(1, 3, vec![])).then_events([earned(1, 3)]);
}

#[test]
fn a_draw_follows_the_weights_and_from_the_payment_whatever_the_booking() {
    let mut drawn: HashMap<String, u32> = HashMap::new();
    for n in 0..4000_u128 {
        let command = || LoyaltyCommand::Credit {
            buyer: buyer(1),
            booking: booking(1),
            draw: Uuid::from_u128(n),
            show: show(),
            seats: 3,
            rewards: table(),
            code: None,
        };
        let decide = || lastseat_domain::loyalty::decide(&given([]).state::<Account>(), command()).unwrap();
        let events = decide();
        assert_eq!(events, decide());
        let Event::VoucherIssued(voucher) = &events[1] else { panic!("no voucher in {events:?}") };
        *drawn.entry(voucher.reward.clone()).or_default() += 1;
    }
    // One booking, whose id the buyer knows before: three in four, give or take what 4,000 draws can be off by.
    assert!((2850..3150).contains(&drawn["a drink"]), "{drawn:?}");
}

#[test]
fn every_ten_seats_over_time_issue_a_voucher() {
    given([]).when(credit(1, 9, vec![])).then_events([earned(1, 9)]);
    given([earned(1, 9)]).when(credit(2, 1, vec![])).then_events([earned(2, 1), milestone_issued(2, 0)]);
    given([]).when(credit(1, 25, vec![])).then_events([earned(1, 25), milestone_issued(1, 0), milestone_issued(1, 1)]);
    given([earned(1, 10), milestone_issued(1, 0)]).when(credit(2, 9, vec![])).then_events([earned(2, 9)]);
}

#[test]
fn a_refund_takes_back_points_and_unredeemed_vouchers() {
    let drink = || issued(own(1), 1, VoucherCause::Booking, "a drink");
    let history = vec![earned(1, 10), drink(), milestone_issued(1, 0)];
    let after = given(history).when(revoke(1)).then_events([
        points_revoked(1, 10),
        taken_back(own(1), 1),
        taken_back(milestone(1, 0), 1),
    ]);
    let account = after.state::<Account>();
    assert_eq!((account.seats, account.points, account.milestones), (0, 0, 0));
}

#[test]
fn a_redeemed_voucher_is_not_taken_back_but_counts_against_the_next_milestone() {
    let history = vec![earned(1, 10), milestone_issued(1, 0), redeemed(milestone(1, 0))];
    let after = given(history).when(revoke(1)).then_events([points_revoked(1, 10)]);
    // Ten new seats bring no second voucher: the first one was used and not paid for.
    let after = after.when(credit(2, 10, vec![])).then_events([earned(2, 10)]);
    after.when(credit(3, 10, vec![])).then_events([earned(3, 10), milestone_issued(3, 0)]);
}

#[test]
fn whichever_milestone_voucher_is_unused_goes_back() {
    // Booking 1's voucher was used; booking 1 is refunded, so booking 2's goes back in its stead.
    let history = vec![earned(1, 10), milestone_issued(1, 0), earned(2, 10), milestone_issued(2, 0), redeemed(milestone(1, 0))];
    given(history).when(revoke(1)).then_events([points_revoked(1, 10), taken_back(milestone(2, 0), 1)]);
}

#[test]
fn of_several_unused_milestone_vouchers_the_refunded_bookings_own_goes_back() {
    let history = || vec![earned(1, 10), milestone_issued(1, 0), earned(2, 10), milestone_issued(2, 0)];
    for n in [1, 2] {
        given(history()).when(revoke(n)).then_events([points_revoked(n, 10), taken_back(milestone(n, 0), n)]);
    }
}

#[test]
fn a_refund_that_leaves_enough_seats_keeps_the_milestone() {
    let history = vec![earned(1, 5), earned(2, 10), milestone_issued(2, 0)];
    given(history).when(revoke(1)).then_events([points_revoked(1, 5)]);
}

#[test]
fn what_was_never_counted_is_not_taken_back() {
    given([]).when(revoke(1)).then_nothing();
    given([earned(1, 2), points_revoked(1, 2)]).when(revoke(1)).then_nothing();
}

#[test]
fn a_refunded_booking_is_not_counted_again() {
    given([earned(1, 2), points_revoked(1, 2)]).when(credit(1, 2, vec![])).then_nothing();
}

#[test]
fn a_voucher_is_redeemed_once() {
    let history = || vec![earned(1, 10), milestone_issued(1, 0)];
    let redeem = |voucher| LoyaltyCommand::Redeem { voucher };
    let after = given(history()).when(redeem(milestone(1, 0))).then_events([redeemed(milestone(1, 0))]);
    after.clone().when(redeem(milestone(1, 0))).then_rejected("voucher_redeemed");
    let state = after.state::<Account>().vouchers[&milestone(1, 0)].state;
    assert_eq!(state, VoucherState::Redeemed);

    given(history()).when(redeem(milestone(2, 0))).then_rejected("voucher_not_found");
    let refunded = given(history()).when(revoke(1)).then_events([points_revoked(1, 10), taken_back(milestone(1, 0), 1)]);
    refunded.when(redeem(milestone(1, 0))).then_rejected("voucher_revoked");
}

/// Whatever else its buyer has.
#[test]
fn a_booking_that_leads_to_a_voucher_of_its_own_is_known_beforehand() {
    for seats in 1..25 {
        for rewards in [table(), vec![], vec![Reward { reward: "nothing".into(), weight: 0, discount: None }]] {
            let events = loyalty::decide(&Account::default(), credit(1, seats, rewards.clone())).unwrap();
            let issued = events.iter().any(|event| matches!(event, Event::VoucherIssued(_)));
            assert_eq!(loyalty::leads_to_voucher(seats, &rewards), issued, "{seats} seats, {rewards:?}");
        }
    }
}

fn code() -> RewardCode {
    RewardCode { hash: VoucherHash::of_bytes([7; 32]), discount: Discount::Percent(10) }
}

fn ten_off() -> Vec<Reward> {
    vec![Reward { reward: "10 % off".into(), weight: 1, discount: Some(Discount::Percent(10)) }]
}

fn issued_with_code(n: u8) -> Event {
    let (voucher, booking, cause) = (own(n), booking(n), VoucherCause::Booking);
    VoucherIssued { voucher, booking, buyer: buyer(1), cause, reward: "10 % off".into(), code: Some(code()) }.into()
}

#[test]
fn a_reward_that_is_worth_something_is_issued_with_the_code_that_was_created() {
    let credit = |seats, code: Option<VoucherHash>| LoyaltyCommand::Credit {
        buyer: buyer(1),
        booking: booking(1),
        draw: draw(),
        show: show(),
        seats,
        rewards: ten_off(),
        code,
    };
    given([]).when(credit(3, Some(code().hash))).then_events([earned(1, 3), issued_with_code(1)]);
    given([]).when(credit(3, None)).then_rejected("out_of_order");
    given([]).when(credit(2, None)).then_events([earned(1, 2)]);
    given([earned(1, 3), issued_with_code(1)]).when(credit(3, None)).then_nothing();
    let (voucher, reward) = loyalty::drawn(booking(1), draw(), 3, &ten_off()).map(|(id, line)| (id, line.clone())).unwrap();
    assert_eq!((voucher, reward), (own(1), ten_off().remove(0)));
    assert_eq!(loyalty::drawn(booking(1), draw(), 2, &ten_off()), None);
    // A milestone's has none.
    let events = loyalty::decide(&Account::default(), credit(10, Some(code().hash))).unwrap();
    assert_eq!(events[2], milestone_issued(1, 0));
}

#[test]
fn a_reward_with_a_code_is_used_by_its_code_alone() {
    let redeem = LoyaltyCommand::Redeem { voucher: own(1) };
    given([earned(1, 3), issued_with_code(1)]).when(redeem).then_rejected("voucher_has_code");
}

#[test]
fn a_reward_with_a_code_is_taken_back_as_its_code_was_found() {
    let history = || given([earned(1, 5), issued_with_code(1)]);
    let revoke = |withdrawn| LoyaltyCommand::Revoke { booking: booking(1), withdrawn };
    history().when(revoke(None)).then_rejected("out_of_order");
    history().when(revoke(Some(Withdrawn::Unused))).then_events([points_revoked(1, 5), taken_back(own(1), 1)]);
    history().when(revoke(Some(Withdrawn::Used))).then_events([points_revoked(1, 5)]);
    let account = history().state::<Account>();
    assert_eq!(account.to_withdraw(booking(1), None), Some(&code().hash));
    assert_eq!(account.to_withdraw(booking(2), None), None);
}

#[test]
fn a_partial_refund_takes_a_code_back_if_too_few_seats_are_left() {
    let history = || given([earned(1, 5), issued_with_code(1)]);
    let part = |refund, seats, withdrawn| LoyaltyCommand::RevokePart { booking: booking(1), refund, seats, withdrawn };
    let given_up = |refund, seats: u32| -> Event {
        PointsRevoked { booking: booking(1), seats, points: seats * 10, refund: Some(refund) }.into()
    };
    assert_eq!(history().state::<Account>().to_withdraw(booking(1), Some((1, 2))), None);
    let three = history().when(part(1, 2, None)).then_events([given_up(1, 2)]);
    assert_eq!(three.clone().state::<Account>().to_withdraw(booking(1), Some((2, 1))), Some(&code().hash));
    assert_eq!(three.clone().state::<Account>().to_withdraw(booking(1), Some((1, 2))), None, "it is taken back already");
    three.clone().when(part(2, 1, None)).then_rejected("out_of_order");
    three.when(part(2, 1, Some(Withdrawn::Unused))).then_events([given_up(2, 1), taken_back(own(1), 1)]);
}
