//! The rules of a booking: which events follow from each command.

use super::checks::{check_alive, check_attempts, check_not_flagged};
use super::command::BookingCommand;
use super::partial_refund;
use super::review;
use super::state::{Booking, Phase};
use super::{exchange, till, transfer, vouchers};
use crate::Timestamp;
use crate::event::{
    AbortReason, BookingAborted, BookingCommitted, BookingOpened, Event, HoldExtended, PaymentActionRequired, PaymentAuthorised,
    PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentStarted, PaymentVoided, RefundRequested, RequestFingerprint,
};
use crate::ids::IntentId;
use crate::money::Money;
use crate::rejection::Rejection;
use crate::show::MAX_SEATS_PER_BOOKING;
use std::collections::HashSet;
use uuid::Uuid;

/// See [`Decider::decide`](crate::Decider::decide). `None` is a booking without events.
///
/// # Errors
/// The [`Rejection`] that says why the command is refused.
pub fn decide(state: Option<&Booking>, command: BookingCommand) -> Result<Vec<Event>, Rejection> {
    use BookingCommand as C;
    let Some(state) = state else {
        return match command {
            C::Open(opened) => {
                check_adds_up(&opened)?;
                Ok(vec![opened.into()])
            }
            C::Fence { booking } => Ok(vec![BookingAborted { booking, reason: AbortReason::Fenced }.into()]),
            _ => Err(Rejection::BookingNotFound),
        };
    };
    match command {
        // "Open" means that its seats may be locked. So once the booking has ended, even a repeat of
        // the same request must not get the answer that it is open.
        C::Open(opened) => match &state.phase {
            Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
            Phase::Refunded => Err(Rejection::AlreadyRefunded),
            _ if state.opened.as_ref() == Some(&opened) => Ok(vec![]),
            _ => Err(Rejection::OutOfOrder { step: "Opening the booking again" }),
        },
        C::Fence { .. } => Ok(vec![]),
        C::Extend { now, seconds } => extend(state, now, seconds),
        C::StartPayment { now, payment_method, return_url, request } => {
            start_payment(state, now, (payment_method, return_url), request)
        }
        C::RequestExchange { leaves, takes, show_revision, by } => exchange::request(state, leaves, takes, show_revision, by),
        C::DecideExchange { exchange } => Ok(exchange::decide(state, exchange)),
        C::AbandonExchange { exchange } => Ok(exchange::abandon(state, exchange)),
        C::Transfer { buyer, by } => transfer::transfer(state, buyer, by),
        C::PayAtTill { now, tender, request } => till::pay(state, now, tender, request),
        C::RequireAction { attempt, intent, url } => require_action(state, attempt, intent, url),
        C::Decline { attempt, intent, code } => decline(state, attempt, intent, code),
        C::Commit { now, intent, amount, capture_before } => commit(state, now, intent, amount, capture_before),
        C::RecordCapture { intent, amount, draw } => record_capture(state, intent, amount, draw),
        C::ApplyVoucher { now, voucher, application, discount } => vouchers::apply(state, now, voucher, application, discount),
        C::RemoveVoucher { now } => vouchers::remove(state, now),
        C::FenceVoucher { voucher, application } => Ok(vouchers::fence(state, voucher, application)),
        C::FailCapture { intent } => match state.phase {
            Phase::Committed => {
                check_intent(state, Some(&intent))?;
                let booking = state.id;
                Ok(vec![
                    PaymentVoided { booking, intent }.into(),
                    BookingAborted { booking, reason: AbortReason::CaptureFailed }.into(),
                ])
            }
            Phase::Aborted { .. } => Ok(vec![]),
            _ => Err(Rejection::OutOfOrder { step: "Giving up the capture" }),
        },
        C::Cancel { reason } => match &state.phase {
            Phase::Aborted { .. } => Ok(vec![]),
            Phase::Held | Phase::ActionRequired { .. } | Phase::Paying | Phase::Authorised => {
                Ok(vec![BookingAborted { booking: state.id, reason }.into()])
            }
            Phase::Committed | Phase::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
            Phase::Refunded => Err(Rejection::AlreadyRefunded),
        },
        C::Expire { now } => {
            if state.is_undecided() && state.is_overdue(now) {
                Ok(vec![BookingAborted { booking: state.id, reason: AbortReason::Expired }.into()])
            } else {
                Ok(vec![])
            }
        }
        C::RecordVoid { intent } => match state.phase {
            Phase::Aborted { .. } if state.voided => Ok(vec![]),
            Phase::Aborted { .. } => {
                check_intent(state, Some(&intent))?;
                Ok(vec![PaymentVoided { booking: state.id, intent }.into()])
            }
            _ => Err(Rejection::OutOfOrder { step: "Voiding the payment" }),
        },
        C::Flag { reason } => Ok(review::flag(state, reason)),
        C::Review { outcome, kept, reason, by } => review::review(state, outcome, kept, reason, by),
        // One refund for a booking: a second request finds the first, only a requested refund can be
        // recorded, and the gateway gets one idempotency key for the booking.
        C::RequestRefund { by } => match state.phase {
            // Its seats are in motion: a worker decides the exchange first, one way or the other.
            Phase::Confirmed { refund_requested: false } if state.exchange.is_some() => Err(Rejection::ExchangeInProgress),
            Phase::Confirmed { refund_requested: false } if state.refund_under_way().is_some() => {
                Err(Rejection::RefundInProgress)
            }
            Phase::Confirmed { refund_requested: false } => Ok(vec![RefundRequested { booking: state.id, by }.into()]),
            Phase::Confirmed { refund_requested: true } | Phase::Refunded => Ok(vec![]),
            _ => Err(Rejection::NotConfirmed),
        },
        C::RequestPartialRefund { seats, amount, by } => partial_refund::request(state, seats, amount, by),
        C::RecordPartialRefund { refund, intent, amount } => partial_refund::record(state, refund, intent, amount),
        C::RecordRefund { intent, amount } => match state.phase {
            Phase::Refunded => Ok(vec![]),
            Phase::Confirmed { refund_requested: true } if state.left() == Some(amount) => {
                check_intent(state, Some(&intent))?;
                Ok(vec![PaymentRefunded { booking: state.id, intent, amount }.into()])
            }
            Phase::Confirmed { refund_requested: true } => Err(Rejection::PaymentMismatch),
            _ => Err(Rejection::OutOfOrder { step: "Recording a refund" }),
        },
    }
}

