//! What a buyer has earned.

use lastseat_domain::event::VoucherCause;
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::{BookingId, BuyerId, VoucherId};
use serde::{Deserialize, Serialize};

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
