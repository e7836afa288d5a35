//! A loyalty account, as its events describe it.

use super::draw::{BOOKING_VOUCHER_SEATS, voucher_id};
use crate::event::{Event, RewardCode, VoucherCause, VoucherIssued};
use crate::ids::{BookingId, VoucherHash, VoucherId};
use std::collections::{BTreeMap, BTreeSet};

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
    pub vouchers: BTreeMap<VoucherId, IssuedReward>,
    /// Milestone vouchers issued and not taken back.
    pub milestones: u32,
    /// Points, after what was taken back.
    pub points: u32,
}

/// A reward as it was issued to the account. If it has a code, the voucher with that code has a stream of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedReward {
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

    /// The code of a reward, if it has one.
    pub(super) fn code_of(&self, voucher: VoucherId) -> Option<&RewardCode> {
        self.vouchers.get(&voucher)?.issued.code.as_ref()
    }

    /// The voucher that a booking's refund costs it, unless that was used: its own, if what is left of the booking is not
    /// worth it. `part`: a partial refund's number, and the seats that it gave up.
    pub(super) fn lost_by(&self, booking: BookingId, part: Option<(u32, u32)>) -> Option<&IssuedReward> {
        let counted = self.counted.get(&booking).copied().unwrap_or_default();
        let left = part.map_or(0, |(_, seats)| counted.saturating_sub(seats));
        let done = part.is_some_and(|(refund, _)| self.parts.contains(&(booking, refund)));
        if done || left >= BOOKING_VOUCHER_SEATS {
            return None;
        }
        let own = self.vouchers.get(&voucher_id(booking, VoucherCause::Booking, 0))?;
        (own.state == VoucherState::Issued).then_some(own)
    }

    /// The voucher that has to be withdrawn before a refund is taken back from the account. `part`: a partial refund's
    /// number, and the seats that it gave up.
    #[must_use]
    pub fn to_withdraw(&self, booking: BookingId, part: Option<(u32, u32)>) -> Option<&VoucherHash> {
        self.lost_by(booking, part)?.issued.code.as_ref().map(|code| &code.hash)
    }
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
            account.vouchers.insert(e.voucher, IssuedReward { issued: e.clone(), state: VoucherState::Issued });
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
