//! The steps after the decision: book the seats (unless the decision's append did) and take the money, or release and return both.

use super::gateway::{Reply, call};
use super::refund_part;
use super::session::BookingSession;
use super::steps::{Next, Stop, execute_step, flag, intent};
use crate::error::CommandError;
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::payments::IntentStatus;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{IntentId, Money, Rejection, SeatId, ShowId};

/// The booking is committed: books the seats that the decision's append did not, then takes the money.
pub(super) async fn book_and_capture(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let (Some((show, seats)), Some(intent)) = (BookingSession::show_and_seats(booking), booking.intent.clone()) else {
        return Ok(Next::Stop(Stop::Finished));
    };
    // A committed booking can't lose a seat. So another worker finished the booking while this one
    // was slow, and it has been undone since.
    if !session.seats_booked && !book(session, &show, &seats).await? {
        session.forget();
        return Ok(match session.find().await? {
            Some(now) if now.phase == Phase::Committed => Next::Stop(Stop::TryLater),
            _ => Next::Step,
        });
    }
    session.services.guard.mark_sold(&show, &seats, session.id).await;
    if let (Some(_), Some(amount)) = (booking.tender(), booking.amount()) {
        // The till has it already.
        return record_capture(session, intent, amount).await;
    }
    let payments = &session.services.ports.payments;
    let answer = match call(session, || payments.capture(&intent, session.id)).await {
        Reply::Answer(answer) => answer,
        Reply::NoAnswer => return Ok(Next::Stop(Stop::TryLater)),
        // Captured before, or gone: the intent itself shows which.
        Reply::Refused { .. } => match call(session, || payments.retrieve(&intent)).await {
            Reply::Answer(answer) => answer,
            Reply::Refused { code, message } => {
                let reason = format!("the gateway refuses to capture, and to show the intent: {message} ({code})");
                return flag(session, &reason).await;
            }
            Reply::NoAnswer => return Ok(Next::Stop(Stop::TryLater)),
        },
    };
    if answer.id != intent || !answer.fits(session.id) {
        let (id, named) = (answer.id, answer.booking.map_or("no booking".to_owned(), |named| format!("booking {named}")));
        return flag(session, &format!("a capture of {intent} was answered with {id} of {named}")).await;
    }
    match answer.status {
        IntentStatus::Succeeded => {
            let amount = Money { value: answer.captured, ..answer.amount };
            record_capture(session, intent, amount).await
        }
        IntentStatus::Canceled => execute_step(session, BookingCommand::FailCapture { intent }).await,
        // Refused, but it can still be captured: the process tries again.
        _ => Ok(Next::Stop(Stop::TryLater)),
    }
}

async fn record_capture(session: &mut BookingSession, intent: IntentId, amount: Money) -> Result<Next, CommandError> {
    let draw = session.services.ports.ids.uuid();
    execute_step(session, BookingCommand::RecordCapture { intent, amount, draw }).await
}

/// Books the seats. Returns whether the booking still has all of them.
async fn book(session: &BookingSession, show: &ShowId, seats: &[SeatId]) -> Result<bool, CommandError> {
    let book = SeatCommand::Book { booking: session.id };
    match session.services.seats.execute(show, seats, &book, &session.metadata()).await {
        Err(CommandError::Rejected(Rejection::NotOwner { .. })) => Ok(false),
        booked => booked.map(|()| true),
    }
}

/// Releases the seats that the booking still has, in the guard and then in the log. In the other order,
/// a crash in between would leave a mark in the guard that keeps a free seat from being sold.
pub(super) async fn release(session: &BookingSession, booking: &Booking, reason: AbortReason) -> Result<(), CommandError> {
    let Some((show, mut seats)) = BookingSession::show_and_seats(booking) else { return Ok(()) };
    // What an exchange has not released yet; of those that are somebody else's nothing happens.
    seats.extend(booking.seats_of_exchanges());
    seats.sort_unstable();
    seats.dedup();
    session.services.guard.free(&show, &seats, session.id).await;
    let release = SeatCommand::Release { booking: session.id, reason };
    session.services.seats.execute(&show, &seats, &release, &session.metadata()).await?;
    refund_part::release_given_up(session, booking).await
}

/// Cancels the intent of an aborted booking.
pub(super) async fn void(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let intent = match intent(session, booking).await {
        Reply::Answer(intent) => intent,
        Reply::Refused { code, message } => {
            return flag(session, &format!("the gateway refuses to name the intent: {message} ({code})")).await;
        }
        Reply::NoAnswer => return Ok(Next::Stop(Stop::TryLater)),
    };
    match call(session, || session.services.ports.payments.cancel(&intent, session.id)).await {
        Reply::Answer(_) => execute_step(session, BookingCommand::RecordVoid { intent }).await,
        Reply::Refused { code, message } => {
            flag(session, &format!("the intent of an aborted booking can't be cancelled: {message} ({code})")).await
        }
        Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
    }
}

/// Returns the money of a booking whose refund was requested: what neither a partial refund nor a person by hand has returned.
pub(super) async fn return_money(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let (Some(intent), Some(amount), Some(charged)) = (booking.intent.clone(), booking.left(), booking.amount()) else {
        return Ok(Next::Stop(Stop::Finished));
    };
    if booking.tender().is_some() {
        // Who requests the refund returns the money, or the bill, at the till.
        return execute_step(session, BookingCommand::RecordRefund { intent, amount }).await;
    }
    // What the gateway is to have returned in the end. The buyer got the rest by another way.
    let all = charged.value.saturating_sub(booking.parts_elsewhere());
    let before = match refunded(session, &intent).await {
        Reply::Answer(refunded) => refunded,
        Reply::Refused { code, message } => {
            return flag(session, &format!("the gateway refuses to show the intent: {message} ({code})")).await;
        }
        Reply::NoAnswer => return Ok(Next::Stop(Stop::TryLater)),
    };
    if before == all {
        return execute_step(session, BookingCommand::RecordRefund { intent, amount }).await;
    }
    let left = Money { value: all.saturating_sub(before), ..amount };
    let payments = &session.services.ports.payments;
    match call(session, || payments.refund(&intent, session.id, booking.next_refund(), left)).await {
        Reply::Answer(answer) if answer.refunded == all => {
            execute_step(session, BookingCommand::RecordRefund { intent, amount }).await
        }
        Reply::Answer(answer) => {
            flag(session, &format!("the gateway returned {} minor units instead of {all}", answer.refunded)).await
        }
        // Returned meanwhile, by another worker or by hand: the intent itself shows it.
        Reply::Refused { code, message } => match refunded(session, &intent).await {
            Reply::Answer(refunded) if refunded == all => {
                execute_step(session, BookingCommand::RecordRefund { intent, amount }).await
            }
            Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
            _ => flag(session, &format!("the gateway refuses to refund: {message} ({code})")).await,
        },
        Reply::NoAnswer => Ok(Next::Stop(Stop::TryLater)),
    }
}

/// Minor units that the gateway has returned of an intent.
async fn refunded(session: &BookingSession, intent: &IntentId) -> Reply<i64> {
    match call(session, || session.services.ports.payments.retrieve(intent)).await {
        Reply::Answer(answer) => Reply::Answer(answer.refunded),
        Reply::Refused { code, message } => Reply::Refused { code, message },
        Reply::NoAnswer => Reply::NoAnswer,
    }
}
