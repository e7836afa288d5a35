//! The command to move a sold booking to other seats. What follows from it are steps of the booking process, so any node
//! can take them.

use super::exchange_steps::check_nobody_inside;
use super::process::{Reach, run_until_blocked};
use super::session::BookingSession;
use crate::error::CommandError;
use crate::hold::choose_for_exchange;
use crate::requests::ExchangeRequest;
use lastseat_domain::booking::{Booking, BookingCommand, PastExchange, Phase};
use lastseat_domain::{Rejection, SeatId};

/// Times that a request waits for an exchange that is under way.
const TRIES: usize = 4;

pub(super) async fn exchange(mut session: BookingSession, request: ExchangeRequest) -> Result<Booking, CommandError> {
    let booking = session.booking().await?;
    let Some(show) = booking.show().cloned() else { return Err(Rejection::BookingNotFound.into()) };
    if session.is_repeat() {
        return repeated(session, &request).await;
    }
    if booking.phase != (Phase::Confirmed { refund_requested: false }) {
        return Err(Rejection::NotChangeable.into());
    }
    // What an earlier exchange has left undone comes first.
    follow_up(&mut session).await?;
    let own = booking.seats().iter().map(|own| own.seat.clone()).filter(|seat| request.leaves.contains(seat));
    check_nobody_inside(&session, &own.collect::<Vec<_>>()).await?;
    let chosen = match choose_for_exchange(&session.services, &show, session.id, &request.takes).await {
        Ok(chosen) => chosen,
        // The same request may be under way on another node, which has the seats for it.
        Err(refused) => {
            session.forget();
            session.booking().await?;
            return if session.is_repeat() { repeated(session, &request).await } else { Err(refused) };
        }
    };
    let takes: Vec<SeatId> = chosen.seats.iter().map(|priced| priced.seat.clone()).collect();
    let command = BookingCommand::RequestExchange {
        leaves: request.leaves.clone(),
        takes: chosen.seats.clone(),
        show_revision: chosen.show_revision,
        by: session.by().to_owned(),
    };
    let requested = ask(&mut session, command).await;
    let number = match requested {
        Ok(Some(number)) => number,
        // Another node was faster with the same request. What has followed since may have given the seats up again.
        Ok(None) => {
            follow_up(&mut session).await?;
            let booking = session.booking().await?;
            let is_own = |seat: &SeatId| booking.seats().iter().any(|own| own.seat == *seat);
            let given_up: Vec<SeatId> = takes.into_iter().filter(|seat| !is_own(seat)).collect();
            session.services.guard.unlock(&show, &given_up, session.id).await;
            return repeated(session, &request).await;
        }
        Err(error) => {
            session.services.guard.unlock(&show, &takes, session.id).await;
            return Err(error);
        }
    };
    follow_up(&mut session).await?;
    let lost = session.lost.take();
    let booking = session.booking().await?;
    match booking.past_exchanges.iter().find(|past| past.requested.exchange == number) {
        Some(PastExchange { made: true, .. }) => Ok(booking),
        Some(PastExchange { made: false, .. }) => Err(lost.unwrap_or(Rejection::ExchangeAbandoned).into()),
        None => Err(Rejection::ExchangeInProgress.into()),
    }
}

/// Requests the exchange, once one that is under way is over. Returns its number; none if it was requested before, since when
/// others may have been.
async fn ask(session: &mut BookingSession, command: BookingCommand) -> Result<Option<u32>, CommandError> {
    for _ in 0..TRIES {
        match session.execute(command.clone()).await {
            Ok(appended) => return Ok(if appended { Some(session.booking().await?.exchanges) } else { None }),
            Err(CommandError::Rejected(Rejection::ExchangeInProgress)) => follow_up(session).await?,
            Err(error) => return Err(error),
        }
    }
    Err(Rejection::ExchangeInProgress.into())
}

/// The same request was sent before, and its answer was lost.
async fn repeated(mut session: BookingSession, request: &ExchangeRequest) -> Result<Booking, CommandError> {
    follow_up(&mut session).await?;
    let booking = session.booking().await?;
    let same = |past: &&PastExchange| {
        let PastExchange { requested, .. } = past;
        let takes = requested.takes.iter().all(|taken| request.takes.iter().any(|(seat, _)| *seat == taken.seat));
        let leaves = requested.leaves.iter().all(|seat| request.leaves.contains(seat));
        takes && leaves && requested.takes.len() == request.takes.len() && requested.leaves.len() == request.leaves.len()
    };
    let made: Vec<bool> = booking.past_exchanges.iter().filter(same).map(|past| past.made).collect();
    // Of several with these seats it does not matter which was this request's: the seats say whether it is carried out.
    let has = |seat: &SeatId| booking.seats().iter().any(|own| own.seat == *seat);
    let carried_out = request.takes.iter().all(|(seat, _)| has(seat)) && !request.leaves.iter().any(has);
    let is_success = if made.contains(&false) { made.contains(&true) && carried_out } else { !made.is_empty() };
    if is_success { Ok(booking) } else { Err(Rejection::ExchangeAbandoned.into()) }
}

async fn follow_up(session: &mut BookingSession) -> Result<(), CommandError> {
    run_until_blocked(session, Reach::Log).await.map(drop).map_err(CommandError::begun)
}
