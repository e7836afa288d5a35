//! The steps before the decision: have the gateway reserve the money, then commit.

use super::gateway::{Reply, call};
use super::session::BookingSession;
use super::steps::{FOREIGN, Next, Stop, execute_step, flag_and_cancel, intent};
use crate::error::CommandError;
use lastseat_domain::IntentId;
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, Tender};
use lastseat_domain::ports::payments::{DECLINED, IDEMPOTENCY_ERROR, Intent, IntentStatus, NextAction};

/// Tries the payment method of the attempt in progress.
pub(super) async fn confirm(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let Some(attempt) = booking.attempts.last() else { return Ok(Next::Stop(Stop::Finished)) };
    let number = attempt.started.attempt;
    let intent = match intent(session, booking).await {
        Reply::Answer(intent) => intent,
        Reply::Refused { code, message } if code == FOREIGN => return flag_and_cancel(session, &message).await,
        // The key was used, so there is an intent, which a decline without one would deny: perhaps an authorised one. It
        // shows itself once the request is again the one that was sent; else a person is called when the hold has ended.
        Reply::Refused { code, message } if code == IDEMPOTENCY_ERROR => {
            tracing::error!(booking = %session.id, message, "the gateway has another intent for this booking than is asked for");
            return Ok(Next::Stop(Stop::TryLater));
        }
        Reply::Refused { code, .. } => {
            return execute_step(session, BookingCommand::Decline { attempt: number, intent: None, code }).await;
        }
        Reply::NoAnswer => return Ok(Next::Stop(Stop::TryLater)),
    };
    let Some(method) = &attempt.started.payment_method else {
        // The buyer confirms in the gateway's own form; from now on the intent's state says what came of it.
        return require_action(session, BookingCommand::RequireAction { attempt: number, intent, url: None }).await;
    };
    let payments = &session.services.ports.payments;
    let reply = match &attempt.started.return_url {
        Some(url) => call(session, || payments.confirm_returning_to(&intent, session.id, number, method, url)).await,
        None => call(session, || payments.confirm(&intent, session.id, number, method)).await,
    };
    match reply {
        Reply::Answer(answer) => take_answer(session, booking, answer).await,
        // An earlier attempt that was thought lost may have reserved the money. The intent's state
        // decides, not the refusal.
        Reply::Refused { code, .. } => look_up(session, booking, intent, Some(code)).await,
        Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
    }
}

/// Records that it is the buyer's turn, and leaves it to them. To ask at once whether they have acted would be a request
/// for nothing, of which the gateway takes only so many a second.
async fn require_action(session: &mut BookingSession, command: BookingCommand) -> Result<Next, CommandError> {
    let next = execute_step(session, command).await?;
    let waits = session.find().await?.filter(|booking| matches!(booking.phase, Phase::ActionRequired { .. }));
    Ok(match waits.and_then(|booking| booking.expires_at) {
        Some(deadline) => Next::Stop(Stop::Until(deadline)),
        None => next,
    })
}

/// Reads the intent that the buyer has to confirm.
pub(super) async fn check_action(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let Some(intent) = booking.intent.clone() else { return Ok(Next::Stop(Stop::TryLater)) };
    look_up(session, booking, intent, None).await
}

/// Commits a payment whose authorisation is in the log alone, or that is made at the till.
pub(super) async fn commit_authorised(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let at_till = || booking.tender().and_then(|_| Tender::intent(session.id));
    match (booking.intent.clone().or_else(at_till), booking.amount()) {
        (Some(intent), Some(amount)) => {
            let now = session.now();
            let capture_before = booking.capture_before;
            commit(session, BookingCommand::Commit { now, intent, amount, capture_before }).await
        }
        _ => flag_and_cancel(session, "an authorised payment without an intent or amount").await,
    }
}

/// The decision. On a log that can do so, the seats are sold with it in one append; where that does not work out, the
/// decision is made alone, and the seats follow.
async fn commit(session: &mut BookingSession, command: BookingCommand) -> Result<Next, CommandError> {
    if session.services.ports.log.atomic_across_streams() {
        match session.try_commit_with_seats(command.clone()).await {
            Ok(true) => return Ok(Next::Step),
            // The decision alone meets the booking's rejection again and returns it; a seat's comes back in `book_and_capture`.
            Ok(false) | Err(CommandError::Rejected(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    execute_step(session, command).await
}

/// Reads the intent's state. `refused`: the code with which the gateway refused the attempt, which is
/// why it was declined if the intent shows no trace of it.
async fn look_up(
    session: &mut BookingSession,
    booking: &Booking,
    intent: IntentId,
    refused: Option<String>,
) -> Result<Next, CommandError> {
    match call(session, || session.services.ports.payments.retrieve(&intent)).await {
        Reply::Answer(answer) => {
            session.client_secret.clone_from(&answer.client_secret);
            let last_decline = refused.or(answer.last_decline);
            take_answer(session, booking, Intent { last_decline, ..answer }).await
        }
        Reply::Refused { code, .. } => {
            let attempt = booking.attempt();
            execute_step(session, BookingCommand::Decline { attempt, intent: Some(intent), code }).await
        }
        Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
    }
}

/// Records what the gateway answers about an undecided payment.
async fn take_answer(session: &mut BookingSession, booking: &Booking, answer: Intent) -> Result<Next, CommandError> {
    if !answer.fits(session.id) || booking.amount() != Some(answer.amount) {
        return flag_and_cancel(session, "the gateway's intent is for another booking or amount").await;
    }
    let intent = answer.id;
    let command = match answer.status {
        // `Succeeded` before the capture: the account captures by itself. The money is there, so the
        // decision is the same; the capture will find it done.
        IntentStatus::RequiresCapture | IntentStatus::Succeeded => {
            let (now, amount, capture_before) = (session.now(), answer.amount, answer.capture_before);
            return commit(session, BookingCommand::Commit { now, intent, amount, capture_before }).await;
        }
        IntentStatus::RequiresAction(_) if matches!(booking.phase, Phase::ActionRequired { .. }) => {
            return Ok(Next::Stop(booking.expires_at.map_or(Stop::TryLater, Stop::Until)));
        }
        // In the gateway's own form the buyer may try one method after the other: a decline there ends
        // nothing.
        IntentStatus::RequiresPaymentMethod if matches!(booking.phase, Phase::ActionRequired { url: None }) => {
            return Ok(Next::Stop(booking.expires_at.map_or(Stop::TryLater, Stop::Until)));
        }
        IntentStatus::RequiresAction(action) => {
            let url = match action {
                NextAction::Redirect { url } => Some(url),
                NextAction::ConfirmClientSide => None,
            };
            let command = BookingCommand::RequireAction { attempt: booking.attempt(), intent, url };
            return require_action(session, command).await;
        }
        IntentStatus::Processing => return Ok(Next::Stop(Stop::TryLater)),
        IntentStatus::RequiresPaymentMethod => {
            let code = answer.last_decline.unwrap_or_else(|| DECLINED.to_owned());
            BookingCommand::Decline { attempt: booking.attempt(), intent: Some(intent), code }
        }
        IntentStatus::Canceled => BookingCommand::Cancel { reason: AbortReason::Cancelled },
    };
    execute_step(session, command).await
}
