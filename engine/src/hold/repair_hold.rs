//! Makes an open booking and its seats consistent, on logs that append to each stream for itself.
//!
//! There a booking may be open without some of its seats because its node died, because another node
//! is opening it under the same idempotency key, or because another booking has them. Only the last
//! is a loss.

use super::access::blocks_of;
use super::hold_in_progress::lock_command;
use crate::error::CommandError;
use crate::origin::Context;
use crate::services::Services;
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, BookingOpened};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, SeatId};

/// Locks the seats that an undecided booking does not have. `None`: one is lost, and the booking is
/// over.
///
/// # Errors
/// Faults.
pub(super) async fn repair_hold(
    services: &Services,
    booking: Booking,
    metadata: &Metadata,
) -> Result<Option<Booking>, CommandError> {
    let (Some(opened), Some(expires_at)) = (booking.opened.clone(), booking.expires_at) else { return Ok(None) };
    let mut locked = false;
    for priced in &opened.seats {
        if services.seats.is_owner(&opened.show, &priced.seat, booking.id).await? {
            continue;
        }
        let blocks = blocks_of(services, &opened).await?;
        let lock = lock_command(&opened, priced, expires_at, blocks);
        match services.seats.execute(&opened.show, std::slice::from_ref(&priced.seat), &lock, metadata).await {
            Ok(()) => locked = true,
            Err(CommandError::Rejected(_)) => {
                close_lost(services, &opened, metadata).await?;
                return Ok(None);
            }
            Err(failed) => return Err(failed),
        }
    }
    if !locked {
        return Ok(Some(booking));
    }
    // It may have ended meanwhile, and its seats may have been released before they were locked.
    let Some(booking) = services.journal.load::<Booking>(&booking.id).await?.state else { return Ok(None) };
    if matches!(booking.phase, Phase::Aborted { .. }) {
        close_lost(services, &opened, metadata).await?;
        return Ok(None);
    }
    Ok(Some(booking))
}

/// Closes a booking that did not get all of its seats, then releases those that it has. In the other
/// order, a crash in between would leave an open booking that could be paid.
///
/// # Errors
/// Faults; a rejection if it was sold, which needs all of its seats.
pub(super) async fn close_lost(services: &Services, opened: &BookingOpened, metadata: &Metadata) -> Result<(), CommandError> {
    // A hold's metadata names its request, by the booking's id.
    let cause = metadata.causation.unwrap_or(opened.booking.0);
    let context = Context::following(&metadata.actor, metadata.trace.clone(), cause, opened.booking.0);
    let abort = BookingCommand::Cancel { reason: AbortReason::SeatLost };
    services.journal.execute::<Booking>(&opened.booking, abort, &context, &mut None).await?;
    let seats: Vec<SeatId> = opened.seats.iter().map(|p| p.seat.clone()).collect();
    let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
    services.seats.execute(&opened.show, &seats, &release, metadata).await
}

/// The seats that a booking keeps: all of its own, unless it is over.
pub(super) fn kept_seats(booking: Option<&Booking>) -> Vec<SeatId> {
    let alive = booking.filter(|b| !matches!(b.phase, Phase::Aborted { .. } | Phase::Refunded));
    alive.iter().flat_map(|b| b.seats()).map(|p| p.seat.clone()).collect()
}
