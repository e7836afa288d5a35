//! The commands of a booking.

use crate::Timestamp;
use crate::event::{AbortReason, BookingOpened, PricedSeat, RequestFingerprint, ReviewOutcome, Tender};
use crate::ids::{BookingId, BuyerId, IntentId, SeatId, VoucherHash};
use crate::money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What can be requested of a booking. The time is passed in, because the rules never read a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingCommand {
    /// Hold the seats.
    Open(BookingOpened),
    /// Keep it from opening: seats were locked for it, but the node that did so crashed.
    Fence {
        /// The booking. No event of its stream names it yet.
        booking: BookingId,
    },
    /// Prolong the hold.
    Extend {
        /// The current time.
        now: Timestamp,
        /// Seconds to add to the deadline.
        seconds: u32,
    },
    /// Try a payment method.
    StartPayment {
        /// The current time.
        now: Timestamp,
        /// The gateway's name for it; `None` if the buyer chooses one in the gateway's own form.
        payment_method: Option<String>,
        /// Where the bank's page sends the buyer afterwards; `None` for the gateway's usual place.
        return_url: Option<String>,
        /// The request, if it had an idempotency key.
        request: Option<RequestFingerprint>,
    },
    /// Take the payment at the till, without the gateway.
    PayAtTill {
        /// The current time.
        now: Timestamp,
        /// How it is paid for.
        tender: Tender,
        /// The request, if it had an idempotency key.
        request: Option<RequestFingerprint>,
    },
    /// Record that the buyer has to act: confirm with their bank, or use the gateway's own form.
    RequireAction {
        /// The attempt that it answered. An answer to an earlier attempt changes nothing.
        attempt: u32,
        /// The payment intent.
        intent: IntentId,
        /// The page where they confirm; `None` for the gateway's own form.
        url: Option<String>,
    },
    /// Record that the gateway declined an attempt.
    Decline {
        /// The attempt that it answered. An answer to an earlier attempt changes nothing.
        attempt: u32,
        /// The intent, if one was created.
        intent: Option<IntentId>,
        /// The gateway's code.
        code: String,
    },
    /// The gateway reserved the money: commit, or abort if the hold has expired.
    Commit {
        /// The current time.
        now: Timestamp,
        /// The payment intent.
        intent: IntentId,
        /// What was reserved.
        amount: Money,
        /// Until when it can be taken, if the gateway says so.
        capture_before: Option<Timestamp>,
    },
    /// Record that the gateway took the money.
    RecordCapture {
        /// The payment intent.
        intent: IntentId,
        /// What was taken.
        amount: Money,
        /// A number that nobody knew before: see [`PaymentCaptured`](crate::event::PaymentCaptured).
        draw: Uuid,
    },
    /// The booking is committed, but the authorisation is no longer valid: end it without a sale.
    FailCapture {
        /// The payment intent.
        intent: IntentId,
    },
    /// Lower its amount by a voucher that is reserved for it.
    ApplyVoucher {
        /// The current time.
        now: Timestamp,
        /// The voucher.
        voucher: VoucherHash,
        /// Number of the application that the voucher is reserved for.
        application: u32,
        /// By how much, in minor units.
        discount: i64,
    },
    /// Take the voucher off again.
    RemoveVoucher {
        /// The current time.
        now: Timestamp,
    },
    /// Keep a voucher that is reserved for the booking from being applied: the node that reserved it crashed, or the
    /// booking can't take it.
    FenceVoucher {
        /// The voucher.
        voucher: VoucherHash,
        /// Number of the application that it is reserved for.
        application: u32,
    },
    /// End it before the decision: the buyer cancelled, the show was cancelled, or another booking got
    /// one of the seats.
    Cancel {
        /// Which of these it was.
        reason: AbortReason,
    },
    /// End it if its deadline has passed and nothing is decided.
    Expire {
        /// The current time.
        now: Timestamp,
    },
    /// Record that the intent of the aborted booking is cancelled.
    RecordVoid {
        /// The payment intent.
        intent: IntentId,
    },
    /// Leave the payment to a person, because its outcome can't be found out.
    Flag {
        /// What is unknown.
        reason: String,
    },
    /// Record what a person found out about a flagged payment.
    Review {
        /// What follows from it.
        outcome: Review,
        /// What the gateway has taken and not returned, if it was asked after the booking was read: only it knows whether
        /// a refund that it accepted has failed since, and whether one that it seemed to refuse was made. `None`: it was
        /// not asked, or does not show the payment.
        kept: Option<Money>,
        /// What they found.
        reason: String,
        /// Subject of the manager's token.
        by: String,
    },
    /// Refund a confirmed booking.
    RequestRefund {
        /// Subject of the staff member's token.
        by: String,
    },
    /// Move a sold booking to other seats.
    RequestExchange {
        /// The seats that it gives up.
        leaves: Vec<SeatId>,
        /// The seats that it gets, at the prices of the show's revision.
        takes: Vec<PricedSeat>,
        /// The revision of the show that has these prices.
        show_revision: u64,
        /// Subject of the caller's token.
        by: String,
    },
    /// All new seats are locked: the booking has them from here on.
    DecideExchange {
        /// The number of the exchange.
        exchange: u32,
    },
    /// One of the new seats can't be had: the booking keeps those that it has.
    AbandonExchange {
        /// The number of the exchange.
        exchange: u32,
    },
    /// Give a sold booking to another buyer.
    Transfer {
        /// The other buyer.
        buyer: BuyerId,
        /// Subject of the caller's token.
        by: String,
    },
    /// Refund a part of a confirmed booking: single seats, or an amount.
    RequestPartialRefund {
        /// The seats that it gives up.
        seats: Vec<SeatId>,
        /// Minor units; what the seats are worth if none is named.
        amount: Option<i64>,
        /// Subject of the token of the person who requests it.
        by: String,
    },
    /// Record that the gateway made a partial refund.
    RecordPartialRefund {
        /// Its number.
        refund: u32,
        /// The payment intent.
        intent: IntentId,
        /// What was returned.
        amount: Money,
    },
    /// Record that the gateway returned the money that is left.
    RecordRefund {
        /// The payment intent.
        intent: IntentId,
        /// What was returned.
        amount: Money,
    },
}

/// What a person found out about a flagged payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Review {
    /// The cause is gone: the booking goes on where it stopped.
    Continue,
    /// The payment of the ended booking is settled at the gateway, by hand: nothing is left to cancel.
    Settled,
    /// The refund can't be made, and the buyer has the money back by another way: the booking ends as after
    /// a refund; of a partial one, it goes on without the seats of that.
    ReturnedElsewhere,
    /// The partial refund that was refused is not made: the booking goes on with all its seats. If the gateway has made
    /// it nevertheless, it is recorded as made.
    Abandoned,
}

impl From<ReviewOutcome> for Review {
    fn from(outcome: ReviewOutcome) -> Self {
        match outcome {
            ReviewOutcome::Continue => Self::Continue,
            ReviewOutcome::Settled => Self::Settled,
            ReviewOutcome::Abandoned => Self::Abandoned,
        }
    }
}

impl BookingCommand {
    /// The command with its time, if it has one, moved to `last` where it is earlier.
    #[must_use]
    pub(super) fn not_before(mut self, last: Timestamp) -> Self {
        if let Self::Extend { now, .. }
        | Self::StartPayment { now, .. }
        | Self::PayAtTill { now, .. }
        | Self::Commit { now, .. }
        | Self::Expire { now }
        | Self::ApplyVoucher { now, .. }
        | Self::RemoveVoucher { now } = &mut self
        {
            *now = last.max(*now);
        }
        self
    }
}
