//! The pending bookings as a snapshot of the node's state has them.

use super::entry::Entry;
use super::schedule::Schedule;
use super::{Credit, PendingBookings, RefundKey, Revoke};
use crate::reactors::confirmed_bookings::ConfirmedBookings;
use crate::reactors::pending_blocks::{PendingBlocks, PendingBlocksSnapshot};
use crate::reactors::pending_campaigns::PendingCampaigns;
use crate::reactors::show_refunds::{ShowRefunds, ShowRefundsSnapshot};
use lastseat_domain::{BookingId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The pending bookings as a snapshot has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PendingSnapshot {
    open: Vec<(BookingId, Entry)>,
    credits: BTreeMap<BookingId, Credit>,
    revokes: BTreeMap<RefundKey, Revoke>,
    confirmed: ConfirmedBookings,
    returning: BTreeSet<BookingId>,
    blocks: PendingBlocksSnapshot,
    #[serde(default)]
    show_refunds: ShowRefundsSnapshot,
    campaigns: PendingCampaigns,
}

impl PendingSnapshot {
    /// What is wrong with those that were read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.confirmed.check()
    }

    /// How many of them have something left to be done.
    pub(crate) fn unfinished(&self) -> usize {
        self.open.len()
    }
}

impl PendingBookings {
    /// What a snapshot keeps. Copies what is under way; what is finished stays shared until it changes.
    pub(crate) fn take_snapshot(&self) -> PendingSnapshot {
        PendingSnapshot {
            open: self.schedule.take_snapshot(),
            credits: self.credits.clone(),
            revokes: self.revokes.clone(),
            confirmed: self.confirmed.clone(),
            returning: self.returning.clone(),
            blocks: self.blocks.take_snapshot(),
            show_refunds: self.show_refunds.take_snapshot(),
            campaigns: self.campaigns.clone(),
        }
    }

    /// The pending bookings of a snapshot. `now`: when what was being looked at then is due.
    pub(crate) fn restore(snapshot: PendingSnapshot, now: Timestamp) -> Self {
        let PendingSnapshot { open, credits, revokes, confirmed, returning, blocks, show_refunds, campaigns } = snapshot;
        let blocks = PendingBlocks::restore(blocks);
        let show_refunds = ShowRefunds::restore(show_refunds, now);
        let schedule = Schedule::restore(open, now);
        Self { schedule, credits, revokes, confirmed, returning, blocks, show_refunds, campaigns }
    }
}

#[cfg(test)]
impl PendingSnapshot {
    /// What a snapshot that forgets one part has.
    pub(crate) fn forget(&mut self, part: &str) {
        match part {
            "open" => self.open.clear(),
            "credits" => self.credits.clear(),
            "revokes" => self.revokes.clear(),
            "confirmed" => self.confirmed = ConfirmedBookings::default(),
            "counted" => self.confirmed.count_all(),
            "returning" => self.returning.clear(),
            "campaigns" => self.campaigns = PendingCampaigns::default(),
            "vouchers" => self.open.iter_mut().for_each(|(_, entry)| entry.vouchers.clear()),
            "to_return" => self.open.iter_mut().for_each(|(_, entry)| entry.to_return = false),
            "blocks" => self.blocks = PendingBlocksSnapshot::default(),
            "show_refunds" => self.show_refunds = ShowRefundsSnapshot::default(),
            "to_free" => self.open.iter_mut().for_each(|(_, entry)| entry.to_free = 0),
            "locked" => self.open.iter_mut().for_each(|(_, entry)| entry.locked.clear()),
            _ => panic!("no part {part}"),
        }
    }
}