/// There is at least one seat, none appears twice, and the amount is the sum of the prices and fees. This
/// amount is what will be charged.
fn check_adds_up(opened: &BookingOpened) -> Result<(), Rejection> {
    if opened.seats.is_empty() {
        return Err(Rejection::InvalidQuantity { most: MAX_SEATS_PER_BOOKING });
    }
    let mut seen = HashSet::new();
    if let Some(twice) = opened.seats.iter().find(|s| !seen.insert(&s.seat)) {
        return Err(Rejection::DuplicateSeats { seat: twice.seat.clone() });
    }
    if opened.adds_up() { Ok(()) } else { Err(Rejection::PaymentMismatch) }
}

/// A booking has one payment intent. Another booking's intent proves nothing, even for the same amount.
fn check_intent(state: &Booking, named: Option<&IntentId>) -> Result<(), Rejection> {
    match (&state.intent, named) {
        (Some(own), Some(named)) if own != named => Err(Rejection::PaymentMismatch),
        (_, Some(named)) if !till::fits(state, named) => Err(Rejection::PaymentMismatch),
        _ => Ok(()),
    }
}

fn extend(state: &Booking, now: Timestamp, seconds: u32) -> Result<Vec<Event>, Rejection> {
    check_alive(state, now)?;
    if state.extended {
        return Err(Rejection::AlreadyExtended);
    }
    let deadline = state.expires_at.unwrap_or(now);
    let expires_at = deadline.checked_add_signed(chrono::TimeDelta::seconds(seconds.into())).unwrap_or(deadline);
    Ok(vec![HoldExtended { booking: state.id, expires_at }.into()])
}

