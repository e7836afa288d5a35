//! Events of a voucher's stream, and of the campaign that issued it. The log knows a voucher by the hash of its code.

use super::booking::RequestFingerprint;
use super::discount::Discount;
use crate::Timestamp;
use crate::ids::{BlockId, BookingId, CampaignId, CategoryId, ShowId, VoucherHash, VoucherId};
use serde::{Deserialize, Serialize};

/// What a voucher is worth, when, and for which seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherTerms {
    /// What it is worth.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub discount: Discount,
    /// How often it can be used.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub uses: u32,
    /// The first moment at which it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// The first moment at which it can't be used any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The shows that it is for; any show if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<ShowId>,
    /// The price categories that it is for; any category if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryId>,
    /// The blocks that a hold with it may buy from, as long as they are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opens: Vec<BlockId>,
}

fn is_nothing(discount: &Discount) -> bool {
    *discount == Discount::Nothing
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_once(uses: &u32) -> bool {
    *uses == 1
}

/// Where a voucher comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherSource {
    /// One of a campaign's.
    Campaign {
        /// The campaign.
        campaign: CampaignId,
        /// Which of its vouchers, from 1.
        number: u32,
    },
    /// A reward's code. `VoucherIssued` follows on the buyer's account.
    Reward {
        /// The reward.
        reward: VoucherId,
    },
}

/// There is a voucher with this code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherCreated {
    /// The voucher.
    pub voucher: VoucherHash,
    /// What it is worth.
    pub terms: VoucherTerms,
    /// Where it comes from.
    pub source: VoucherSource,
}

/// A booking has the voucher, and no other booking can have this use of it. Written before `VoucherApplied`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherReserved {
    /// The voucher.
    pub voucher: VoucherHash,
    /// The booking.
    pub booking: BookingId,
    /// Number of the application to the booking that it is reserved for.
    pub application: u32,
}

/// The booking has given it back: it has ended, or the application was removed or never took place. Or its refund
/// returned the voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherFreed {
    /// The voucher.
    pub voucher: VoucherHash,
    /// The booking.
    pub booking: BookingId,
    /// Number of the application that has ended.
    pub application: u32,
}

/// The booking was paid: this use of the voucher is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherUsed {
    /// The voucher.
    pub voucher: VoucherHash,
    /// The booking.
    pub booking: BookingId,
    /// Number of the application.
    pub application: u32,
}

/// Nobody can reserve it, or have its goods, any more. A booking that has it keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherWithdrawn {
    /// The voucher.
    pub voucher: VoucherHash,
    /// Why. Its members are the event's.
    #[serde(flatten)]
    pub cause: Withdrawal,
}

/// Why a voucher is withdrawn. A program that knows no other cause than a refund can't read the other events: it then
/// refuses the voucher, and does not take it for one that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Withdrawal {
    /// The booking that earned it was refunded.
    Refund {
        /// That booking.
        booking: BookingId,
    },
    /// Its campaign was ended. Who did it is on the campaign's stream.
    CampaignEnd {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Staff have withdrawn this one.
    Staff {
        /// Subject of the token of the person who did.
        by: String,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Staff have handed over what the voucher is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodsHandedOver {
    /// The voucher.
    pub voucher: VoucherHash,
    /// Subject of the token of the person who did.
    pub by: String,
}

/// Vouchers with the same terms are issued. Each then gets a stream of its own; what is missing is completed, not undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignStarted {
    /// The campaign.
    pub campaign: CampaignId,
    /// What each of its vouchers is worth.
    pub terms: VoucherTerms,
    /// How many vouchers there are.
    pub count: u32,
    /// The voucher with number 1. A node with another secret finds other codes, and sees by this that they are wrong.
    pub first: VoucherHash,
    /// Subject of the caller's token.
    pub by: String,
    /// The request, if it had an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestFingerprint>,
}

/// Each voucher of the campaign has its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCompleted {
    /// The campaign.
    pub campaign: CampaignId,
}

/// None of the campaign's vouchers is to be used any more. Each of them is withdrawn then, on its own stream; what is
/// missing is completed, not undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignEndRequested {
    /// The campaign.
    pub campaign: CampaignId,
    /// Subject of the caller's token.
    pub by: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Each voucher of the campaign is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignEnded {
    /// The campaign.
    pub campaign: CampaignId,
}
