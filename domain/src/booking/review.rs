//! The rules of a payment that a person has to look at.

use super::command::Review;
use super::state::{Booking, Phase};
use crate::event::{Event, PaymentFlagged, PaymentPartlyRefunded, PaymentReturnedElsewhere, PaymentReviewed, ReviewOutcome};
use crate::ids::IntentId;
use crate::money::Money;
use crate::rejection::Rejection;

/// Leaves the payment to a person. Once they have said that the money is back, a slow worker whose refund
/// was refused has nothing to add.
pub(super) fn flag(state: &Booking, reason: String) -> Vec<Event> {
    let known = state.flagged || state.reviewed == Some(Review::ReturnedElsewhere);
    if known { vec![] } else { vec![PaymentFlagged { booking: state.id, reason }.into()] }
}

/// `kept`: what the gateway still has of the booking's money, if it was asked just now.
pub(super) fn review(
    state: &Booking,
    found: Review,
    kept: Option<Money>,
    reason: String,
    by: String,
) -> Result<Vec<Event>, Rejection> {
    if state.reviewed == Some(found) && !state.flagged {
        return Ok(vec![]);
    }
    if let (Review::ReturnedElsewhere, Phase::Refunded, Some(amount)) = (found, &state.phase, refundable(state)) {
        return returned_after_refund(state, amount, kept, reason, by);
    }
    if found == Review::ReturnedElsewhere && state.may_have_failed_parts() {
        return parts_after_refund(state, kept, reason, by);
    }
    if !state.flagged {
        return Err(Rejection::NotFlagged);
    }
    let booking = state.id;
    let reviewed = |outcome, reason, by| Ok(vec![PaymentReviewed { booking, outcome, reason, by }.into()]);
    // No whole refund is requested while a partial one is under way, so the flag is about that one.
    if let Some(part) = state.refund_under_way().map(|part| &part.requested) {
        let (amount, refund) = (part.amount, Some(part.refund));
        let returned =
            made_after_all(state, amount, kept).filter(|_| matches!(found, Review::ReturnedElsewhere | Review::Abandoned));
        if let Some(intent) = returned {
            return Ok(vec![PaymentPartlyRefunded { booking, refund: part.refund, intent, amount }.into()]);
        }
        match found {
            Review::ReturnedElsewhere => {
                return Ok(vec![PaymentReturnedElsewhere { booking, amount, refund, reason, by }.into()]);
            }
            Review::Abandoned => return reviewed(ReviewOutcome::Abandoned, reason, by),
            Review::Continue | Review::Settled => {}
        }
    }
    match (found, &state.phase, state.left()) {
        (Review::Continue, ..) => reviewed(ReviewOutcome::Continue, reason, by),
        (Review::Settled, Phase::Aborted { .. }, _) => reviewed(ReviewOutcome::Settled, reason, by),
        // A booking that is undecided or sold still has steps to take, and each of them asks the gateway.
        (Review::Settled, ..) => Err(Rejection::NotOver),
        // Only a refund that was requested and refused: seats are never taken from a buyer who did not ask. A flag is
        // newer than the request, which has ended every flag before it.
        (Review::ReturnedElsewhere, Phase::Confirmed { refund_requested: true }, Some(amount)) => {
            Ok(vec![PaymentReturnedElsewhere { booking, amount, refund: None, reason, by }.into()])
        }
        (Review::ReturnedElsewhere | Review::Abandoned, ..) => Err(Rejection::NoRefundDue),
    }
}

/// The gateway accepted the refund, so the log says that the money is returned, and the bank refused it days later. The
/// log can't know that: only while the gateway says that it still has money may a person say that it went another way.
/// The flag keeps in the log what the gateway said.
fn returned_after_refund(
    state: &Booking,
    amount: Money,
    kept: Option<Money>,
    reason: String,
    by: String,
) -> Result<Vec<Event>, Rejection> {
    let Some(kept) = kept.filter(|kept| kept.value > 0) else { return Err(Rejection::RefundStands) };
    let booking = state.id;
    let failed = format!("its refund was accepted and has failed: the gateway still has {kept}");
    Ok(vec![
        PaymentFlagged { booking, reason: failed }.into(),
        PaymentReturnedElsewhere { booking, amount, refund: None, reason, by }.into(),
    ])
}

/// The same for partial refunds of a booking that goes on. What the gateway has beyond the rest says which have failed: one
/// of that amount, the latest if there are more, or all of them together.
fn parts_after_refund(state: &Booking, kept: Option<Money>, reason: String, by: String) -> Result<Vec<Event>, Rejection> {
    let (Some(kept), Some(left)) = (kept, state.left()) else { return Err(Rejection::RefundStands) };
    let missing = kept.value.saturating_sub(left.value);
    if missing <= 0 {
        return Err(Rejection::RefundStands);
    }
    let made: Vec<_> = state.parts_at_gateway().map(|part| &part.requested).collect();
    let all = made.iter().fold(0_i64, |sum, part| sum.saturating_add(part.amount.value));
    let failed = match made.iter().rfind(|part| part.amount.value == missing) {
        Some(one) => vec![*one],
        None if missing == all => made,
        None => return Err(Rejection::PaymentMismatch),
    };
    let booking = state.id;
    let flag = format!("a refund of a part was accepted and has failed: the gateway still has {kept} and not {left}");
    let returned = failed.into_iter().map(|part| {
        let (amount, refund) = (part.amount, Some(part.refund));
        PaymentReturnedElsewhere { booking, amount, refund, reason: reason.clone(), by: by.clone() }.into()
    });
    Ok(std::iter::once(PaymentFlagged { booking, reason: flag }.into()).chain(returned).collect())
}

/// The intent from which the gateway has returned the part, although its answer was taken for a refusal. A person who says
/// otherwise has not seen that, and their word must not let the money be returned a second time.
fn made_after_all(state: &Booking, part: Money, kept: Option<Money>) -> Option<IntentId> {
    let left = refundable(state)?.value.checked_sub(part.value)?;
    state.intent.clone().filter(|_| part.value > 0 && kept.is_some_and(|kept| kept.value == left))
}

/// The money of a refund that the gateway can be asked about: a booking that cost nothing, or was paid at the till, has
/// none there.
fn refundable(state: &Booking) -> Option<Money> {
    state.intent.as_ref().and(state.left()).filter(|amount| amount.value > 0 && state.tender().is_none())
}
