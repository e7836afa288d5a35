//! The booking process: drives a booking forward. It runs what [`next_step`] names until nothing is
//! left to do, or until it has to wait. The live path and recovery both use it.

use super::session::BookingSession;
use super::steps::{Next, Stop, execute_step, flag};
use super::{authorise, capture, exchange_steps, refund_part, vouchers};
use crate::error::CommandError;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::settle::{Step, next_step};

/// More steps than any booking needs from its first to its last.
const STEPS: usize = 32;

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It stops before the first call to the gateway, which may take long. The log always answers soon.
    Log,
    /// As far as it gets.
    Gateway,
}

/// Whether a step calls the gateway. A booking that costs nothing, or is paid at the till, never reaches it.
pub(crate) fn calls_gateway(booking: &Booking, step: &Step) -> bool {
    let free = booking.amount().is_some_and(|amount| amount.value == 0);
    !free
        && booking.tender().is_none()
        && match step {
            Step::ResumePayment | Step::CheckAction | Step::BookSeatsAndCapture | Step::ReleaseSeatsAndVoid(_) | Step::Refund => {
                true
            }
            // Seats may be given up for nothing.
            Step::RefundPart => booking.refund_under_way().is_some_and(|part| part.requested.amount.value > 0),
            Step::Done
            | Step::WaitUntil(_)
            | Step::Expire
            | Step::CommitAtTill
            | Step::CommitAuthorised
            | Step::ReleaseSeats(_)
            | Step::Exchange
            | Step::FinishExchanges
            | Step::ReleaseGivenUp
            | Step::Flag => false,
        }
}

pub(super) async fn run_until_blocked(session: &mut BookingSession, reach: Reach) -> Result<Stop, CommandError> {
    for _ in 0..STEPS {
        let Some(booking) = session.find().await? else { return Ok(Stop::Finished) };
        let now = session.now();
        let step = next_step(&booking, now);
        if reach == Reach::Log && calls_gateway(&booking, &step) {
            if let Step::ReleaseSeatsAndVoid(reason) = step {
                capture::release(session, &booking, reason).await?;
                vouchers::finish(session, &[]).await?;
            }
            free_seats(session, &booking).await?;
            return Ok(Stop::AtGateway(now));
        }
        let next = match step {
            Step::Done => Next::Stop(finish_voucher(session).await),
            Step::WaitUntil(deadline) => Next::Stop(Stop::Until(deadline)),
            Step::Expire => execute_step(session, BookingCommand::Expire { now }).await?,
            Step::ResumePayment => authorise::confirm(session, &booking).await?,
            Step::CheckAction => authorise::check_action(session, &booking).await?,
            Step::CommitAtTill | Step::CommitAuthorised => authorise::commit_authorised(session, &booking).await?,
            Step::BookSeatsAndCapture => capture::book_and_capture(session, &booking).await?,
            Step::ReleaseSeats(reason) => {
                capture::release(session, &booking, reason).await?;
                Next::Stop(finish_voucher(session).await)
            }
            // The seats first: they must not wait for a gateway that does not answer.
            Step::ReleaseSeatsAndVoid(reason) => {
                capture::release(session, &booking, reason).await?;
                vouchers::finish(session, &[]).await?;
                capture::void(session, &booking).await?
            }
            Step::Flag => flag(session, "the payment was started more than 24 hours ago and its outcome is unknown").await?,
            Step::Exchange => exchange_steps::take_seats(session, &booking).await?,
            Step::FinishExchanges => finish_exchanges(session, &booking).await?,
            Step::Refund => capture::return_money(session, &booking).await?,
            // Seats of an earlier one must not wait for the gateway.
            Step::RefundPart => {
                free_seats(session, &booking).await?;
                refund_part::return_part(session, &booking).await?
            }
            Step::ReleaseGivenUp => {
                refund_part::release_given_up(session, &booking).await?;
                finish_exchanges(session, &booking).await?
            }
        };
        if let Next::Stop(stop) = next {
            return Ok(stop);
        }
    }
    tracing::error!(booking = %session.id, "a booking takes more steps than any should");
    Ok(Stop::TryLater)
}

/// What the booking has given up, and what its exchanges have decided, for which the log is enough.
async fn free_seats(session: &mut BookingSession, booking: &Booking) -> Result<(), CommandError> {
    refund_part::release_given_up(session, booking).await?;
    exchange_steps::finish(session, booking).await.map(drop)
}

async fn finish_exchanges(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    match exchange_steps::finish(session, booking).await? {
        Next::Stop(Stop::Finished) => Ok(Next::Stop(finish_voucher(session).await)),
        next => Ok(next),
    }
}

/// The booking is paid or over: so is its voucher. A failure is no failure of what was done before, and is made good from
/// the log.
async fn finish_voucher(session: &mut BookingSession) -> Stop {
    match vouchers::finish(session, &[]).await {
        Ok(()) => Stop::Finished,
        Err(error) => {
            tracing::warn!(booking = %session.id, %error, "a voucher is finished later");
            Stop::TryLater
        }
    }
}
