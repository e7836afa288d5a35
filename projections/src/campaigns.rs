//! Campaigns of vouchers, and what has become of these.

use lastseat_domain::event::{CampaignStarted, Event};
use lastseat_domain::{CampaignId, Envelope, Timestamp};
use serde::{Deserialize, Serialize};

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignView {
    /// What it issues.
    pub started: CampaignStarted,
    pub started_at: Timestamp,
    /// Whether all its vouchers are there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completed: bool,
    /// Its end, once somebody has requested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CampaignEndView>,
    /// What has become of its vouchers. Stored beside the rest, because it changes with every use.
    #[serde(skip)]
    pub counts: CampaignCounts,
}

/// The end of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignEndView {
    /// Subject of the token of the person who requested it.
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub requested_at: Timestamp,
    /// Whether all its vouchers are withdrawn.
    pub reached: bool,
}

/// What has become of a campaign's vouchers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CampaignCounts {
    /// Vouchers that are there.
    pub issued: u32,
    /// How often they were used: by bookings that were paid, or to hand over goods.
    pub used: u32,
    /// Bookings that have one and are not paid.
    pub reserved: u32,
    /// Vouchers that are withdrawn, used or not.
    pub withdrawn: u32,
}

impl CampaignView {
    /// The campaign that an event starts.
    pub(crate) fn started_by(envelope: &Envelope) -> Option<Self> {
        let Event::CampaignStarted(started) = &envelope.event else { return None };
        let (started, started_at) = (started.clone(), envelope.metadata.at);
        Some(Self { started, started_at, completed: false, end: None, counts: CampaignCounts::default() })
    }

    /// The campaign that an event changes.
    pub(crate) fn changed_by(event: &Event) -> Option<CampaignId> {
        match event {
            Event::CampaignCompleted(e) => Some(e.campaign),
            Event::CampaignEndRequested(e) => Some(e.campaign),
            Event::CampaignEnded(e) => Some(e.campaign),
            _ => None,
        }
    }

    /// Applies an event of its stream.
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::CampaignCompleted(_) => self.completed = true,
            Event::CampaignEndRequested(e) => {
                let (by, reason, requested_at) = (e.by.clone(), e.reason.clone(), envelope.metadata.at);
                self.end.get_or_insert(CampaignEndView { by, reason, requested_at, reached: false });
            }
            Event::CampaignEnded(_) => {
                if let Some(end) = &mut self.end {
                    end.reached = true;
                }
            }
            _ => {}
        }
    }
}
