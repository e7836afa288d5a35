//! Vouchers whose codes need no secret.

use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{CampaignId, VoucherHash};

/// A voucher's hash is its campaign's id and its number.
#[derive(Debug, Clone, Copy)]
pub struct PlainCodes;

impl VoucherCodes for PlainCodes {
    fn of_campaign(&self, campaign: CampaignId, number: u32) -> VoucherHash {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(campaign.0.as_bytes());
        bytes[28..].copy_from_slice(&number.to_be_bytes());
        VoucherHash::of_bytes(bytes)
    }
}
