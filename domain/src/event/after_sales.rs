//! Events of a booking's stream that change what it costs, who has it, or which seats it has.

use super::booking::PricedSeat;
use crate::ids::{BookingId, BuyerId, IntentId, SeatId, VoucherHash};
use crate::money::Money;
use serde::{Deserialize, Serialize};

/// A voucher lowers the amount of a held booking. At most one at a time, and only before the first attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherApplied {
    /// The booking.
    pub booking: BookingId,
    /// The voucher. Its own stream has reserved it for this booking.
    pub voucher: VoucherHash,
    /// Number of this application of a voucher to the booking, from 1.
    pub application: u32,
    /// By how much, in minor units; at most the booking's amount.
    pub discount: i64,
}

/// The voucher is taken off the booking again, which costs its whole amount. Or it was reserved for the booking, but
/// a crash kept it from being applied: this application then never follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRemoved {
    /// The booking.
    pub booking: BookingId,
    /// The voucher, which is to be freed.
    pub voucher: VoucherHash,
    /// Number of the application that has ended.
    pub application: u32,
}

/// A confirmed booking is to be moved to other seats. Written before the new seats are locked, so that a node that
/// finds them locked knows why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRequested {
    /// The booking.
    pub booking: BookingId,
    /// Number of this exchange of the booking, from 1.
    pub exchange: u32,
    /// Revision of the event in the show's stream that has the prices of the new seats.
    #[serde(default)]
    pub show_revision: u64,
    /// The seats that it gives up, sorted.
    pub leaves: Vec<SeatId>,
    /// The seats that it gets, sorted, with their prices. They cost no more than those that it gives up.
    pub takes: Vec<PricedSeat>,
    /// Subject of the token of the person who requested it.
    pub by: String,
}

/// The decision: all new seats are locked, and the booking has them from here on. What is missing (marking them as
/// booked, releasing the old ones) is completed, not undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingExchanged {
    /// The booking.
    pub booking: BookingId,
    /// Number of the exchange.
    pub exchange: u32,
}

/// The exchange does not take place: the booking keeps its seats, and those that were locked for it are to be released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeAbandoned {
    /// The booking.
    pub booking: BookingId,
    /// Number of the exchange.
    pub exchange: u32,
}

/// The booking belongs to another buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingTransferred {
    /// The booking.
    pub booking: BookingId,
    /// The buyer who has it from here on.
    pub buyer: BuyerId,
    /// Subject of the token of the person who requested it.
    pub by: String,
}

/// Part of what a confirmed booking has cost is to be returned. Written before the gateway is called, so that the
/// refund is completed after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRefundRequested {
    /// The booking.
    pub booking: BookingId,
    /// Number of this refund of the booking, from 1. A refund of the whole booking has the number after the last.
    pub refund: u32,
    /// The seats that it gives up, sorted; none if only an amount is returned. At least one seat stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatId>,
    /// What is returned. At least one minor unit of what was taken stays.
    pub amount: Money,
    /// Subject of the token of the person who requested it.
    pub by: String,
}

/// Part of the money was returned. The seats that were given up for it are released next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPartlyRefunded {
    /// The booking.
    pub booking: BookingId,
    /// Number of the refund.
    pub refund: u32,
    /// The booking's payment intent.
    pub intent: IntentId,
    /// What was returned.
    pub amount: Money,
}
