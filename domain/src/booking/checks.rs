//! What several rules ask of a booking.

use super::state::{Booking, Phase};
use crate::Timestamp;
use crate::event::AbortReason;
use crate::rejection::Rejection;

/// Nothing more is charged for a booking that a person has to look at.
pub(super) fn check_not_flagged(state: &Booking) -> Result<(), Rejection> {
    if state.flagged { Err(Rejection::PaymentMismatch) } else { Ok(()) }
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
