//! The rules of a payment that a person has to look at.

use super::command::Review;
use super::state::{Booking, Phase};
use crate::event::{
    Event, PartialRefundRequested, PaymentFlagged, PaymentPartlyRefunded, PaymentRefunded, PaymentReturnedElsewhere,
    PaymentReviewed, ReviewOutcome,
};
use crate::money::Money;
use crate::rejection::Rejection;

/// Leaves the payment to a person. Once they have said that the money is back, a slow worker whose refund
/// was refused has nothing to add.
pub(super) fn flag(state: &Booking, reason: String) -> Vec<Event> {
    let known = state.flagged || state.reviewed == Some(Review::ReturnedElsewhere);
    if known { vec![] } else { vec![PaymentFlagged { booking: state.id, reason }.into()] }
}

/// `kept`: see [`BookingCommand::Review`](super::BookingCommand::Review).
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
    if let Some(event) = made_after_all(state, found, kept) {
        return Ok(vec![event]);
    }
    let booking = state.id;
    let reviewed = |outcome, reason, by| Ok(vec![PaymentReviewed { booking, outcome, reason, by }.into()]);
    // No whole refund is requested while a partial one is under way, so the flag is about that one.
    if let Some(part) = state.refund_under_way().map(|part| &part.requested) {
        match found {
            Review::ReturnedElsewhere => {
                let (amount, refund) = (part.amount, Some(part.refund));
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
/// log can't know that: only while the gateway says that it still has this money may a person say that it went another way.
/// The flag keeps in the log what the gateway said.
fn returned_after_refund(
    state: &Booking,
    amount: Money,
    kept: Option<Money>,
    reason: String,
    by: String,
) -> Result<Vec<Event>, Rejection> {
    let value = kept.map_or(0, |kept| kept.value.saturating_sub(state.parts_elsewhere()));
    let missing = Money { value, ..amount };
    if value <= 0 {
        return Err(Rejection::RefundStands);
    }
    // A part has failed, alone or besides the rest: the log has no word for that once the booking is over. Without parts it
    // is what somebody had not returned by hand before.
    if value != amount.value && state.parts_at_gateway().next().is_some() {
        return Err(Rejection::RefundUnclear { missing });
    }
    let booking = state.id;
    let failed = format!("its refund was accepted and has failed: the gateway still has {missing}");
    Ok(vec![
        PaymentFlagged { booking, reason: failed }.into(),
        PaymentReturnedElsewhere { booking, amount, refund: None, reason, by }.into(),
    ])
}

/// The same for partial refunds of a booking that goes on. What the gateway has beyond the rest says which have failed: the
/// latest that add up to it.
fn parts_after_refund(state: &Booking, kept: Option<Money>, reason: String, by: String) -> Result<Vec<Event>, Rejection> {
    let (Some(kept), Some(missing)) = (kept, missing(state, kept)) else { return Err(Rejection::RefundStands) };
    if missing <= 0 {
        return Err(Rejection::RefundStands);
    }
    let unclear = || Rejection::RefundUnclear { missing: Money { value: missing, ..kept } };
    let failed = parts_of(state, missing).ok_or_else(unclear)?;
    let booking = state.id;
    let more = Money { value: missing, ..kept };
    let flag = format!("refunds of parts were accepted and have failed: the gateway has {more} more than the log says");
    let returned = failed.into_iter().map(|part| {
        let (amount, refund) = (part.amount, Some(part.refund));
        PaymentReturnedElsewhere { booking, amount, refund, reason: reason.clone(), by: by.clone() }.into()
    });
    Ok(std::iter::once(PaymentFlagged { booking, reason: flag }.into()).chain(returned).collect())
}

/// The gateway has made the refund, although its answer was taken for a refusal. A person who says otherwise has not seen
/// that, and their word must not let the money be returned a second time. Where what the gateway has fits neither, or both,
/// their word counts.
fn made_after_all(state: &Booking, found: Review, kept: Option<Money>) -> Option<Event> {
    let (booking, intent) = (state.id, state.intent.clone()?);
    let (missing, left) = (missing(state, kept)?, refundable(state)?);
    if let Some(part) = state.refund_under_way().map(|part| &part.requested) {
        let (amount, refund) = (part.amount, part.refund);
        let made = parts_of(state, missing.saturating_add(amount.value)).is_some();
        let not_made = parts_of(state, missing).is_some();
        let asked = matches!(found, Review::ReturnedElsewhere | Review::Abandoned) && amount.value > 0;
        return (asked && made && !not_made).then(|| PaymentPartlyRefunded { booking, refund, intent, amount }.into());
    }
    let requested = state.phase == Phase::Confirmed { refund_requested: true };
    let made = requested && found == Review::ReturnedElsewhere && missing.saturating_add(left.value) == 0;
    made.then(|| PaymentRefunded { booking, intent, amount: left }.into())
}

/// How much more the gateway has than it would if it had returned all that the log says; less than nothing if it has
/// returned more. A refund under way is not said yet.
fn missing(state: &Booking, kept: Option<Money>) -> Option<i64> {
    let expected = state.left()?.value.saturating_add(state.parts_elsewhere());
    Some(kept?.value.saturating_sub(expected))
}

/// Partial refunds that the gateway has accepted and that add up to this sum, the latest first: one, if one does. `None` if
/// none do.
fn parts_of(state: &Booking, sum: i64) -> Option<Vec<&PartialRefundRequested>> {
    let mut parts: Vec<_> = state.parts_at_gateway().map(|part| &part.requested).collect();
    parts.reverse();
    if let Some(one) = parts.iter().find(|part| part.amount.value == sum) {
        return Some(vec![one]);
    }
    let (mut found, mut tries) = (Vec::new(), MOST_TRIES);
    add_up(&parts, sum, &mut found, &mut tries).then_some(found)
}

/// Most combinations of partial refunds that are looked at. A booking has few of them.
const MOST_TRIES: u32 = 100_000;

fn add_up<'a>(
    parts: &[&'a PartialRefundRequested],
    sum: i64,
    found: &mut Vec<&'a PartialRefundRequested>,
    tries: &mut u32,
) -> bool {
    if sum == 0 {
        return true;
    }
    let (Some((first, rest)), Some(left)) = (parts.split_first(), tries.checked_sub(1)) else { return false };
    *tries = left;
    let all = parts.iter().fold(0_i64, |all, part| all.saturating_add(part.amount.value));
    if sum < 0 || all < sum {
        return false;
    }
    found.push(first);
    if add_up(rest, sum.saturating_sub(first.amount.value), found, tries) {
        return true;
    }
    found.pop();
    add_up(rest, sum, found, tries)
}

/// The money of a refund that the gateway can be asked about: a booking that cost nothing, or was paid at the till, has
/// none there.
fn refundable(state: &Booking) -> Option<Money> {
    state.intent.as_ref().and(state.left()).filter(|amount| amount.value > 0 && state.tender().is_none())
}
