//! The command to move a sold booking to other seats. What follows from it are steps of the booking process, so any node
//! can take them.

use super::exchange_steps::check_nobody_inside;
use super::process::{Reach, run_until_blocked};
use super::session::BookingSession;
use crate::error::CommandError;
use crate::hold::choose_for_exchange;
use crate::requests::ExchangeRequest;
use lastseat_domain::booking::{Booking, BookingCommand, PastExchange, Phase};
use lastseat_domain::event::Event;
use lastseat_domain::{Rejection, SeatId};

/// Times that a request waits for an exchange that is under way.
const TRIES: usize = 4;

pub(super) async fn exchange(mut session: BookingSession, request: ExchangeRequest) -> Result<Booking, CommandError> {
    let booking = session.booking().await?;
    let Some(show) = booking.show().cloned() else { return Err(Rejection::BookingNotFound.into()) };
    if session.is_repeat() {
        return repeated(session).await;
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
            return if session.is_repeat() { repeated(session).await } else { Err(refused) };
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
            let under_way = booking.exchange.iter().flat_map(|exchange| &exchange.takes);
            let own: Vec<&SeatId> = booking.seats().iter().chain(under_way).map(|own| &own.seat).collect();
            let given_up: Vec<SeatId> = takes.into_iter().filter(|seat| !own.contains(&seat)).collect();
            session.services.guard.unlock(&show, &given_up, session.id).await;
            return repeated(session).await;
        }
        Err(error) => {
            session.services.guard.unlock(&show, &takes, session.id).await;
            return Err(error);
        }
    };
    follow_up(&mut session).await?;
    let lost = session.lost.take().unwrap_or(Rejection::ExchangeAbandoned);
    outcome(session.booking().await?, Some(number), lost)
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

/// The same request was sent before, and its answer was lost. Others may have followed, to and fro between the same seats.
async fn repeated(mut session: BookingSession) -> Result<Booking, CommandError> {
    follow_up(&mut session).await?;
    let number = session.effects().await?.iter().find_map(|event| match event {
        Event::ExchangeRequested(requested) => Some(requested.exchange),
        _ => None,
    });
    outcome(session.booking().await?, number, Rejection::ExchangeAbandoned)
}

/// What became of the exchange of that number. `lost`: why, if it was abandoned.
fn outcome(booking: Booking, number: Option<u32>, lost: Rejection) -> Result<Booking, CommandError> {
    match booking.past_exchanges.iter().find(|past| Some(past.requested.exchange) == number) {
        Some(PastExchange { made: true, .. }) => Ok(booking),
        Some(PastExchange { made: false, .. }) => Err(lost.into()),
        None => Err(Rejection::ExchangeInProgress.into()),
    }
}

async fn follow_up(session: &mut BookingSession) -> Result<(), CommandError> {
    run_until_blocked(session, Reach::Log).await.map(drop).map_err(CommandError::begun)
}
