//! The rules of a buyer's loyalty account: counted bookings, points, vouchers.
//!
//! A captured payment counts once. A booking of [`BOOKING_VOUCHER_SEATS`] or more seats draws a
//! voucher from its show's reward table, and every [`MILESTONE_SEATS`] seats over time another one is
//! issued. Draws and ids are derived from the booking, so a repeat has the same result.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Event, PointsEarned, PointsRevoked, Reward, VoucherCause, VoucherIssued, VoucherRedeemed, VoucherRevoked};
use crate::ids::{BookingId, BuyerId, NAMESPACE, ShowId, VoucherId};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Seats that a booking needs for a voucher of its own.
pub const BOOKING_VOUCHER_SEATS: u32 = 3;
/// Seats over time that issue a voucher.
pub const MILESTONE_SEATS: u32 = 10;
/// Points for a booked seat.
pub const POINTS_PER_SEAT: u32 = 10;
/// What a milestone voucher is good for.
pub const MILESTONE_REWARD: &str = "One ticket free of charge";

/// A loyalty account, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Seats of every booking that was counted, less those that its refunds took back.
    pub counted: BTreeMap<BookingId, u32>,
    /// The partial refunds whose seats were taken back.
    pub parts: BTreeSet<(BookingId, u32)>,
    /// Their sum: seats counted, after what was taken back.
    pub seats: u32,
    /// All vouchers ever issued.
    pub vouchers: BTreeMap<VoucherId, Voucher>,
    /// Milestone vouchers issued and not taken back.
    pub milestones: u32,
    /// Points, after what was taken back.
    pub points: u32,
}

/// A voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// What was issued.
    pub issued: VoucherIssued,
    /// Whether it can still be used.
    pub state: VoucherState,
}

/// Whether a voucher can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherState {
    /// It can be used.
    Issued,
    /// It was used.
    Redeemed,
    /// It was taken back because its booking was refunded.
    Revoked,
}

impl Account {
    fn count(&mut self, booking: BookingId, seats: u32) {
        let before = self.counted.insert(booking, seats).unwrap_or(0);
        self.seats = self.seats.saturating_sub(before).saturating_add(seats);
    }
}

impl Decider for Account {
    type Id = BuyerId;
    type State = Self;
    type Command = LoyaltyCommand;

