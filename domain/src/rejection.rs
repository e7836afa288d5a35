//! The rules' ways of saying no. One name a reason; its code is stable and part of the API.
//!
//! A rejection is an answer. That something could not be done for want of disk or network is a
//! fault and travels apart (see [`crate::ports`]).

use crate::Timestamp;
use crate::event::AbortReason;
use crate::ids::{AreaId, CategoryId, SeatId, ShowId, VoucherId};
use crate::seat_state::SeatState;

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })? = $code:literal, $text:literal;)*) => {
        /// Why a command is refused. `Display` says what the caller can do.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {
            $($(#[$doc])* #[error($text)] $name $({ $($(#[$fdoc])* $field: $ty),* })?,)*
        }

        impl Rejection {
            /// The stable code, part of the API.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(rejections!(@pattern $name $({ $($field),* })?) => $code,)* }
            }

            /// Every code with its text, for the documentation.
            pub const CODES: &'static [(&'static str, &'static str)] = &[$(($code, $text)),*];
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident { $($field:ident),* }) => { Self::$name { .. } };
}

rejections! {
    // Shows.
    /// No such show.
    ShowNotFound = "show_not_found", "There is no such show. GET /v1/shows lists them.";
    /// Another show has this id.
    ShowExists { /// Which.
        show: ShowId } = "show_exists", "There is another show `{show}`. Choose another id.";
    /// The show makes no sense.
    InvalidShow { /// Which part.
        field: &'static str, /// What is wrong with it.
        why: String } = "invalid_show", "Invalid show: {why}.";
    /// Too early.
    SaleNotOpen { /// Which.
        show: ShowId, /// When to come back.
        opens_at: Timestamp } = "sale_not_open", "The sale of `{show}` opens at {opens_at}. Ask again then.";
    /// Too late.
    SaleClosed { /// Which.
        show: ShowId, /// Since when.
        closed_at: Timestamp } = "sale_closed", "The sale of `{show}` closed at {closed_at}.";
    /// An admin paused the sale.
    SalesPaused { /// Which.
        show: ShowId } = "sales_paused", "The sale of `{show}` is paused. Ask again later.";
    /// The show is off.
    ShowCancelled { /// Which.
        show: ShowId } = "show_cancelled", "`{show}` was cancelled. Nothing is sold for it.";

    // Asking for seats.
    /// Nothing asked for, or too much.
    TooManySeats { /// What was asked for.
        asked: u64, /// The most.
        most: u32 } = "too_many_seats", "{asked} seats are too many; one booking may have {most}. Ask for fewer.";
    /// Zero seats, or less.
    InvalidQuantity { /// The most.
        most: u32 } = "invalid_quantity", "The quantity must be a whole number from 1 to {most}.";
    /// One seat named twice.
    DuplicateSeats { /// Which.
        seat: SeatId } = "duplicate_seats", "Seat `{seat}` is named twice. Name each seat once.";
    /// The show has no such seat.
    UnknownSeat { /// What was asked for.
        seat: String } = "unknown_seat", "The show has no seat `{seat}`. GET /v1/shows/…/seats lists them.";
    /// The show has no such unlabelled area.
    UnknownArea { /// What was asked for.
        area: AreaId } = "unknown_area", "The show has no area `{area}` that is sold by quantity. Its seats answer lists the areas.";
    /// The show has no labelled seats of this category.
    UnknownCategory { /// What was asked for.
        category: CategoryId } = "unknown_category", "The show has no labelled seats of category `{category}`.";
    /// The buyer has as many as allowed.
    BuyerLimit { /// The most.
        most: u32, /// What the buyer holds or has booked.
        have: u32 } = "buyer_limit", "One buyer may have {most} seats of this show; you have {have}. Ask for fewer, or cancel a booking.";
    /// Somebody has it.
    SeatUnavailable { /// Which.
        seat: SeatId, /// Whether it may come free.
        state: SeatState, /// When it may come free, if it is only held.
        free_at: Option<Timestamp>, /// Log position of the event that took it, where that is known.
        position: Option<u64> } = "seat_unavailable", "Seat `{seat}` is taken. Choose another one.";
    /// Some are free, fewer than asked for or not side by side.
    NotEnoughTogether { /// How many are free.
        available: u32 } = "seat_unavailable", "{available} seats are free, but not as asked for. Ask for fewer.";
    /// None is left.
    SoldOut { /// When one may come free, if some are only held.
        free_at: Option<Timestamp> } = "sold_out", "Nothing is left of what you asked for.";

    // Idempotency.
    /// The key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", "This Idempotency-Key was used for a request with another body. Use a new key for a new request.";

    // Bookings.
    /// No such booking, or another's.
    BookingNotFound = "booking_not_found", "There is no such booking, or it is not yours.";
    /// Ended without a sale.
    BookingOver { /// Why.
        reason: AbortReason } = "booking_over", "The booking is over and its seats are free again. Book anew.";
    /// Extended before.
    AlreadyExtended = "already_extended", "The hold was extended once, which is all that is allowed. Pay before it ends.";
    /// Sold; only a refund undoes that.
    AlreadyConfirmed = "already_confirmed", "The booking is confirmed. Only a refund by an admin undoes it.";
    /// Refunded.
    AlreadyRefunded = "already_refunded", "The booking was refunded.";
    /// Not sold yet.
    NotConfirmed = "not_confirmed", "Only a confirmed booking can be refunded. Cancel it instead.";

    // Payment.
    /// An attempt is under way.
    PaymentInProgress = "payment_in_progress", "A payment of this booking is under way. GET the booking to see how it ends.";
    /// The gateway said no.
    PaymentDeclined { /// The gateway's code.
        decline: String } = "payment_declined", "The payment was declined ({decline}). The seats stay yours until the hold ends: try another method.";
    /// The gateway knows no such method.
    InvalidPaymentMethod { /// Why.
        why: String } = "invalid_payment_method", "The payment method can't be used: {why}";
    /// Nothing waits for the buyer.
    PaymentMethodMissing = "payment_method_missing", "`payment_method` is needed to pay.";
    /// The money could not be taken.
    CaptureFailed = "capture_failed", "The bank withdrew its approval before the money was taken. You were not charged, the seats are free again. Book anew.";
    /// The gateway's answer does not fit the booking.
    PaymentMismatch = "payment_mismatch", "The payment does not fit the booking. A person has to look at it.";

    // Rules of a single stream that only a defect or a race can break.
    /// The seat is not this booking's.
    NotOwner { /// Which.
        seat: SeatId } = "not_owner", "Seat `{seat}` is not this booking's.";
    /// The step before it is missing.
    OutOfOrder { /// What was asked for.
        step: &'static str } = "out_of_order", "{step} is not possible in this state of the booking.";

    // Rewards.
    /// No such voucher on this account.
    VoucherNotFound { /// Which.
        voucher: VoucherId } = "voucher_not_found", "There is no voucher {voucher} on this account.";
    /// Used before.
    VoucherRedeemed { /// Which.
        voucher: VoucherId } = "voucher_redeemed", "Voucher {voucher} was used before.";
    /// Taken back.
    VoucherRevoked { /// Which.
        voucher: VoucherId } = "voucher_revoked", "Voucher {voucher} was taken back with the refund of its booking.";
}

impl Rejection {
    /// When what is refused may be had, if only a hold stands in the way.
    #[must_use]
    pub fn free_at(&self) -> Option<Timestamp> {
        match self {
            Self::SeatUnavailable { free_at, .. } | Self::SoldOut { free_at } => *free_at,
            _ => None,
        }
    }
}
