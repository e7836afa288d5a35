//! For logs without appends across streams: completes an open booking that lacks seats, or closes it.
//!
//! There each stream's append is independent. A booking may be open without some of its seats because
//! its opener died, because another node is opening it under the same idempotency key, or because
//! another booking has them. Only the last is a loss.

use crate::core::Core;
use crate::error::CommandError;
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::event::{AbortReason, BookingOpened, PricedSeat};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, SeatId, Timestamp};

/// The command that gives a booking one of its seats.
pub(super) fn lock_of(opened: &BookingOpened, priced: &PricedSeat, expires_at: Timestamp) -> SeatCommand {
    SeatCommand::Lock { booking: opened.booking, buyer: opened.buyer.clone(), price: priced.price, expires_at }
}

/// Locks the seats that an undecided booking lacks. `None`: it could not get them all, and is over.
///
/// # Errors
/// Faults.
pub(super) async fn complete(core: &Core, booking: Booking) -> Result<Option<Booking>, CommandError> {
    let (Some(opened), Some(expires_at)) = (booking.opened.clone(), booking.expires_at) else { return Ok(None) };
    let metadata = Metadata::of_booking(booking.id, opened.buyer.as_str(), core.now());
    let mut locked = false;
    for priced in &opened.seats {
        if core.seats.is_owner(&opened.show, &priced.seat, booking.id).await? {
            continue;
        }
        let lock = lock_of(&opened, priced, expires_at);
        match core.seats.change(&opened.show, std::slice::from_ref(&priced.seat), &lock, &metadata).await {
            Ok(()) => locked = true,
            Err(CommandError::Rejected(_)) => {
                close_lost(core, &opened, &metadata).await?;
                return Ok(None);
            }
            Err(failed) => return Err(failed),
        }
    }
    if !locked {
        return Ok(Some(booking));
    }
    // It may have ended meanwhile, and its end have freed the seats before they were locked.
    let Some(booking) = core.journal.load::<Booking>(&booking.id).await?.state else { return Ok(None) };
    if matches!(booking.phase, booking::Phase::Aborted { .. }) {
        close_lost(core, &opened, &metadata).await?;
        return Ok(None);
    }
    Ok(Some(booking))
}

/// Closes a booking that did not get all of its seats, then frees those that it has. The other
/// way round, a crash in between would leave an open booking that could be paid.
///
/// # Errors
/// Faults; a rejection if it was sold, which takes all of its seats.
pub(super) async fn close_lost(core: &Core, opened: &BookingOpened, metadata: &Metadata) -> Result<(), CommandError> {
    let cancel = BookingCommand::Cancel { reason: AbortReason::SeatLost };
    core.journal.execute::<Booking>(&opened.booking, &cancel, metadata).await?;
    let seats: Vec<SeatId> = opened.seats.iter().map(|p| p.seat.clone()).collect();
    let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
    core.seats.change(&opened.show, &seats, &release, metadata).await
}

/// The seats that a booking is to keep: all of its own, unless it is over.
pub(super) fn kept_seats(booking: Option<&Booking>) -> Vec<SeatId> {
    let alive = booking.filter(|b| !matches!(b.phase, booking::Phase::Aborted { .. } | booking::Phase::Refunded));
    alive.iter().flat_map(|b| b.seats()).map(|p| p.seat.clone()).collect()
}
