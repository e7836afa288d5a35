//! The booking process: drives a booking forward. It runs what [`next_step`] names until nothing is
//! left to do, or until it has to wait. The live path and recovery both use it.

use super::session::BookingSession;
use super::steps::{Next, Stop, execute_step, flag};
use super::{authorise, capture};
use crate::error::CommandError;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::settle::{Step, next_step};

/// More steps than any booking needs from its first to its last.
const STEPS: usize = 32;

pub(super) async fn run_until_blocked(session: &mut BookingSession) -> Result<Stop, CommandError> {
    for _ in 0..STEPS {
        let Some(booking) = session.find().await? else { return Ok(Stop::Finished) };
        let now = session.now();
        let next = match next_step(&booking, now) {
            Step::Done => Next::Stop(Stop::Finished),
            Step::WaitUntil(deadline) => Next::Stop(Stop::Until(deadline)),
            Step::Expire => execute_step(session, BookingCommand::Expire { now }).await?,
            Step::ResumePayment => authorise::confirm(session, &booking).await?,
            Step::CheckAction => authorise::check_action(session, &booking).await?,
            Step::CommitAuthorised => authorise::commit_authorised(session, &booking).await?,
            Step::BookSeatsAndCapture => capture::book_and_capture(session, &booking).await?,
            Step::ReleaseSeats(reason) => {
                capture::release(session, &booking, reason).await?;
                Next::Stop(Stop::Finished)
            }
            // The seats first: they must not wait for a gateway that does not answer.
            Step::ReleaseSeatsAndVoid(reason) => {
                capture::release(session, &booking, reason).await?;
                capture::void(session, &booking).await?
            }
            Step::Flag => flag(session, "the payment was started more than 24 hours ago and its outcome is unknown").await?,
            Step::Refund => capture::return_money(session, &booking).await?,
        };
        if let Next::Stop(stop) = next {
            return Ok(stop);
        }
    }
    tracing::error!(booking = %session.id, "a booking takes more steps than any should");
    Ok(Stop::TryLater)
}
