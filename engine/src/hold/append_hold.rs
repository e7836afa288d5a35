//! Brings a hold into the log: `BookingOpened` and a `SeatLocked` for each seat.

use super::hold_in_progress::{Appended, HoldInProgress, lock_command};
use super::open_strategy::OpenStrategy;
use super::repair_hold::kept_seats;
use super::replay::replay;
use crate::error::{CommandError, Fault};
use crate::requests::Hold;
use crate::seats::SeatDecision;
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

/// Appends the hold of `seats`, which are in sorted order. `any_seats_will_do`: if one of them is lost,
/// the hold goes on with other seats.
pub(super) async fn append_hold(
    hold: &HoldInProgress<'_>,
    strategy: OpenStrategy,
    seats: &[SeatId],
    any_seats_will_do: bool,
) -> Result<HoldOutcome, CommandError> {
    let opened = hold.first_event(seats)?;
    for _ in 0..TRIES {
        let mut decisions = Vec::with_capacity(seats.len());
        for priced in &opened.seats {
            let key = SeatKey { show: opened.show.clone(), seat: priced.seat.clone() };
            match hold
                .services
                .seats
                .decide(&key, &lock_command(&opened, priced, opened.expires_at, hold.target.access.blocks()))
                .await
            {
                Ok(decision) => decisions.push(decision),
                Err(CommandError::Rejected(rejection)) => return Ok(HoldOutcome::Lost { seat: priced.seat.clone(), rejection }),
                Err(failed) => return Err(failed),
            }
        }
        // An earlier try under the same key may have locked a seat already.
        decisions.retain(|p| !p.events.is_empty());
        if hold.request.fingerprint.is_some() {
            // Before the append: its outcome may stay unknown, and a repeat has to find out.
            hold.services.known_bookings.insert(opened.booking);
        }
        match strategy.append(hold, &opened, &decisions, any_seats_will_do).await? {
            Appended::All => return Ok(HoldOutcome::Open(Box::new(hold.hold_of(&opened)?))),
            Appended::BookingExists => return found_booking(hold, strategy, seats, &decisions).await,
            Appended::Lost(seat, rejection) => return Ok(HoldOutcome::Lost { seat, rejection }),
            Appended::Nothing => {}
        }
    }
    Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
}

/// The same request opened the booking before: its answer is the answer. Seats that only this try
/// locked (other units of an area) are released.
async fn found_booking(
    hold: &HoldInProgress<'_>,
    strategy: OpenStrategy,
    seats: &[SeatId],
    decisions: &[SeatDecision],
) -> Result<HoldOutcome, CommandError> {
    let (services, request) = (hold.services, hold.request);
    let first_answer = replay(services, strategy, request, hold.sender).await;
    let booking = services.journal.load::<Booking>(&request.booking).await?.state;
    let kept = kept_seats(booking.as_ref());
    let extra: Vec<SeatId> = seats.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
    let written: Vec<SeatId> = decisions.iter().map(|p| p.key.seat.clone()).filter(|seat| extra.contains(seat)).collect();
    // Not what the booking has locked for an exchange since.
    let release = SeatCommand::GiveUp { booking: request.booking, reason: AbortReason::SeatLost, by: (0, 0) };
    services.seats.execute(&request.show, &written, &release, &hold.metadata()).await?;
    services.guard.unlock(&request.show, &extra, request.booking).await;
    match first_answer? {
        Some(hold) => Ok(HoldOutcome::Open(Box::new(hold))),
        None => match booking.map(|b| b.phase) {
            Some(Phase::Aborted { reason }) => Err(Rejection::BookingOver { reason }.into()),
            _ => Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into()),
        },
    }
}
