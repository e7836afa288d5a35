//! What a buyer has earned.

use lastseat_domain::event::{Event, RewardCode, VoucherCause};
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
    /// Its code, if it has one: it is used by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RewardCode>,
    /// Whether its code was withdrawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

impl VoucherView {
    /// Applies an event of its code's stream.
    pub(crate) fn follow(&mut self, event: &Event) {
        self.withdrawn |= matches!(event, Event::VoucherWithdrawn(_));
        let unused = if self.withdrawn { VoucherState::Revoked } else { VoucherState::Issued };
        self.state = match (event, self.state) {
            (Event::VoucherUsed(_) | Event::GoodsHandedOver(_), _) => VoucherState::Redeemed,
            (Event::VoucherFreed(_), _) | (Event::VoucherWithdrawn(_), VoucherState::Issued) => unused,
            (_, state) => state,
        };
    }

    /// Applies an event of the account. What has become of a code its own stream says.
    pub(crate) fn become_state(&mut self, state: VoucherState) {
        if self.code.is_none() {
            self.state = state;
        }
    }
}
