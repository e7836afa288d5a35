//! Points and vouchers: exactly once for a captured booking, back with its refund, never negative.

use crate::support::*;
use crate::{holds, is_caught};
use lastseat_domain::event::Reward;
use lastseat_domain::event::*;
use lastseat_domain::loyalty::{self, Account, LoyaltyCommand, MILESTONE_SEATS, VoucherState};
use lastseat_domain::{BookingId, Rejection, VoucherId};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeSet;

type DecideFn = fn(&Account, LoyaltyCommand) -> Result<Vec<Event>, Rejection>;

/// What is asked: of a booking, or of the n-th voucher there is.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Credit(u8),
    Revoke(u8),
    Redeem(usize),
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let asked = prop_oneof![
        4 => (1..20_u8).prop_map(Asked::Credit),
        2 => (1..20_u8).prop_map(Asked::Revoke),
        2 => (0..30_usize).prop_map(Asked::Redeem),
    ];
    prop::collection::vec(asked, 1..60)
}

/// A booking has always the same number of seats.
fn seats_of(b: u8) -> u32 {
    u32::from(b) * 7 % 13 + 1
}

fn command(account: &Account, asked: Asked) -> Option<LoyaltyCommand> {
    match asked {
        Asked::Credit(b) => Some(LoyaltyCommand::Credit {
            buyer: buyer(1),
            booking: booking(b),
            draw: draw(),
            show: show(),
            seats: seats_of(b),
            rewards: vec![Reward { reward: "a drink".into(), weight: 1, discount: None }],
            code: None,
        }),
        Asked::Revoke(b) => Some(LoyaltyCommand::Revoke { booking: booking(b), withdrawn: None }),
        Asked::Redeem(nth) => account.vouchers.keys().nth(nth).map(|voucher| LoyaltyCommand::Redeem { voucher: *voucher }),
    }
}

#[derive(Default)]
struct Recorded {
    earned: BTreeSet<BookingId>,
    revoked: BTreeSet<BookingId>,
    issued: BTreeSet<VoucherId>,
    redeemed: BTreeSet<VoucherId>,
    taken_back: BTreeSet<VoucherId>,
    points: i64,
}

impl Recorded {
    fn check_next(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::PointsEarned(e) => {
                prop_assert!(self.earned.insert(e.booking), "counted twice");
                self.points += i64::from(e.points);
            }
            Event::PointsRevoked(e) => {
                prop_assert!(self.earned.contains(&e.booking), "taken back what was never counted");
                prop_assert!(self.revoked.insert(e.booking), "taken back twice");
                self.points -= i64::from(e.points);
                prop_assert!(self.points >= 0, "negative points");
            }
            Event::VoucherIssued(e) => prop_assert!(self.issued.insert(e.voucher), "issued twice"),
            Event::VoucherRedeemed(e) => {
                prop_assert!(self.issued.contains(&e.voucher) && !self.taken_back.contains(&e.voucher), "redeemed without right");
                prop_assert!(self.redeemed.insert(e.voucher), "redeemed twice");
            }
            Event::VoucherRevoked(e) => {
                prop_assert!(self.issued.contains(&e.voucher), "taken back what was never issued");
                prop_assert!(!self.redeemed.contains(&e.voucher), "taken back what was redeemed");
                prop_assert!(self.taken_back.insert(e.voucher), "taken back twice");
            }
            other => return Err(TestCaseError::fail(format!("{other:?} on an account"))),
        }
        Ok(())
    }
}

fn exactly_once(decide: DecideFn, asked: Vec<Asked>) -> Result<(), TestCaseError> {
    let mut account = Account::default();
    let mut recorded = Recorded::default();
    for asked in asked {
        let Some(command) = command(&account, asked) else { continue };
        for event in decide(&account, command.clone()).unwrap_or_default() {
            recorded.check_next(&event)?;
            account = loyalty::evolve(account, &event);
        }
        prop_assert_eq!(decide(&account, command).unwrap_or_default(), vec![], "a repeat has a second effect");
        prop_assert_eq!(i64::from(account.points), recorded.points);

        let milestones = |state: &[VoucherState]| {
            let of_account = account.vouchers.values().filter(|v| v.issued.cause == VoucherCause::Milestone);
            u32::try_from(of_account.filter(|v| state.contains(&v.state)).count()).unwrap()
        };
        let [unused, used] = [milestones(&[VoucherState::Issued]), milestones(&[VoucherState::Redeemed])];
        let due = account.seats / MILESTONE_SEATS;
        prop_assert_eq!(account.milestones, unused + used);
        // As many as there are tens of seats; more only if they were used before the refund.
        prop_assert!(unused + used == due || (unused + used > due && unused == 0), "{unused} + {used} vouchers for {due}");
    }
    Ok(())
}

#[test]
fn a_booking_counts_exactly_once_and_its_refund_takes_back_what_can_be() {
    holds(&asked(), |asked| exactly_once(loyalty::decide, asked));
}

#[test]
fn an_account_that_forgets_whom_it_counted_is_caught() {
    let twin: DecideFn = |account, command| {
        let forgetful = Account { counted: std::collections::BTreeMap::new(), ..account.clone() };
        loyalty::decide(if matches!(command, LoyaltyCommand::Credit { .. }) { &forgetful } else { account }, command)
    };
    is_caught(&asked(), "", |asked| exactly_once(twin, asked));
}

#[test]
fn a_refund_that_takes_back_redeemed_vouchers_is_caught() {
    let twin: DecideFn = |account, command| {
        let mut blind = account.clone();
        for voucher in blind.vouchers.values_mut() {
            voucher.state = VoucherState::Issued;
        }
        loyalty::decide(if matches!(command, LoyaltyCommand::Revoke { .. }) { &blind } else { account }, command)
    };
    is_caught(&asked(), "taken back", |asked| exactly_once(twin, asked));
}

#[test]
fn a_second_redemption_is_caught() {
    let twin: DecideFn = |account, command| match command {
        LoyaltyCommand::Redeem { voucher } => Ok(vec![VoucherRedeemed { voucher }.into()]),
        command => loyalty::decide(account, command),
    };
    is_caught(&asked(), "", |asked| exactly_once(twin, asked));
}
