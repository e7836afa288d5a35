//! Vouchers, and campaigns that make them.

use lastseat_domain::event::VoucherTerms;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, Timestamp, VoucherId};
use std::sync::Arc;

/// A campaign.
#[derive(Debug)]
pub(crate) struct CampaignFact {
    pub terms: Arc<VoucherTerms>,
    pub count: u32,
    /// How many of its vouchers are there.
    pub created: u32,
    pub completed: bool,
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
}

impl VoucherFact {
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
