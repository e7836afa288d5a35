//! The review of a payment by a person. Where only the gateway knows what became of a refund, it is asked first.

use super::commands::follow_up;
use super::gateway::{Reply, call};
use super::session::BookingSession;
use crate::error::{CommandError, Fault};
use crate::requests::ReviewRequest;
use lastseat_domain::Money;
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};

pub(super) async fn review(mut session: BookingSession, request: ReviewRequest) -> Result<Booking, CommandError> {
    let booking = session.booking().await?;
    let ReviewRequest { outcome, reason, .. } = request;
    let kept = if is_unsure(&booking, outcome) { kept_at_gateway(&session, &booking).await? } else { None };
    let by = session.by().to_owned();
    session.execute(BookingCommand::Review { outcome, kept, reason, by }).await?;
    follow_up(&mut session).await?;
    session.booking().await
}

/// Whether only the gateway knows what became of the refund: one that it accepted may have failed since, and a partial one
/// that it seemed to refuse may have been made.
fn is_unsure(booking: &Booking, outcome: Review) -> bool {
    let whole = booking.phase == Phase::Refunded && booking.reviewed != Some(outcome);
    let part = booking.flagged && booking.refund_under_way().is_some_and(|part| part.requested.amount.value > 0);
    match outcome {
        Review::ReturnedElsewhere => whole || part || booking.may_have_failed_parts(),
        Review::Abandoned => part,
        Review::Continue | Review::Settled => false,
    }
}

/// What the gateway still has of the booking's money.
async fn kept_at_gateway(session: &BookingSession, booking: &Booking) -> Result<Option<Money>, Fault> {
    let at_gateway = booking.amount().filter(|amount| amount.value > 0 && booking.tender().is_none());
    let (Some(intent), Some(amount)) = (&booking.intent, at_gateway) else { return Ok(None) };
    match call(session, || session.services.ports.payments.retrieve(intent)).await {
        Reply::Answer(answer) if answer.id == *intent && answer.fits(session.id) => {
            // A part that went back by another way is kept here for good.
            let kept = answer.captured.saturating_sub(answer.refunded).saturating_sub(booking.parts_elsewhere());
            let kept = Money { value: kept, ..amount };
            Ok(Some(kept).filter(|kept| kept.value > 0))
        }
        Reply::Answer(_) => Err(Fault::Unavailable("the payment gateway shows another booking's payment".to_owned())),
        Reply::Refused { code, message } => {
            Err(Fault::Unavailable(format!("the payment gateway does not show what became of the refund: {message} ({code})")))
        }
        Reply::NoAnswer => Err(Fault::Unavailable("the payment gateway does not say what became of the refund".to_owned())),
    }
}
