//! The steps of an exchange of seats: lock the new ones, look that nobody is inside with an old ticket, decide, then book the new ones and release the old. The booking has
//! its old seats until the decision, and the new ones from then on.

use super::session::BookingSession;
use super::steps::{Next, Stop, execute_step};
use crate::error::CommandError;
use crate::hold::blocks_of_till;
use chrono::TimeDelta;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::event::AbortReason;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::ticket::Ticket;
use lastseat_domain::{Rejection, SeatId, ShowId, TicketId};

/// When a seat that is locked for an exchange is expected back, if it comes to nothing. Only for display.
const LOCK: TimeDelta = TimeDelta::seconds(60);

/// Checks that nobody came in with the ticket of a seat that is to be given up and is inside: the ticket of the new seat would
/// let in a second person. A scan at the same moment may come after this, as after the reading of a booking that is refunded.
pub(super) async fn check_nobody_inside(session: &BookingSession, leaves: &[SeatId]) -> Result<(), CommandError> {
    for seat in leaves {
        let ticket = session.services.journal.load::<Ticket>(&TicketId::of(session.id, seat)).await?.state;
        if let Some(scan) = ticket.inside() {
            return Err(Rejection::SomebodyInside { seat: seat.clone(), at: scan.at, gate: scan.gate.clone() }.into());
        }
    }
    Ok(())
}

/// Locks the seats of the exchange that is under way, then decides it. If one can't be had, or somebody came in meanwhile with
/// the ticket of one that is given up, it is abandoned.
pub(super) async fn take_seats(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let (Some(show), Some(requested), Some(buyer)) = (booking.show(), &booking.exchange, booking.buyer()) else {
        return Ok(Next::Stop(Stop::Finished));
    };
    let exchange = requested.exchange;
    let blocks = blocks_of_till(&session.services, show)?;
    for priced in &requested.takes {
        let take = SeatCommand::Take {
            booking: session.id,
            buyer: buyer.clone(),
            price: priced.price,
            expires_at: session.now() + LOCK,
            blocks: blocks.clone(),
            exchange,
        };
        let seat = std::slice::from_ref(&priced.seat);
        match session.services.seats.execute(show, seat, &take, &session.metadata()).await {
            Ok(()) => {}
            Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection)) => {
                session.lost = Some(rejection);
                return execute_step(session, BookingCommand::AbandonExchange { exchange }).await;
            }
            Err(fault) => return Err(fault),
        }
    }
    // Last, for it may have been requested long ago, by a node that has crashed since.
    match check_nobody_inside(session, &requested.leaves).await {
        Ok(()) => {}
        Err(CommandError::Rejected(rejection)) => {
            session.lost = Some(rejection);
            return execute_step(session, BookingCommand::AbandonExchange { exchange }).await;
        }
        Err(fault) => return Err(fault),
    }
    execute_step(session, BookingCommand::DecideExchange { exchange }).await
}

/// Completes what exchanges have decided: books the seats that the booking got, and releases those that it gave up, or that
/// were locked for nothing.
pub(super) async fn finish(session: &mut BookingSession, booking: &Booking) -> Result<Next, CommandError> {
    let Some(show) = booking.show() else { return Ok(Next::Stop(Stop::Finished)) };
    for past in &booking.past_exchanges {
        let exchange = past.requested.exchange;
        if past.made {
            let kept: Vec<SeatId> = past.kept(booking).cloned().collect();
            let book = SeatCommand::BookTaken { booking: session.id, exchange };
            match session.services.seats.execute(show, &kept, &book, &session.metadata()).await {
                Ok(()) => {}
                // Another exchange has given it up since the booking was read.
                Err(CommandError::Rejected(Rejection::NotOwner { .. })) => {
                    session.forget();
                    return Ok(Next::Step);
                }
                Err(failed) => return Err(failed),
            }
            session.services.guard.mark_sold(show, &kept, session.id).await;
            let by = (0, exchange.saturating_sub(1));
            give_up(session, show, past.requested.leaves.clone(), AbortReason::Exchanged, by).await?;
        } else {
            let takes = past.requested.takes.iter().map(|priced| priced.seat.clone()).collect();
            give_up(session, show, takes, AbortReason::SeatLost, (exchange, exchange)).await?;
        }
    }
    Ok(Next::Stop(Stop::Finished))
}

/// In the guard first, as all releases.
async fn give_up(
    session: &BookingSession,
    show: &ShowId,
    seats: Vec<SeatId>,
    reason: AbortReason,
    by: (u32, u32),
) -> Result<(), CommandError> {
    session.services.guard.free(show, &seats, session.id).await;
    let give_up = SeatCommand::GiveUp { booking: session.id, reason, by };
    session.services.seats.execute(show, &seats, &give_up, &session.metadata()).await
}