fn start_payment(
    state: &Booking,
    now: Timestamp,
    (payment_method, return_url): (Option<String>, Option<String>),
    request: Option<RequestFingerprint>,
) -> Result<Vec<Event>, Rejection> {
    // Already paid for: no event, and no error.
    if matches!(state.phase, Phase::Committed | Phase::Confirmed { .. }) {
        return Ok(vec![]);
    }
    check_alive(state, now)?;
    check_not_flagged(state)?;
    if matches!(state.phase, Phase::Paying | Phase::Authorised) {
        return Err(Rejection::PaymentInProgress);
    }
    vouchers::check_has_own(state)?;
    check_attempts(state)?;
    let attempt = state.attempt() + 1;
    Ok(vec![PaymentStarted { booking: state.id, attempt, payment_method, tender: None, return_url, request }.into()])
}

// A worker that lost a race decides its command again in the newer state. By then the buyer may be
// trying another payment method, and the answer to the old attempt must not count for the new one.

fn require_action(state: &Booking, attempt: u32, intent: IntentId, url: Option<String>) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Paying if attempt == state.attempt() && state.tender().is_none() => {
            check_intent(state, Some(&intent))?;
            Ok(vec![PaymentActionRequired { booking: state.id, attempt, intent, url }.into()])
        }
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        _ => Ok(vec![]),
    }
}

fn decline(state: &Booking, attempt: u32, intent: Option<IntentId>, code: String) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Paying | Phase::ActionRequired { .. } if attempt == state.attempt() && state.tender().is_none() => {
            check_intent(state, intent.as_ref())?;
            Ok(vec![PaymentDeclined { booking: state.id, attempt, intent, code }.into()])
        }
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        _ => Ok(vec![]),
    }
}

fn commit(
    state: &Booking,
    now: Timestamp,
    intent: IntentId,
    amount: Money,
    capture_before: Option<Timestamp>,
) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Committed | Phase::Confirmed { .. } | Phase::Refunded => return Ok(vec![]),
        Phase::Aborted { reason } => return Err(Rejection::BookingOver { reason: *reason }),
        Phase::Held => return Err(Rejection::OutOfOrder { step: "Committing without a payment" }),
        Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised => {}
    }
    check_not_flagged(state)?;
    check_intent(state, Some(&intent))?;
    if state.amount() != Some(amount) {
        return Err(Rejection::PaymentMismatch);
    }
    let booking = state.id;
    let mut events = Vec::with_capacity(2);
    if state.phase != Phase::Authorised {
        events.push(PaymentAuthorised { booking, attempt: state.attempt(), intent, amount, capture_before }.into());
    }
    // The hold may have expired while the gateway worked. Then the booking isn't confirmed, however
    // close it was: the money was only reserved, and the reservation is cancelled.
    events.push(if state.is_overdue(now) {
        BookingAborted { booking, reason: AbortReason::Expired }.into()
    } else {
        BookingCommitted { booking }.into()
    });
    Ok(events)
}

fn record_capture(state: &Booking, intent: IntentId, amount: Money, draw: Uuid) -> Result<Vec<Event>, Rejection> {
    match state.phase {
        Phase::Committed if state.amount() == Some(amount) => {
            check_intent(state, Some(&intent))?;
            Ok(vec![PaymentCaptured { booking: state.id, intent, amount, draw: Some(draw) }.into()])
        }
        Phase::Committed => Err(Rejection::PaymentMismatch),
        Phase::Confirmed { .. } | Phase::Refunded => Ok(vec![]),
        _ => Err(Rejection::OutOfOrder { step: "Capturing before the booking is committed" }),
    }
}
