//! What the steps of the booking process have in common.

use super::gateway::{Reply, call};
use super::session::BookingSession;
use crate::error::CommandError;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::payments::PaymentOrder;
use lastseat_domain::{IntentId, Rejection, Timestamp};

/// In place of a gateway's code: the intent that it names is not this booking's.
pub(super) const FOREIGN: &str = "foreign_intent";

/// Why the process stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing is left to do.
    Finished,
    /// Nothing before the hold's deadline.
    Until(Timestamp),
    /// The gateway does not know the outcome, or can't be reached.
    TryLater,
    /// The next step calls the gateway, and this run may not. It was so at this time.
    AtGateway(Timestamp),
}

/// What a step led to.
pub(super) enum Next {
    /// The booking has changed.
    Step,
    /// It has not.
    Stop(Stop),
}

/// Executes a command as the next step. If the gateway's answer contradicts the booking, a person has
/// to look.
pub(super) async fn execute_step(session: &mut BookingSession, command: BookingCommand) -> Result<Next, CommandError> {
    match session.step(command).await {
        Err(CommandError::Rejected(Rejection::PaymentMismatch)) => {
            flag(session, "the gateway's answer is for another intent or amount").await
        }
        // Another worker ended the booking meanwhile: what follows from that comes next.
        Err(CommandError::Rejected(Rejection::BookingOver { .. })) => Ok(Next::Step),
        executed => executed.map(|()| Next::Step),
    }
}

/// Calls for a person. Tried once on the booking that was looked at: if it has changed, there may be
/// nothing to look at any more.
pub(super) async fn flag(session: &mut BookingSession, reason: &str) -> Result<Next, CommandError> {
    tracing::error!(booking = %session.id, reason, "a payment is flagged for a person");
    session.try_step(BookingCommand::Flag { reason: reason.to_owned() }).await?;
    Ok(Next::Step)
}

/// Something does not fit that no rule foresees: take no money, free the seats, call a person.
pub(super) async fn flag_and_cancel(session: &mut BookingSession, reason: &str) -> Result<Next, CommandError> {
    flag(session, reason).await?;
    execute_step(session, BookingCommand::Cancel { reason: AbortReason::Cancelled }).await
}

/// The booking's intent, created if no event names it. Creating is keyed by the booking, so a repeat
/// finds the one there is.
pub(super) async fn intent(session: &mut BookingSession, booking: &Booking) -> Reply<IntentId> {
    if let Some(intent) = &booking.intent {
        return Reply::Answer(intent.clone());
    }
    let (Some(amount), Some((show, seats))) = (booking.amount(), BookingSession::show_and_seats(booking)) else {
        return Reply::NoAnswer;
    };
    let order = PaymentOrder { booking: session.id, amount, show, seats };
    match call(session, || session.services.ports.payments.create(&order)).await {
        Reply::Answer(intent) if intent.fits(session.id) && intent.amount == amount => {
            session.client_secret = intent.client_secret;
            Reply::Answer(intent.id)
        }
        Reply::Answer(_) => {
            let message = "the gateway's intent is for another booking or amount".to_owned();
            Reply::Refused { code: FOREIGN.to_owned(), message }
        }
        Reply::Refused { code, message } => Reply::Refused { code, message },
        Reply::NoAnswer => Reply::NoAnswer,
    }
}
