//! Events of a loyalty account's stream, and what they have in common with a show's rewards.

use super::discount::Discount;
use crate::ids::{BookingId, BuyerId, ShowId, VoucherHash, VoucherId};
use serde::{Deserialize, Serialize};

/// One line of a show's reward table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// What the voucher is good for, 1 to 200 bytes.
    pub reward: String,
    /// How often it is drawn, relative to the others; at least 1.
    pub weight: u32,
    /// What its code is worth. `None`: it has no code, and is redeemed on the buyer's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// A reward's code: a voucher with a stream of its own, as one of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardCode {
    /// The voucher with this code.
    pub hash: VoucherHash,
    /// What it is worth, from the show's reward table.
    pub discount: Discount,
}

/// A confirmed booking was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsEarned {
    /// The booking that was counted.
    pub booking: BookingId,
    /// Its show.
    pub show: ShowId,
    /// Number of its seats.
    pub seats: u32,
    /// Points for these seats.
    pub points: u32,
}

/// A counted booking was refunded, or seats of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsRevoked {
    /// The refunded booking.
    pub booking: BookingId,
    /// Number of seats that no longer count.
    pub seats: u32,
    /// Points that were taken back.
    pub points: u32,
    /// The number of the partial refund that gave the seats up. `None`: the whole booking was refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<u32>,
}

/// Why a voucher was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherCause {
    /// For a booking of three or more seats.
    Booking,
    /// For every ten seats over time.
    Milestone,
}

/// A reward, issued once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherIssued {
    /// The voucher; derived from booking and cause, so that a repeat issues the same one.
    pub voucher: VoucherId,
    /// The booking whose payment led to it.
    pub booking: BookingId,
    /// The owner.
    pub buyer: BuyerId,
    /// Why it was issued.
    pub cause: VoucherCause,
    /// What it is good for, from the show's reward table.
    pub reward: String,
    /// Its code, if it is worth something. That voucher was created before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RewardCode>,
}

/// An unused voucher was taken back because its booking was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRevoked {
    /// The voucher.
    pub voucher: VoucherId,
    /// The refunded booking.
    pub booking: BookingId,
}

/// A voucher was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRedeemed {
    /// The voucher.
    pub voucher: VoucherId,
}
