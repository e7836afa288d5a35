//! The campaigns of which vouchers are missing, and when they are looked at. A pure fold of the log, so every node comes
//! to the same list, also after a crash.

use super::pending_bookings::Reading;
use lastseat_domain::event::{Event, VoucherSource};
use lastseat_domain::{CampaignId, Envelope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Each with the time from which this node works on it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingCampaigns(BTreeMap<CampaignId, Timestamp>);

impl PendingCampaigns {
    pub(super) fn apply(&mut self, envelope: &Envelope, reading: &Reading) {
        let later = envelope.metadata.at + reading.in_progress();
        match &envelope.event {
            Event::CampaignStarted(e) => drop(self.0.insert(e.campaign, later)),
            Event::CampaignCompleted(e) => drop(self.0.remove(&e.campaign)),
            // Somebody works on it.
            Event::VoucherCreated(e) => {
                if let VoucherSource::Campaign { campaign, .. } = &e.source
                    && let Some(due) = self.0.get_mut(campaign)
                {
                    *due = later;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.values().min().copied()
    }

    /// Takes campaigns that are due at `now`. Each is due again at `again`, unless the log shows by then that it is done.
    pub(crate) fn take_due(&mut self, now: Timestamp, again: Timestamp) -> Vec<CampaignId> {
        let due = self.0.iter_mut().filter(|(_, due)| **due <= now);
        due.map(|(campaign, due)| {
            *due = again;
            *campaign
        })
        .collect()
    }

    /// After the log was read from its start: nobody works on anything.
    pub(crate) fn make_due(&mut self, now: Timestamp) {
        self.0.values_mut().for_each(|due| *due = now);
    }
}
