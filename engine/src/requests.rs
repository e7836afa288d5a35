//! What callers ask of the box office, and what it answers.

use crate::origin::Origin;
use lastseat_domain::block::Block;
use lastseat_domain::booking::{Booking, Review};
use lastseat_domain::campaign::Campaign;
use lastseat_domain::event::{RequestFingerprint, ShopData, Tender, VoucherTerms};
use lastseat_domain::{
    AccessCodeHash, AreaId, BlockId, BookingId, BuyerId, CampaignId, CategoryId, ChannelId, PriceTypeId, SeatId, SeatState,
    Secret, ShowId, VoucherHash,
};

/// Which seats a hold is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatSelection {
    /// These, all or none.
    Seats(Vec<SeatId>),
    /// Any of an unlabelled area.
    Any { area: AreaId, quantity: u32 },
    /// The best side by side in a category.
    BestAvailable { category: CategoryId, quantity: u32 },
}

impl SeatSelection {
    #[must_use]
    pub fn quantity(&self) -> u64 {
        match self {
            Self::Seats(seats) => seats.len() as u64,
            Self::Any { quantity, .. } | Self::BestAvailable { quantity, .. } => u64::from(*quantity),
        }
    }
}

/// Which of its category's prices each seat of a hold has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PriceTypeChoice {
    /// The first.
    #[default]
    First,
    /// These, for these seats; the others have the first.
    BySeat(Vec<(SeatId, PriceTypeId)>),
    /// So many seats of each, in the order of the plan; what is left over has the first.
    Counts(Vec<(PriceTypeId, u32)>),
}

#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The booking to open: new, or [`BookingId::from_key`].
    pub booking: BookingId,
    pub show: ShowId,
    pub selection: SeatSelection,
    pub price_types: PriceTypeChoice,
    pub buyer: BuyerId,
    /// The voucher that it sends for the blocks that this opens. The booking gets it, or is over.
    pub voucher: Option<VoucherHash>,
    /// What the shop wants to find the booking by.
    pub shop: ShopData,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    /// Its place in a trace, as the metadata of events has it.
    pub trace: Option<String>,
}

impl HoldRequest {
    /// A hold at the first price of each seat, without an idempotency key.
    #[must_use]
    pub fn new(booking: BookingId, show: ShowId, selection: SeatSelection, buyer: BuyerId) -> Self {
        Self {
            booking,
            show,
            selection,
            price_types: PriceTypeChoice::First,
            buyer,
            voucher: None,
            shop: ShopData::default(),
            fingerprint: None,
            trace: None,
        }
    }
}

/// Which seats a block is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockSelection {
    Seats(Vec<SeatId>),
    /// Any of an unlabelled area.
    Any {
        area: AreaId,
        quantity: u32,
    },
}

#[derive(Debug, Clone)]
pub struct BlockRequest {
    /// The block to open: new, or that of the request's idempotency key.
    pub block: BlockId,
    pub show: ShowId,
    pub selection: BlockSelection,
    /// Whatever of these is free, and not all or none.
    pub partial: bool,
    /// For staff.
    pub reason: String,
    pub channel: Option<ChannelId>,
    pub access_code: Option<AccessCodeHash>,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    pub origin: Origin,
}

/// A block that was opened.
#[derive(Debug, Clone)]
pub struct OpenedBlock {
    pub block: Block,
    /// The seats that were named and are not in it.
    pub taken: Vec<SeatInState>,
    /// Whether an earlier request under the same idempotency key opened it.
    pub replayed: bool,
}

/// A seat and its state as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatInState {
    pub seat: SeatId,
    pub state: SeatState,
}

/// A block with the seats that it still has.
#[derive(Debug, Clone)]
pub struct BlockStatus {
    pub block: Block,
    /// Every seat that it was opened with, and its state as this node knows it: `Unavailable` in the block, all else
    /// bought from it.
    pub seats: Vec<SeatInState>,
}

#[derive(Debug, Clone)]
pub struct CampaignRequest {
    /// The campaign to start: new, or that of the request's idempotency key.
    pub campaign: CampaignId,
    pub terms: VoucherTerms,
    /// How many vouchers.
    pub count: u32,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    pub origin: Origin,
}

/// A campaign, and how many of its vouchers are there for certain.
#[derive(Debug, Clone)]
pub struct CampaignStatus {
    pub campaign: Campaign,
    pub issued: u32,
}

/// An open booking.
#[derive(Debug, Clone)]
pub struct Hold {
    pub booking: Booking,
    /// Whether an earlier request under the same idempotency key opened it.
    pub replayed: bool,
}

/// How the buyer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayWith {
    /// With the method of this name at the gateway.
    Method(String),
    /// With one that the buyer chooses in the gateway's own form.
    ClientSide,
    /// At the till. Only for staff, which the API checks.
    AtTill(Tender),
    /// As before: the buyer has acted, and wants to know how it went.
    Continue,
}

impl From<Option<String>> for PayWith {
    /// A request that names a method pays with it; one that names none continues.
    fn from(method: Option<String>) -> Self {
        method.map_or(Self::Continue, Self::Method)
    }
}

#[derive(Debug, Clone)]
pub struct PayRequest {
    pub pay_with: PayWith,
    /// Where the bank's page sends the buyer afterwards, if it is paid with a method.
    pub return_url: Option<String>,
    /// The request, if it carried an idempotency key.
    pub fingerprint: Option<RequestFingerprint>,
    pub origin: Origin,
}

/// Other seats for a sold booking.
#[derive(Debug, Clone)]
pub struct ExchangeRequest {
    /// The seats that it gives up.
    pub leaves: Vec<SeatId>,
    /// As many others, each at the price of this type or at the first.
    pub takes: Vec<(SeatId, Option<PriceTypeId>)>,
    pub origin: Origin,
}

/// What the buyer has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuyerAction {
    /// Visit this page of their bank.
    Redirect { url: String },
    /// Finish in the gateway's own form, in their browser.
    ConfirmClientSide { client_secret: Secret },
}

/// A part of a confirmed booking that is to be given back.
#[derive(Debug, Clone)]
pub struct PartialRefundRequest {
    /// The seats that it gives up.
    pub seats: Vec<SeatId>,
    /// Minor units; what the seats are worth if none is named.
    pub amount: Option<i64>,
    pub origin: Origin,
}

/// What a manager found out about a flagged payment.
#[derive(Debug, Clone)]
pub struct ReviewRequest {
    pub outcome: Review,
    /// In their words.
    pub reason: String,
    pub origin: Origin,
}

/// State of a payment. A decline is a rejection.
#[derive(Debug, Clone)]
pub enum Paid {
    /// Booked and paid.
    Confirmed(Booking),
    /// The buyer has to act first, then continue.
    ActionRequired { booking: Booking, action: BuyerAction },
    /// The gateway has not answered yet; the booking process goes on.
    Pending(Booking),
}
