//! Vouchers whose codes need no secret.

use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{CampaignId, VoucherHash, VoucherId};

/// A voucher's hash is its campaign's id and its number, or its reward's id.
#[derive(Debug, Clone, Copy)]
pub struct PlainCodes;

impl VoucherCodes for PlainCodes {
    fn of_campaign(&self, campaign: CampaignId, number: u32) -> VoucherHash {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(campaign.0.as_bytes());
        bytes[28..].copy_from_slice(&number.to_be_bytes());
        VoucherHash::of_bytes(bytes)
    }

    fn of_reward(&self, reward: VoucherId) -> VoucherHash {
        // The last four bytes are a number of a campaign's otherwise, from 1.
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(reward.0.as_bytes());
        VoucherHash::of_bytes(bytes)
    }
}
