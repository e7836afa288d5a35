//! The two ways to open a hold, and the one place that chooses between them.
//!
//! The embedded log writes several streams in one transaction. EventStoreDB writes each stream for
//! itself, so there a hold may be half written, and is completed or undone.

use super::hold_in_progress::{Appended, HoldInProgress};
use super::open_atomic::open_atomic;
use super::open_compensated::open_compensated;
use super::repair_hold::repair_hold;
use crate::error::{CommandError, Fault};
use crate::requests::HoldRequest;
use crate::seats::SeatDecision;
use crate::services::Services;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::ports::EventLog;
use lastseat_domain::{Metadata, Rejection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenStrategy {
    /// All streams or none.
    Atomic,
    /// Each stream for itself; what is lost is compensated.
    Compensated,
}

impl OpenStrategy {
    pub(super) fn of(log: &dyn EventLog) -> Self {
        if log.atomic_across_streams() { Self::Atomic } else { Self::Compensated }
    }

    /// Appends the booking's first event and its seats' locks. `any_seats_will_do`: if a seat is lost,
    /// the hold goes on with other seats.
    pub(super) async fn append(
        self,
        hold: &HoldInProgress<'_>,
        opened: &BookingOpened,
        decisions: &[SeatDecision],
        any_seats_will_do: bool,
    ) -> Result<Appended, CommandError> {
        match self {
            Self::Atomic => open_atomic(hold, opened, decisions).await,
            Self::Compensated => open_compensated(hold, opened, decisions, any_seats_will_do).await,
        }
    }

    /// Sees to it that an undecided booking has its seats. `None`: it could not, and is over.
    pub(super) async fn ensure_seats(
        self,
        services: &Services,
        booking: Booking,
        metadata: &Metadata,
    ) -> Result<Option<Booking>, CommandError> {
        match self {
            Self::Atomic => Ok(Some(booking)),
            Self::Compensated if !booking.is_undecided() => Ok(Some(booking)),
            Self::Compensated => repair_hold(services, booking, metadata).await.map_err(CommandError::begun),
        }
    }

    /// Whether the seat in the way was locked by an earlier try of the same request that did not get
    /// as far as opening its booking.
    pub(super) async fn is_own_leftover(
        self,
        services: &Services,
        request: &HoldRequest,
        rejection: &Rejection,
    ) -> Result<bool, Fault> {
        match (self, rejection) {
            (Self::Compensated, Rejection::SeatUnavailable { seat, .. }) => {
                services.seats.is_owner(&request.show, seat, request.booking).await
            }
            _ => Ok(false),
        }
    }
}
