//! What several rules ask of a booking.

use super::state::{Booking, Phase};
use crate::Timestamp;
use crate::event::AbortReason;
use crate::rejection::Rejection;

/// Nothing more is charged for a booking that a person has to look at.
pub(super) fn check_not_flagged(state: &Booking) -> Result<(), Rejection> {
    if state.flagged { Err(Rejection::PaymentMismatch) } else { Ok(()) }
}

/// Most attempts to pay for a booking at the gateway. Somebody who mistypes, or whose bank refuses one card, tries a few times;
/// somebody who finds out which of many stolen card numbers work tries hundreds. Each adds events to its stream, too.
pub const MAX_PAYMENT_ATTEMPTS: u32 = 10;

/// Another attempt at the gateway may begin. All before it were declined, or given up while the bank waited for the buyer.
pub(super) fn check_attempts(state: &Booking) -> Result<(), Rejection> {
    let most = MAX_PAYMENT_ATTEMPTS;
    // An older log may have more of them.
    if state.attempt() >= most { Err(Rejection::TooManyPaymentAttempts { most }) } else { Ok(()) }
}

/// The booking is undecided and its hold hasn't expired.
pub(super) fn check_alive(state: &Booking, now: Timestamp) -> Result<(), Rejection> {
    match &state.phase {
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        Phase::Refunded => Err(Rejection::AlreadyRefunded),
        Phase::Committed | Phase::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
        _ if state.is_overdue(now) => Err(Rejection::BookingOver { reason: AbortReason::Expired }),
        _ => Ok(()),
    }
}

/// The booking is sold, and its money is not to be returned.
pub(super) fn check_changeable(state: &Booking) -> Result<(), Rejection> {
    if state.phase == (Phase::Confirmed { refund_requested: false }) { Ok(()) } else { Err(Rejection::NotChangeable) }
}
