//! For logs without appends across streams: bringing an open booking and its seats to agree.
//!
//! There each stream's write stands alone. A booking may be open without some of its seats because
//! its opener died, because another node is opening it under the same idempotency key, or because
//! somebody else has them. Only the last is a loss.

use super::Attempt;
use crate::core::Core;
use crate::error::{CommandError, Fault};
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::event::{AbortReason, BookingOpened, PricedSeat};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{BookingId, Metadata, SeatId, StreamName, Timestamp, codec};

/// Times that the end of a booking is decided anew because another's append came first.
const TRIES: usize = 16;

/// The command that gives a booking one of its seats.
pub(super) fn lock_of(opened: &BookingOpened, priced: &PricedSeat, expires_at: Timestamp) -> SeatCommand {
    SeatCommand::Lock { booking: opened.booking, buyer: opened.buyer.clone(), price: priced.price, expires_at }
}

impl Core {
    /// Sees to it that an undecided booking has its seats. `None`: it could not, and is over.
    ///
    /// # Errors
    /// Faults.
    pub(super) async fn repair_hold(&self, booking: Booking) -> Result<Option<Booking>, CommandError> {
        let (Some(opened), Some(expires_at)) = (booking.opened.clone(), booking.expires_at) else { return Ok(None) };
        let metadata = Metadata::of_booking(booking.id, opened.buyer.as_str(), self.now());
        let mut locked = false;
        for priced in &opened.seats {
            if self.is_owner(&opened.show, &priced.seat, booking.id).await? {
                continue;
            }
            let lock = lock_of(&opened, priced, expires_at);
            match self.change_seats(&opened.show, std::slice::from_ref(&priced.seat), &lock, &metadata).await {
                Ok(()) => locked = true,
                Err(CommandError::Rejected(_)) => {
                    self.close_lost(&opened, &metadata).await?;
                    return Ok(None);
                }
                Err(failed) => return Err(failed),
            }
        }
        if !locked {
            return Ok(Some(booking));
        }
        // It may have ended meanwhile, and its end have freed the seats before they were locked.
        let Some(booking) = self.journal.booking(booking.id).await?.state else { return Ok(None) };
        if matches!(booking.phase, booking::Phase::Aborted { .. }) {
            self.close_lost(&opened, &metadata).await?;
            return Ok(None);
        }
        Ok(Some(booking))
    }

    /// Closes a booking that did not get all of its seats, then frees those that it has. The other
    /// way round, a crash in between would leave an open booking that could be paid.
    ///
    /// # Errors
    /// Faults; a rejection if it was sold, which takes all of its seats.
    pub(super) async fn close_lost(&self, opened: &BookingOpened, metadata: &Metadata) -> Result<(), CommandError> {
        let mut closed = false;
        for _ in 0..TRIES {
            let loaded = self.journal.booking(opened.booking).await?;
            let events = booking::decide(loaded.state.as_ref(), BookingCommand::Cancel { reason: AbortReason::SeatLost })?;
            let written = if events.is_empty() {
                true
            } else {
                let stream = StreamName::booking(opened.booking);
                let abort = codec::encode(stream, loaded.expected, &events, metadata).map_err(Fault::from)?;
                self.journal.append(vec![abort]).await?.iter().all(|outcome| outcome.is_written())
            };
            if written {
                closed = true;
                break;
            }
        }
        if !closed {
            return Err(Fault::Unavailable("the booking is too contended; try again".into()).into());
        }
        let seats: Vec<SeatId> = opened.seats.iter().map(|p| p.seat.clone()).collect();
        let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
        self.change_seats(&opened.show, &seats, &release, metadata).await
    }
}

impl Attempt<'_> {
    /// Locks a seat whose write had a conflict, unless it is another's. What it conflicted with may
    /// be old news to this node, or the same request on another node.
    ///
    /// # Errors
    /// `SeatUnavailable` if it is another's; faults.
    pub(super) async fn lock_again(
        &self,
        opened: &BookingOpened,
        seat: &SeatId,
        metadata: &Metadata,
    ) -> Result<(), CommandError> {
        let Some(priced) = opened.seats.iter().find(|p| p.seat == *seat) else { return Ok(()) };
        let lock = lock_of(opened, priced, opened.expires_at);
        self.core.change_seats(&self.target.active_show.id, std::slice::from_ref(seat), &lock, metadata).await
    }

    /// Frees seats that this very attempt has locked, and that the booking did not open with meanwhile.
    ///
    /// # Errors
    /// Faults.
    pub(super) async fn give_back(&self, locked: &[SeatId], booking: BookingId, metadata: &Metadata) -> Result<(), CommandError> {
        let state = self.core.journal.booking(booking).await?.state;
        let kept = kept_seats(state.as_ref());
        let seats: Vec<SeatId> = locked.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
        let release = SeatCommand::Release { booking, reason: AbortReason::SeatLost };
        self.core.change_seats(&self.target.active_show.id, &seats, &release, metadata).await
    }
}

/// The seats that a booking is to keep: all of its own, unless it is over.
pub(super) fn kept_seats(booking: Option<&Booking>) -> Vec<SeatId> {
    let alive = booking.filter(|b| !matches!(b.phase, booking::Phase::Aborted { .. } | booking::Phase::Refunded));
    alive.iter().flat_map(|b| b.seats()).map(|p| p.seat.clone()).collect()
}
