//! The answer to a request that was sent before under the same idempotency key.

use super::hold_in_progress::metadata_of_hold;
use super::open_strategy::OpenStrategy;
use crate::error::CommandError;
use crate::requests::{Hold, HoldRequest};
use crate::services::Services;
use lastseat_domain::Rejection;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::AbortReason;

/// The booking that the same request opened before, if it did. What has to be completed for it is
/// recorded as done by `sender`.
///
/// # Errors
/// `IdempotencyKeyReused` if another request did.
pub(super) async fn replay(
    services: &Services,
    strategy: OpenStrategy,
    request: &HoldRequest,
    sender: &str,
) -> Result<Option<Hold>, CommandError> {
    let Some(booking) = services.journal.load::<Booking>(&request.booking).await?.state else { return Ok(None) };
    match &booking.opened {
        Some(opened) if opened.request == request.fingerprint => {
            let booking = match booking.phase {
                // It lost a seat before anyone was answered that it was open.
                Phase::Aborted { reason: AbortReason::SeatLost } => None,
                _ => strategy.ensure_seats(services, booking, &metadata_of_hold(request, sender, services.now())).await?,
            };
            Ok(booking.map(|booking| Hold { booking, replayed: true }))
        }
        Some(_) => Err(Rejection::IdempotencyKeyReused.into()),
        // Fenced: the first try crashed, and had no effect.
        None => Ok(None),
    }
}
