//! Vouchers, and campaigns that make them.

use lastseat_domain::event::VoucherTerms;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, CampaignId, Timestamp, VoucherId};
use std::sync::Arc;

/// A campaign.
#[derive(Debug)]
pub(crate) struct CampaignFact {
    pub terms: Arc<VoucherTerms>,
    pub count: u32,
    /// How many of its vouchers are there.
    pub created: u32,
    pub completed: bool,
    /// Whether its end was requested.
    pub ending: bool,
    /// How many of its vouchers are withdrawn, for whatever cause.
    pub withdrawn: u32,
    pub ended: bool,
}

impl CampaignFact {
    pub fn new(terms: Arc<VoucherTerms>, count: u32) -> Self {
        Self { terms, count, created: 0, completed: false, ending: false, withdrawn: 0, ended: false }
    }
}

/// A voucher.
#[derive(Debug)]
pub(crate) struct VoucherFact {
    pub terms: Arc<VoucherTerms>,
    /// The bookings that have it.
    pub claims: Vec<Claim>,
    /// How often its goods were handed over.
    pub handed_over: u32,
    /// What it is the code of, if no campaign's.
    pub reward: Option<Box<CodeOfReward>>,
    /// Which campaign's it is, if no reward's.
    pub campaign: Option<CampaignId>,
    /// Whether it was withdrawn, for whatever cause.
    pub withdrawn: bool,
}

impl VoucherFact {
    pub fn of_campaign(terms: Arc<VoucherTerms>, campaign: CampaignId) -> Self {
        Self { terms, claims: Vec::new(), handed_over: 0, reward: None, campaign: Some(campaign), withdrawn: false }
    }

    pub fn of_reward(terms: Arc<VoucherTerms>, code: CodeOfReward) -> Self {
        let reward = Some(Box::new(code));
        Self { terms, claims: Vec::new(), handed_over: 0, reward, campaign: None, withdrawn: false }
    }

    /// Whether it was paid with, or its goods were handed over.
    pub fn is_used(&self) -> bool {
        self.handed_over > 0 || self.claims.iter().any(|claim| claim.used)
    }
}

/// A voucher that is the code of a reward.
#[derive(Debug)]
pub(crate) struct CodeOfReward {
    pub reward: VoucherId,
    /// Whether an account says that it was issued.
    pub issued: bool,
    /// When and where it was created.
    pub since: Timestamp,
    pub position: Position,
    /// How it was when it was withdrawn for the refund of the booking that earned it.
    pub withdrawn: Option<WithdrawnAs>,
}

/// How a voucher was when it was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithdrawnAs {
    Unused,
    Used,
}

/// A booking that has a voucher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub booking: BookingId,
    /// Number of the application to the booking.
    pub application: u32,
    pub used: bool,
    /// When and where it was reserved.
    pub since: Timestamp,
    pub position: Position,
}
