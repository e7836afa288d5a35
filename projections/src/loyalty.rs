//! The loyalty account of every buyer.

use crate::view::View;
use lastseat_domain::event::{Event, VoucherCause};
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::{BookingId, BuyerId, Envelope, VoucherId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a buyer has earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewardsView {
    /// Whose it is.
    pub buyer: BuyerId,
    /// Seats counted, after what refunds took back.
    pub seats: u32,
    /// Points, after what refunds took back.
    pub points: u32,
    /// All vouchers ever issued, newest first.
    pub vouchers: Vec<VoucherView>,
}

/// A voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherView {
    /// Its id.
    pub voucher: VoucherId,
    /// What it was issued for.
    pub cause: VoucherCause,
    /// What it is good for.
    pub reward: String,
    /// Whether it can still be used.
    pub state: VoucherState,
    /// Whose payment led to it.
    pub booking: BookingId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    seats: u32,
    points: u32,
    /// Oldest first.
    vouchers: Vec<VoucherView>,
}

/// The view.
#[derive(Default)]
pub(crate) struct Loyalty {
    accounts: BTreeMap<BuyerId, Account>,
}

impl View for Loyalty {
    const NAME: &'static str = "loyalty";
    const SCHEMA: u32 = 1;
    type Content = BTreeMap<BuyerId, Account>;

    fn apply(&mut self, envelope: &Envelope) {
        let ours = matches!(
            envelope.event,
            Event::PointsEarned(_)
                | Event::PointsRevoked(_)
                | Event::VoucherIssued(_)
                | Event::VoucherRevoked(_)
                | Event::VoucherRedeemed(_)
        );
        if !ours {
            return;
        }
        let Some(buyer) = envelope.stream.as_loyalty() else { return };
        let account = self.accounts.entry(buyer).or_default();
        match &envelope.event {
            Event::PointsEarned(e) => {
                account.seats = account.seats.saturating_add(e.seats);
                account.points = account.points.saturating_add(e.points);
            }
            Event::PointsRevoked(e) => {
                account.seats = account.seats.saturating_sub(e.seats);
                account.points = account.points.saturating_sub(e.points);
            }
            Event::VoucherIssued(e) => account.vouchers.push(VoucherView {
                voucher: e.voucher,
                cause: e.cause,
                reward: e.reward.clone(),
                state: VoucherState::Issued,
                booking: e.booking,
            }),
            Event::VoucherRevoked(e) => account.set(e.voucher, VoucherState::Revoked),
            Event::VoucherRedeemed(e) => account.set(e.voucher, VoucherState::Redeemed),
            _ => {}
        }
    }

    fn content(&self) -> Self::Content {
        self.accounts.clone()
    }

    fn restore(accounts: Self::Content) -> Result<Self, String> {
        Ok(Self { accounts })
    }
}

impl Account {
    fn set(&mut self, voucher: VoucherId, state: VoucherState) {
        if let Some(voucher) = self.vouchers.iter_mut().rev().find(|v| v.voucher == voucher) {
            voucher.state = state;
        }
    }
}

impl Loyalty {
    /// What a buyer has earned; nothing, for a buyer who was never counted.
    pub fn of(&self, buyer: &BuyerId) -> RewardsView {
        let account = self.accounts.get(buyer);
        RewardsView {
            buyer: buyer.clone(),
            seats: account.map_or(0, |a| a.seats),
            points: account.map_or(0, |a| a.points),
            vouchers: account.map_or_else(Vec::new, |a| a.vouchers.iter().rev().cloned().collect()),
        }
    }
}
