//! The rules of a payment that a person has to look at.

use super::command::Review;
use super::state::{Booking, Phase};
use crate::event::{Event, PaymentFlagged, PaymentReturnedElsewhere, PaymentReviewed, ReviewOutcome};
use crate::rejection::Rejection;

/// Leaves the payment to a person. Once they have said that the money is back, a slow worker whose refund
/// was refused has nothing to add.
pub(super) fn flag(state: &Booking, reason: String) -> Vec<Event> {
    let known = state.flagged || state.reviewed == Some(Review::ReturnedElsewhere);
    if known { vec![] } else { vec![PaymentFlagged { booking: state.id, reason }.into()] }
}

pub(super) fn review(state: &Booking, found: Review, reason: String, by: String) -> Result<Vec<Event>, Rejection> {
    if !state.flagged {
        return if state.reviewed == Some(found) { Ok(vec![]) } else { Err(Rejection::NotFlagged) };
    }
    let booking = state.id;
    let reviewed = |outcome, reason, by| Ok(vec![PaymentReviewed { booking, outcome, reason, by }.into()]);
    match (found, &state.phase, state.amount()) {
        (Review::Continue, ..) => reviewed(ReviewOutcome::Continue, reason, by),
        (Review::Settled, Phase::Aborted { .. }, _) => reviewed(ReviewOutcome::Settled, reason, by),
        // A booking that is undecided or sold still has steps to take, and each of them asks the gateway.
        (Review::Settled, ..) => Err(Rejection::NotOver),
        // Only a refund that was requested and refused: seats are never taken from a buyer who did not ask.
        (Review::ReturnedElsewhere, Phase::Confirmed { refund_requested: true }, Some(amount)) => {
            Ok(vec![PaymentReturnedElsewhere { booking, amount, reason, by }.into()])
        }
        (Review::ReturnedElsewhere, ..) => Err(Rejection::NoRefundDue),
    }
}
