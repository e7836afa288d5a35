//! The rules of a buyer's loyalty account: counted bookings, points, vouchers.
//!
//! A captured payment counts once. A booking of [`BOOKING_VOUCHER_SEATS`] or more seats draws a
//! voucher from its show's reward table, and every [`MILESTONE_SEATS`] seats over time another one is
//! issued. Draws and ids follow from the booking's events, so a repeat has the same result.
//!
//! A reward that is worth something has a code: a voucher with a stream of its own. That stream is there before the
//! account says that the reward was issued, and says that it was withdrawn before the account says that it was revoked.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{
    Event, PointsEarned, PointsRevoked, Reward, RewardCode, VoucherCause, VoucherIssued, VoucherRedeemed, VoucherRevoked,
};
use crate::ids::{BookingId, BuyerId, ShowId, VoucherHash, VoucherId};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use crate::voucher::Withdrawn;
use uuid::Uuid;

mod account;
mod draw;

pub use account::{Account, IssuedReward, VoucherState, evolve};
pub use draw::{BOOKING_VOUCHER_SEATS, drawn, voucher_id};

/// Seats over time that issue a voucher.
pub const MILESTONE_SEATS: u32 = 10;
/// Points for a booked seat.
pub const POINTS_PER_SEAT: u32 = 10;
/// What a milestone voucher is good for.
pub const MILESTONE_REWARD: &str = "One ticket free of charge";

impl Decider for Account {
    type Id = BuyerId;
    type State = Self;
    type Command = LoyaltyCommand;

    fn stream(id: &BuyerId) -> StreamName {
        StreamName::loyalty(id)
    }

    fn initial() -> Self {
        Self::default()
    }

    fn decide(_id: &BuyerId, state: &Self, command: LoyaltyCommand) -> Result<Vec<Event>, Rejection> {
        decide(state, command)
    }

    fn evolve(state: Self, event: &Event, _at: Timestamp) -> Self {
        evolve(state, event)
    }
}

/// What can be requested of an account.
#[derive(Debug, Clone)]
pub enum LoyaltyCommand {
    /// A payment was captured: count its booking.
    Credit {
        /// The owner of the account.
        buyer: BuyerId,
        /// The booking.
        booking: BookingId,
        /// [What](crate::event::PaymentCaptured::drawn_by) its reward is drawn by.
        draw: Uuid,
        /// Its show.
        show: ShowId,
        /// Its seats.
        seats: u32,
        /// The show's reward table.
        rewards: Vec<Reward>,
        /// The voucher that was created for what it draws, if that is worth something: see [`drawn`].
        code: Option<VoucherHash>,
    },
    /// A counted booking was refunded: take back what can be.
    Revoke {
        /// The booking.
        booking: BookingId,
        /// How [`Account::to_withdraw`] was found, if there is one.
        withdrawn: Option<Withdrawn>,
    },
    /// Seats of a counted booking were given up for a partial refund: take back what can be.
    RevokePart {
        /// The booking.
        booking: BookingId,
        /// The number of the refund.
        refund: u32,
        /// The seats that were given up.
        seats: u32,
        /// How [`Account::to_withdraw`] was found, if there is one.
        withdrawn: Option<Withdrawn>,
    },
    /// Use a voucher.
    Redeem {
        /// Which.
        voucher: VoucherId,
    },
}

/// See [`Decider::decide`].
///
/// # Errors
/// The [`Rejection`] that says why a voucher can't be redeemed. `OutOfOrder` if a voucher with a code was to be issued before it
/// was created, or revoked before it was withdrawn.
pub fn decide(account: &Account, command: LoyaltyCommand) -> Result<Vec<Event>, Rejection> {
    match command {
        LoyaltyCommand::Credit { booking, .. } if account.counted.contains_key(&booking) => Ok(vec![]),
        LoyaltyCommand::Credit { buyer, booking, draw, show, seats, rewards, code } => {
            credit(account, &buyer, PointsEarned { booking, show, seats, points: points(seats) }, draw, &rewards, code)
        }
        LoyaltyCommand::Revoke { booking, withdrawn } => revoke(account, booking, None, withdrawn),
        LoyaltyCommand::RevokePart { booking, refund, .. } if account.parts.contains(&(booking, refund)) => Ok(vec![]),
        LoyaltyCommand::RevokePart { booking, refund, seats, withdrawn } => {
            revoke(account, booking, Some((refund, seats)), withdrawn)
        }
        LoyaltyCommand::Redeem { voucher } => match account.vouchers.get(&voucher).map(|v| v.state) {
            // By its code alone, or it could be used twice.
            _ if account.code_of(voucher).is_some() => Err(Rejection::VoucherHasCode { voucher }),
            Some(VoucherState::Issued) => Ok(vec![VoucherRedeemed { voucher }.into()]),
            Some(VoucherState::Redeemed) => Err(Rejection::VoucherRedeemed { voucher }),
            Some(VoucherState::Revoked) => Err(Rejection::VoucherRevoked { voucher }),
            None => Err(Rejection::VoucherNotFound { voucher }),
        },
    }
}

