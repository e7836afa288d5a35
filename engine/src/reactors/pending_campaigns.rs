//! The campaigns of which vouchers are missing, or are still to be withdrawn, and when they are looked at. A pure fold of
//! the log, so every node comes to the same list, also after a crash.

use super::pending_bookings::Reading;
use lastseat_domain::event::{Event, VoucherSource, VoucherWithdrawn, Withdrawal};
use lastseat_domain::{CampaignId, Envelope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A campaign with something left to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    /// When this node works on it.
    due: Timestamp,
    /// Whether its end was requested.
    ending: bool,
}

/// All of them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingCampaigns(BTreeMap<CampaignId, Pending>);

impl PendingCampaigns {
    pub(super) fn apply(&mut self, envelope: &Envelope, reading: &Reading) {
        let later = envelope.metadata.at + reading.in_progress();
        match &envelope.event {
            Event::CampaignStarted(e) => drop(self.0.insert(e.campaign, Pending { due: later, ending: false })),
            // Its vouchers are there, and are still to be withdrawn if it is ending.
            Event::CampaignCompleted(e) => self.0.retain(|campaign, pending| *campaign != e.campaign || pending.ending),
            Event::CampaignEndRequested(e) => drop(self.0.insert(e.campaign, Pending { due: later, ending: true })),
            Event::CampaignEnded(e) => drop(self.0.remove(&e.campaign)),
            event => {
                if let Some(pending) = worked_on(event).and_then(|campaign| self.0.get_mut(&campaign)) {
                    pending.due = later;
                }
            }
        }
    }

    pub(crate) fn contains(&self, campaign: &CampaignId) -> bool {
        self.0.contains_key(campaign)
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.values().map(|pending| pending.due).min()
    }

    /// Takes campaigns that are due at `now`. Each is due again at `again`, unless the log shows by then that it is done.
    pub(crate) fn take_due(&mut self, now: Timestamp, again: Timestamp) -> Vec<CampaignId> {
        let due = self.0.iter_mut().filter(|(_, pending)| pending.due <= now);
        due.map(|(campaign, pending)| {
            pending.due = again;
            *campaign
        })
        .collect()
    }

    /// After the log was read from its start: nobody works on anything.
    pub(crate) fn make_due(&mut self, now: Timestamp) {
        self.0.values_mut().for_each(|pending| pending.due = now);
    }
}

/// The campaign that somebody works on, as an event of a voucher shows.
fn worked_on(event: &Event) -> Option<CampaignId> {
    match event {
        Event::VoucherCreated(e) => match &e.source {
            VoucherSource::Campaign { campaign, .. } => Some(*campaign),
            VoucherSource::Reward { .. } => None,
        },
        Event::VoucherWithdrawn(VoucherWithdrawn { cause: Withdrawal::CampaignEnd { campaign }, .. }) => Some(*campaign),
        _ => None,
    }
}
