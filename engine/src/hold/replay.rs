//! The same request again, under its idempotency key: finds the booking that the first one opened.

use super::repair_hold;
use crate::core::Core;
use crate::error::CommandError;
use crate::requests::{Hold, HoldRequest};
use lastseat_domain::Rejection;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::AbortReason;

/// The booking that the same request opened before, if it did.
///
/// # Errors
/// `IdempotencyKeyReused` if another request did; faults.
pub(super) async fn replay(core: &Core, request: &HoldRequest) -> Result<Option<Hold>, CommandError> {
    let Some(booking) = core.journal.load::<Booking>(&request.booking).await?.state else { return Ok(None) };
    match &booking.opened {
        Some(opened) if opened.request == request.request => {
            let booking = match booking.phase {
                // It lost a seat before anybody learnt that it was open.
                Phase::Aborted { reason: AbortReason::SeatLost } => None,
                // All or nothing was appended, so it has its seats.
                _ if core.ports.log.atomic_across_streams() || !booking.is_undecided() => Some(booking),
                _ => repair_hold::complete(core, booking).await.map_err(CommandError::begun)?,
            };
            Ok(booking.map(|booking| Hold { booking, replayed: true }))
        }
        Some(_) => Err(Rejection::IdempotencyKeyReused.into()),
        // Fenced: the first try crashed on its way, and nothing came of it.
        None => Ok(None),
    }
}
