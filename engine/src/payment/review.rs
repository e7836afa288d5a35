//! The review of a payment by a person. Where only the gateway knows what became of a refund, it is asked first.

use super::commands::follow_up;
use super::gateway::{Reply, call};
use super::session::BookingSession;
use crate::error::{CommandError, Fault};
use crate::requests::ReviewRequest;
use lastseat_domain::Money;
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};

/// Times that a booking is looked at again because another writer was faster.
const TRIES: usize = 16;

pub(super) async fn review(mut session: BookingSession, request: ReviewRequest) -> Result<Booking, CommandError> {
    let ReviewRequest { outcome, reason, .. } = request;
    let by = session.by().to_owned();
    for _ in 0..TRIES {
        // What the gateway says is about this state of the booking. If it changes meanwhile, both are read again.
        let booking = session.booking().await?;
        let kept = if is_unsure(&booking, outcome) { kept_at_gateway(&session, &booking).await? } else { None };
        let review = BookingCommand::Review { outcome, kept, reason: reason.clone(), by: by.clone() };
        if session.try_execute(review).await? {
            follow_up(&mut session).await?;
            return session.booking().await;
        }
    }
    Err(Fault::Unavailable("the booking is too contended; try again".to_owned()).into())
}

/// Whether only the gateway knows what became of the refund: one that it accepted may have failed since, and one that it
/// seemed to refuse may have been made.
fn is_unsure(booking: &Booking, outcome: Review) -> bool {
    let refunded = booking.phase == Phase::Refunded && booking.reviewed != Some(outcome);
    let refused = booking.flagged && booking.phase == Phase::Confirmed { refund_requested: true };
    let part = booking.flagged && booking.refund_under_way().is_some_and(|part| part.requested.amount.value > 0);
    match outcome {
        Review::ReturnedElsewhere => refunded || refused || part || booking.may_have_failed_parts(),
        Review::Abandoned => part,
        Review::Continue | Review::Settled => false,
    }
}

/// What the gateway has taken for the booking and not returned. `None` if there is nothing at the gateway, or if it does not
/// show this payment (any more): then nobody can do better than believe the person.
async fn kept_at_gateway(session: &BookingSession, booking: &Booking) -> Result<Option<Money>, Fault> {
    let at_gateway = booking.amount().filter(|amount| amount.value > 0 && booking.tender().is_none());
    let (Some(intent), Some(amount)) = (&booking.intent, at_gateway) else { return Ok(None) };
    match call(session, || session.services.ports.payments.retrieve(intent)).await {
        Reply::Answer(answer) if answer.id == *intent && answer.fits(session.id) => {
            Ok(Some(Money { value: answer.captured.saturating_sub(answer.refunded), ..amount }))
        }
        Reply::Answer(_) => {
            tracing::warn!(booking = %session.id, %intent, "the gateway shows another booking's payment; the review is believed");
            Ok(None)
        }
        Reply::Refused { code, message } => {
            tracing::warn!(booking = %session.id, %intent, code, message, "the gateway does not show the payment; the review is believed");
            Ok(None)
        }
        Reply::NoAnswer => Err(Fault::Unavailable("the payment gateway does not say what became of the refund".to_owned())),
    }
}
