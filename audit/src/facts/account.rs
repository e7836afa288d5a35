//! Loyalty accounts and what they have earned.

use super::voucher::VoucherFact;
use lastseat_domain::event::VoucherCause;
use lastseat_domain::loyalty::VoucherState;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Timestamp, VoucherHash, VoucherId};
use std::collections::{BTreeMap, HashMap};

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Rewards {
    pub accounts: HashMap<BuyerId, Account>,
    pub vouchers: HashMap<VoucherId, Voucher>,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub seats: u32,
    /// Milestone vouchers issued and not taken back.
    pub milestones: u32,
    /// Those of them that were not used.
    pub unused: u32,
    /// Its last event.
    pub at: Option<Timestamp>,
    pub position: Position,
}

#[derive(Debug)]
pub(crate) struct Voucher {
    pub booking: BookingId,
    pub cause: VoucherCause,
    pub state: VoucherState,
    pub position: Position,
    pub buyer: BuyerId,
    /// Its code, if it has one.
    pub code: Option<VoucherHash>,
}

impl Rewards {
    /// `codes`: what has become of a reward with a code, its own stream says.
    pub fn count_vouchers(&self, codes: &HashMap<VoucherHash, VoucherFact>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("issued", 0), ("redeemed", 0), ("revoked", 0)]);
        for voucher in self.vouchers.values() {
            let used = voucher.code.as_ref().and_then(|code| codes.get(code)).is_some_and(VoucherFact::is_used);
            let name = match voucher.state {
                _ if used => "redeemed",
                VoucherState::Issued => "issued",
                VoucherState::Redeemed => "redeemed",
                VoucherState::Revoked => "revoked",
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}