    const IGNORES_TIME: bool = true;

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
        /// Its show.
        show: ShowId,
        /// Its seats.
        seats: u32,
        /// The show's reward table.
        rewards: Vec<Reward>,
    },
    /// A counted booking was refunded: take back what can be.
    Revoke {
        /// The booking.
        booking: BookingId,
    },
    /// Seats of a counted booking were given up for a partial refund: take back what can be.
    RevokePart {
        /// The booking.
        booking: BookingId,
        /// The number of the refund.
        refund: u32,
        /// The seats that were given up.
        seats: u32,
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
/// The [`Rejection`] that says why a voucher can't be redeemed.
pub fn decide(account: &Account, command: LoyaltyCommand) -> Result<Vec<Event>, Rejection> {
    match command {
        LoyaltyCommand::Credit { booking, .. } if account.counted.contains_key(&booking) => Ok(vec![]),
        LoyaltyCommand::Credit { buyer, booking, show, seats, rewards } => {
            Ok(credit(account, &buyer, booking, show, seats, &rewards))
        }
        LoyaltyCommand::Revoke { booking } => {
            let counted = account.counted.get(&booking).copied().unwrap_or_default();
            Ok(revoke(account, booking, counted, None))
        }
        LoyaltyCommand::RevokePart { booking, refund, .. } if account.parts.contains(&(booking, refund)) => Ok(vec![]),
        LoyaltyCommand::RevokePart { booking, refund, seats } => {
            let counted = account.counted.get(&booking).copied().unwrap_or_default();
            Ok(revoke(account, booking, seats.min(counted), Some(refund)))
        }
        LoyaltyCommand::Redeem { voucher } => match account.vouchers.get(&voucher).map(|v| v.state) {
            Some(VoucherState::Issued) => Ok(vec![VoucherRedeemed { voucher }.into()]),
            Some(VoucherState::Redeemed) => Err(Rejection::VoucherRedeemed { voucher }),
            Some(VoucherState::Revoked) => Err(Rejection::VoucherRevoked { voucher }),
            None => Err(Rejection::VoucherNotFound { voucher }),
        },
    }
}

/// Whether a paid booking leads to a voucher, whatever its buyer has bought before.
#[must_use]
pub fn leads_to_voucher(booking: BookingId, seats: u32, rewards: &[Reward]) -> bool {
    seats >= MILESTONE_SEATS || (seats >= BOOKING_VOUCHER_SEATS && draw(booking, rewards).is_some())
}

fn credit(account: &Account, buyer: &BuyerId, booking: BookingId, show: ShowId, seats: u32, rewards: &[Reward]) -> Vec<Event> {
    let points = seats.saturating_mul(POINTS_PER_SEAT);
    let mut events: Vec<Event> = vec![PointsEarned { booking, show, seats, points }.into()];
    let issue = |voucher, cause, reward: &str| -> Event {
        VoucherIssued { voucher, booking, buyer: buyer.clone(), cause, reward: reward.to_owned() }.into()
    };
    if seats >= BOOKING_VOUCHER_SEATS
        && let Some(reward) = draw(booking, rewards)
    {
        events.push(issue(voucher_id(booking, VoucherCause::Booking, 0), VoucherCause::Booking, reward));
    }
    let reached = account.seats.saturating_add(seats) / MILESTONE_SEATS;
    for ordinal in 0..reached.saturating_sub(account.milestones) {
        events.push(issue(voucher_id(booking, VoucherCause::Milestone, ordinal), VoucherCause::Milestone, MILESTONE_REWARD));
    }
    events
}

/// Takes back `seats` seats of a counted booking. `refund`: the partial refund that gave them up.
fn revoke(account: &Account, booking: BookingId, seats: u32, refund: Option<u32>) -> Vec<Event> {
    if seats == 0 {
        return vec![];
    }
    let points = seats.saturating_mul(POINTS_PER_SEAT);
    let mut events: Vec<Event> = vec![PointsRevoked { booking, seats, points, refund }.into()];
    let left = account.counted.get(&booking).copied().unwrap_or_default().saturating_sub(seats);
    let unredeemed = |cause| move |v: &&Voucher| v.issued.cause == cause && v.state == VoucherState::Issued;
    let own = account.vouchers.values().filter(unredeemed(VoucherCause::Booking)).find(|v| v.issued.booking == booking);
    // What is left may still be worth the booking's own voucher.
    let own = own.filter(|_| refund.is_none() || left < BOOKING_VOUCHER_SEATS);
    events.extend(own.map(|v| VoucherRevoked { voucher: v.issued.voucher, booking }.into()));
    // A milestone belongs to the account, not to a booking, so any unused voucher can be taken back.
    // Those of this booking come first.
    let owed = account.milestones.saturating_sub((account.seats - seats) / MILESTONE_SEATS);
    let mut milestones: Vec<_> = account.vouchers.values().filter(unredeemed(VoucherCause::Milestone)).collect();
    milestones.sort_by_key(|v| (v.issued.booking != booking, v.issued.voucher));
    let taken_back = milestones.iter().take(owed as usize);
    events.extend(taken_back.map(|v| VoucherRevoked { voucher: v.issued.voucher, booking }.into()));
    events
}

/// Draws from the table by weight. The booking's id is the random number, so a repeat draws the same.
fn draw(booking: BookingId, rewards: &[Reward]) -> Option<&str> {
    let total: u64 = rewards.iter().map(|r| u64::from(r.weight)).sum();
    let digest = Sha256::digest(booking.0.as_bytes());
    let ticket = digest.iter().take(8).fold(0_u64, |n, byte| (n << 8) | u64::from(*byte)).checked_rem(total)?;
    let mut passed = 0;
    rewards.iter().find_map(|r| {
        passed += u64::from(r.weight);
        (ticket < passed).then_some(r.reward.as_str())
    })
}

/// The id of the voucher that a booking leads to; always the same for the same booking. `ordinal`
/// counts the milestone vouchers of one booking, from 0.
#[must_use]
pub fn voucher_id(booking: BookingId, cause: VoucherCause, ordinal: u32) -> VoucherId {
    let cause = match cause {
        VoucherCause::Booking => "booking",
        VoucherCause::Milestone => "milestone",
    };
    VoucherId(Uuid::new_v5(&NAMESPACE, format!("voucher|{booking}|{cause}|{ordinal}").as_bytes()))
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(mut account: Account, event: &Event) -> Account {
    match event {
        Event::PointsEarned(e) => {
            account.count(e.booking, e.seats);
            account.points = account.points.saturating_add(e.points);
        }
        Event::PointsRevoked(e) => {
            let counted = account.counted.get(&e.booking).copied().unwrap_or_default();
            account.count(e.booking, if e.refund.is_some() { counted.saturating_sub(e.seats) } else { 0 });
            account.parts.extend(e.refund.map(|refund| (e.booking, refund)));
            account.points = account.points.saturating_sub(e.points);
        }
        Event::VoucherIssued(e) => {
            if e.cause == VoucherCause::Milestone {
                account.milestones += 1;
            }
            account.vouchers.insert(e.voucher, Voucher { issued: e.clone(), state: VoucherState::Issued });
        }
        Event::VoucherRedeemed(e) => set_state(&mut account, e.voucher, VoucherState::Redeemed),
        Event::VoucherRevoked(e) => {
            if account.vouchers.get(&e.voucher).is_some_and(|v| v.issued.cause == VoucherCause::Milestone) {
                account.milestones = account.milestones.saturating_sub(1);
            }
            set_state(&mut account, e.voucher, VoucherState::Revoked);
        }
        _ => {}
    }
    account
}

fn set_state(account: &mut Account, voucher: VoucherId, state: VoucherState) {
    if let Some(voucher) = account.vouchers.get_mut(&voucher) {
        voucher.state = state;
    }
}
