//! Brings a hold into the log: `BookingOpened` and a `SeatLocked` for each seat.

use super::attempt::{Appended, Attempt, lock_command};
use super::opening::Opening;
use super::repair_hold::kept_seats;
use super::replay::replay;
use crate::error::{CommandError, Fault};
use crate::requests::Hold;
use crate::seats::Planned;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::seat::{SeatCommand, SeatKey};
use lastseat_domain::{Rejection, SeatId};

/// Times that the seats are decided again because one had changed since it was decided.
const TRIES: usize = 4;

pub(super) enum HoldOutcome {
    /// The booking is open.
    Open(Box<Hold>),
    /// Another booking has a seat; this one has none.
    Lost { seat: SeatId, rejection: Rejection },
}

/// Appends the hold of `seats`, which are in sorted order. `others_would_do`: if one of them is lost,
/// the hold goes on with other seats.
pub(super) async fn append_hold(
    attempt: &Attempt<'_>,
    opening: Opening,
    seats: &[SeatId],
    others_would_do: bool,
) -> Result<HoldOutcome, CommandError> {
    let opened = attempt.opening_of(seats)?;
    for _ in 0..TRIES {
        let mut planned = Vec::with_capacity(seats.len());
        for priced in &opened.seats {
            let key = SeatKey { show: opened.show.clone(), seat: priced.seat.clone() };
            match attempt.services.seats.decide(&key, &lock_command(&opened, priced, opened.expires_at)).await {
                Ok(decision) => planned.push(decision),
                Err(CommandError::Rejected(rejection)) => return Ok(HoldOutcome::Lost { seat: priced.seat.clone(), rejection }),
                Err(failed) => return Err(failed),
            }
        }
        // An earlier try under the same key may have locked a seat already.
        planned.retain(|p| !p.events.is_empty());
        if attempt.request.request.is_some() {
            // Before the append: its outcome may stay unknown, and a repeat has to find out.
            attempt.services.known_bookings.insert(opened.booking);
        }
        match opening.append(attempt, &opened, &planned, others_would_do).await? {
            Appended::All => return Ok(HoldOutcome::Open(Box::new(attempt.hold_of(&opened)?))),
            Appended::BookingExists => return found_booking(attempt, opening, seats, &planned).await,
            Appended::Lost(seat, rejection) => return Ok(HoldOutcome::Lost { seat, rejection }),
            Appended::Nothing => {}
        }
    }
    Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
}

/// The same request opened the booking before: its answer is the answer. Seats that only this try
/// locked (other units of an area) are released.
async fn found_booking(
    attempt: &Attempt<'_>,
    opening: Opening,
    seats: &[SeatId],
    planned: &[Planned],
) -> Result<HoldOutcome, CommandError> {
    let (services, request) = (attempt.services, attempt.request);
    let hold = replay(services, opening, request).await;
    let booking = services.journal.load::<Booking>(&request.booking).await?.state;
    let kept = kept_seats(booking.as_ref());
    let extra: Vec<SeatId> = seats.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
    let written: Vec<SeatId> = planned.iter().map(|p| p.key.seat.clone()).filter(|seat| extra.contains(seat)).collect();
    let release = SeatCommand::Release { booking: request.booking, reason: AbortReason::SeatLost };
    services.seats.execute(&request.show, &written, &release, &attempt.metadata()).await?;
    services.guard.unlock(&request.show, &extra, request.booking).await;
    match hold? {
        Some(hold) => Ok(HoldOutcome::Open(Box::new(hold))),
        None => match booking.map(|b| b.phase) {
            Some(Phase::Aborted { reason }) => Err(Rejection::BookingOver { reason }.into()),
            _ => Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into()),
        },
    }
}
