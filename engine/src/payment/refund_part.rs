//! The steps of a partial refund: return the money, then release the seats that were given up for it.

use super::gateway::{Reply, call};
use super::session::BookingSession;
use super::steps::{Next, Stop, execute_step, flag};
use crate::error::CommandError;
use lastseat_domain::booking::{Booking, BookingCommand, PartialRefund};
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::payments::Intent;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::settle::KEY_LIFETIME;
use lastseat_domain::{IntentId, SeatId};

/// Returns the money of the partial refund that is under way.
pub(super) async fn return_part(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let (Some(part), Some(intent)) = (booking.refund_under_way(), booking.intent.clone()) else {
        return Ok(Next::Stop(Stop::Finished));
    };
    let (refund, amount) = (part.requested.refund, part.requested.amount);
    let record = BookingCommand::RecordPartialRefund { refund, intent: intent.clone(), amount };
    // Nothing is to be returned, or who requests it returns it at the till: there is nothing to ask for.
    if amount.value == 0 || booking.tender().is_some() {
        return execute_step(session, record).await;
    }
    if is_forgotten(session, part) {
        match look(session, booking, part, &intent).await? {
            Seen::Made => return execute_step(session, record).await,
            Seen::NotMade => {}
            Seen::Unclear(next) => return Ok(next),
        }
    }
    let payments = &session.services.ports.payments;
    match call(session, || payments.refund(&intent, session.id, refund, amount)).await {
        Reply::Answer(answer) if answer.id != intent || !answer.fits(session.id) => {
            flag(session, &format!("refund {refund} of {intent} was answered with {}", answer.id)).await
        }
        Reply::Answer(answer) if answer.refunded < amount.value => {
            let returned = answer.refunded;
            flag(session, &format!("refund {refund} is of {amount}, and the gateway has returned {returned} minor units")).await
        }
        Reply::Answer(_) => execute_step(session, record).await,
        Reply::Refused { code, message } => {
            flag(session, &format!("the gateway refuses refund {refund}: {message} ({code})")).await
        }
        Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
    }
}

/// Whether the gateway may no longer know the key under which the refund was requested first.
fn is_forgotten(session: &BookingSession, part: &PartialRefund) -> bool {
    session.now().signed_duration_since(part.at) >= KEY_LIFETIME
}

/// What the gateway shows of a refund whose key may be forgotten.
enum Seen {
    Made,
    NotMade,
    Unclear(Next),
}

/// Whether the refund was made: the sum that the gateway has returned shows it. A sum that fits neither is left to a person.
async fn look(
    session: &mut BookingSession,
    booking: &Booking,
    part: &PartialRefund,
    intent: &IntentId,
) -> Result<Seen, CommandError> {
    let before = booking.partly_refunded().saturating_sub(booking.parts_elsewhere());
    let after = before.saturating_add(part.requested.amount.value);
    let payments = &session.services.ports.payments;
    let unclear = match call(session, || payments.retrieve(intent)).await {
        Reply::Answer(Intent { refunded, .. }) if refunded == before => return Ok(Seen::NotMade),
        Reply::Answer(Intent { refunded, .. }) if refunded == after => return Ok(Seen::Made),
        Reply::Answer(Intent { refunded, .. }) => format!(
            "refund {} was requested more than 24 hours ago, and whether it was made can't be seen from the {refunded} minor \
             units that the gateway has returned",
            part.requested.refund
        ),
        Reply::Refused { code, message } => format!("the gateway refuses to show the intent: {message} ({code})"),
        Reply::NoAnswer => return Ok(Seen::Unclear(Next::Stop(Stop::TryLater))),
    };
    flag(session, &unclear).await.map(Seen::Unclear)
}

/// Releases the seats that the booking gave up for partial refunds and still has.
pub(super) async fn release_given_up(session: &BookingSession, booking: &Booking) -> Result<(), CommandError> {
    let Some(show) = booking.show() else { return Ok(()) };
    let seats: Vec<SeatId> = booking.given_up();
    if seats.is_empty() {
        return Ok(());
    }
    session.services.guard.free(show, &seats, session.id).await;
    let release = SeatCommand::Release { booking: session.id, reason: AbortReason::Refunded };
    session.services.seats.execute(show, &seats, &release, &session.metadata()).await
}
