//! The rules of a loyalty account: once per captured booking, back with its refund.

use crate::support;

use lastseat_domain::event::Reward;
use lastseat_domain::event::{Event, PointsEarned, PointsRevoked, VoucherCause, VoucherIssued, VoucherRedeemed, VoucherRevoked};
use lastseat_domain::loyalty;
use lastseat_domain::loyalty::{Account, LoyaltyCommand, MILESTONE_REWARD, VoucherState, voucher_id};
use lastseat_domain::{BookingId, VoucherId};
use lastseat_testkit::given::given;
use std::collections::HashMap;
use support::*;
use uuid::Uuid;

fn table() -> Vec<Reward> {
    vec![Reward { reward: "a drink".into(), weight: 3 }, Reward { reward: "a programme".into(), weight: 1 }]
}

fn credit(n: u8, seats: u32, rewards: Vec<Reward>) -> LoyaltyCommand {
    LoyaltyCommand::Credit { buyer: buyer(1), booking: booking(n), show: show(), seats, rewards }
}

fn revoke(n: u8) -> LoyaltyCommand {
    LoyaltyCommand::Revoke { booking: booking(n) }
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
    VoucherIssued { voucher, booking: booking(n), buyer: buyer(1), cause, reward: reward.into() }.into()
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
fn a_draw_depends_on_nothing_but_the_booking_and_follows_the_weights() {
    let mut drawn: HashMap<String, u32> = HashMap::new();
    for n in 0..4000_u128 {
        let command = || LoyaltyCommand::Credit {
            buyer: buyer(1),
            booking: BookingId(Uuid::from_u128(n)),
            show: show(),
            seats: 3,
            rewards: table(),
        };
        let decide = || lastseat_domain::loyalty::decide(&given([]).state::<Account>(), command()).unwrap();
        let events = decide();
        assert_eq!(events, decide());
        let Event::VoucherIssued(voucher) = &events[1] else { panic!("no voucher in {events:?}") };
        *drawn.entry(voucher.reward.clone()).or_default() += 1;
    }
    // Three in four, give or take what 4,000 draws can be off by.
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
        for rewards in [table(), vec![], vec![Reward { reward: "nothing".into(), weight: 0 }]] {
            let events = loyalty::decide(&Account::default(), credit(1, seats, rewards.clone())).unwrap();
            let issued = events.iter().any(|event| matches!(event, Event::VoucherIssued(_)));
            assert_eq!(loyalty::leads_to_voucher(booking(1), seats, &rewards), issued, "{seats} seats, {rewards:?}");
        }
    }
}