/// Whether a booking of so many seats leads to a voucher once it is paid, whatever its buyer has bought before.
#[must_use]
pub fn leads_to_voucher(seats: u32, rewards: &[Reward]) -> bool {
    seats >= MILESTONE_SEATS || draw::draws(seats, rewards)
}

fn points(seats: u32) -> u32 {
    seats.saturating_mul(POINTS_PER_SEAT)
}

fn credit(
    account: &Account,
    buyer: &BuyerId,
    earned: PointsEarned,
    draw: Uuid,
    rewards: &[Reward],
    code: Option<VoucherHash>,
) -> Result<Vec<Event>, Rejection> {
    let (booking, seats) = (earned.booking, earned.seats);
    let mut events: Vec<Event> = vec![earned.into()];
    let issue = |voucher, cause, reward: &str, code| -> Event {
        VoucherIssued { voucher, booking, buyer: buyer.clone(), cause, reward: reward.to_owned(), code }.into()
    };
    if let Some((voucher, reward)) = drawn(booking, draw, seats, rewards) {
        let code = match (&reward.discount, code) {
            (Some(discount), Some(hash)) => Some(RewardCode { hash, discount: discount.clone() }),
            (Some(_), None) => return Err(Rejection::OutOfOrder { step: "Issuing a voucher that was not created" }),
            (None, _) => None,
        };
        events.push(issue(voucher, VoucherCause::Booking, &reward.reward, code));
    }
    let reached = account.seats.saturating_add(seats) / MILESTONE_SEATS;
    for ordinal in 0..reached.saturating_sub(account.milestones) {
        let voucher = voucher_id(booking, VoucherCause::Milestone, ordinal);
        events.push(issue(voucher, VoucherCause::Milestone, MILESTONE_REWARD, None));
    }
    Ok(events)
}

/// Takes back a counted booking, or the seats of it that the partial refund of that number gave up.
fn revoke(
    account: &Account,
    booking: BookingId,
    part: Option<(u32, u32)>,
    withdrawn: Option<Withdrawn>,
) -> Result<Vec<Event>, Rejection> {
    let counted = account.counted.get(&booking).copied().unwrap_or_default();
    let (refund, seats) = part.map_or((None, counted), |(refund, seats)| (Some(refund), seats.min(counted)));
    if seats == 0 {
        return Ok(vec![]);
    }
    let mut events: Vec<Event> = vec![PointsRevoked { booking, seats, points: points(seats), refund }.into()];
    match (account.lost_by(booking, part), withdrawn) {
        (Some(own), None) if own.issued.code.is_some() => {
            return Err(Rejection::OutOfOrder { step: "Revoking a voucher that was not withdrawn" });
        }
        (Some(own), Some(Withdrawn::Used)) if own.issued.code.is_some() => {}
        (own, _) => events.extend(own.map(|v| VoucherRevoked { voucher: v.issued.voucher, booking }.into())),
    }
    // A milestone belongs to the account, not to a booking, so any unused voucher can be taken back.
    // Those of this booking come first.
    let owed = account.milestones.saturating_sub((account.seats - seats) / MILESTONE_SEATS);
    let unredeemed = |v: &&IssuedReward| v.issued.cause == VoucherCause::Milestone && v.state == VoucherState::Issued;
    let mut milestones: Vec<_> = account.vouchers.values().filter(unredeemed).collect();
    milestones.sort_by_key(|v| (v.issued.booking != booking, v.issued.voucher));
    let taken_back = milestones.iter().take(owed as usize);
    events.extend(taken_back.map(|v| VoucherRevoked { voucher: v.issued.voucher, booking }.into()));
    Ok(events)
}
