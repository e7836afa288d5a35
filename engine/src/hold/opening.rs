//! What both ways to open a hold need: the booking and its seats' locks as appends, and what follows
//! from their outcomes.

use super::attempt::HoldAttempt;
use super::repair_hold::{kept_seats, lock_of};
use super::replay::replay;
use crate::error::{CommandError, Fault};
use crate::requests::Hold;
use crate::seats::Planned;
use lastseat_domain::booking::{self, Booking, Phase};
use lastseat_domain::event::{AbortReason, BookingOpened, Event, PricedSeat};
use lastseat_domain::ports::event_log::{Expected, StreamWrite, WriteOutcome};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, Money, Rejection, SeatId, StreamName, codec};

/// What became of a hold that was to be opened.
pub(super) enum HoldOutcome {
    /// The booking is open.
    Open(Box<Hold>),
    /// Another booking has a seat; nothing is left of this one on any seat.
    Lost {
        /// Which seat.
        seat: SeatId,
        /// In the rules' words.
        rejection: Rejection,
    },
}

/// The seats' locks, if all of them can be had.
pub(super) enum Locks {
    Planned(Vec<Planned>),
    Lost(HoldOutcome),
}

/// A hold about to be opened.
pub(super) struct Opening<'a> {
    pub attempt: &'a HoldAttempt<'a>,
    pub opened: BookingOpened,
    /// Of everything that follows from the opening.
    pub metadata: Metadata,
    booking_write: StreamWrite,
}

impl<'a> Opening<'a> {
    /// Opens with `seats`, which are in sorted order.
    ///
    /// # Errors
    /// Faults.
    pub(super) fn of(attempt: &'a HoldAttempt<'a>, seats: &[SeatId]) -> Result<Self, CommandError> {
        let opened = booking_opened(attempt, seats)?;
        let metadata = Metadata {
            trace: attempt.request.trace.clone(),
            // The request itself, which has no other id than that of the booking it opens.
            causation: Some(opened.booking.0),
            ..Metadata::of_booking(opened.booking, opened.buyer.as_str(), attempt.context.now)
        };
        let events = [Event::BookingOpened(opened.clone())];
        let booking_write =
            codec::encode(StreamName::booking(opened.booking), Expected::NoStream, &events, &metadata).map_err(Fault::from)?;
        let metadata = Metadata { causation: booking_write.events.first().map(|event| event.id), ..metadata };
        Ok(Self { attempt, opened, metadata, booking_write })
    }

    /// Each seat's decision to lock it for the booking.
    ///
    /// # Errors
    /// Faults.
    pub(super) async fn plan_locks(&self) -> Result<Locks, CommandError> {
        let mut planned = Vec::with_capacity(self.opened.seats.len());
        for priced in &self.opened.seats {
            let command = lock_of(&self.opened, priced, self.opened.expires_at);
            match self.attempt.core.seats.decide(&self.opened.show, &priced.seat, &command).await {
                Ok(decision) => planned.push(decision),
                Err(CommandError::Rejected(rejection)) => {
                    return Ok(Locks::Lost(HoldOutcome::Lost { seat: priced.seat.clone(), rejection }));
                }
                Err(failed) => return Err(failed),
            }
        }
        // A seat that is this booking's already was locked by an earlier try under the same key.
        planned.retain(|p| !p.events.is_empty());
        Ok(Locks::Planned(planned))
    }

    /// The append that opens the booking.
    pub(super) fn booking_write(&self) -> StreamWrite {
        self.booking_write.clone()
    }

    /// The appends that lock the seats.
    pub(super) fn seat_writes(&self, planned: &[Planned]) -> Result<Vec<StreamWrite>, Fault> {
        planned.iter().map(|p| p.write(&self.opened.show, &self.metadata)).collect()
    }

    /// Records the outcomes of the seats' appends. Returns the seats whose append had a conflict.
    pub(super) fn conflicts(&self, planned: &[Planned], outcomes: &[WriteOutcome]) -> Vec<SeatId> {
        let mut conflicts = Vec::new();
        for (planned, outcome) in planned.iter().zip(outcomes) {
            if !self.attempt.core.seats.record_outcome(&self.opened.show, planned, *outcome) {
                conflicts.push(planned.seat.clone());
            }
        }
        conflicts
    }

    /// Everything was appended.
    ///
    /// # Errors
    /// Faults.
    pub(super) fn open(&self) -> Result<HoldOutcome, CommandError> {
        let opened = &self.opened;
        let seats = u32::try_from(opened.seats.len()).unwrap_or(u32::MAX);
        self.attempt.core.buyers.opened(&opened.show, &opened.buyer, opened.booking, seats);
        let booking = booking::evolve(None, &Event::BookingOpened(opened.clone()), self.attempt.context.now);
        let booking = booking.ok_or_else(|| Fault::Damaged("an opened booking has no state".into()))?;
        Ok(HoldOutcome::Open(Box::new(Hold { booking, replayed: false })))
    }

    /// The same request opened the booking before: its answer is the answer. Seats that only this try
    /// locked (units of an area, another choice) are released.
    ///
    /// # Errors
    /// `BookingOver` if it has ended since; faults.
    pub(super) async fn found_booking(&self, planned: &[Planned]) -> Result<HoldOutcome, CommandError> {
        let (core, opened) = (self.attempt.core, &self.opened);
        let hold = replay(core, self.attempt.request).await;
        let booking = core.journal.load::<Booking>(&opened.booking).await?.state;
        let kept = kept_seats(booking.as_ref());
        let extra: Vec<SeatId> = opened.seats.iter().map(|p| p.seat.clone()).filter(|seat| !kept.contains(seat)).collect();
        let written: Vec<SeatId> = planned.iter().map(|p| p.seat.clone()).filter(|seat| extra.contains(seat)).collect();
        let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
        core.seats.change(&opened.show, &written, &release, &self.metadata).await?;
        core.guard.unlock(&opened.show, &extra, opened.booking).await;
        match hold? {
            Some(hold) => Ok(HoldOutcome::Open(Box::new(hold))),
            None => match booking.map(|b| b.phase) {
                Some(Phase::Aborted { reason }) => Err(Rejection::BookingOver { reason }.into()),
                _ => Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into()),
            },
        }
    }
}

/// The booking's first event. Prices come from the show's plan.
fn booking_opened(attempt: &HoldAttempt<'_>, seats: &[SeatId]) -> Result<BookingOpened, CommandError> {
    let show = &attempt.context.show;
    let price = |seat: &SeatId| {
        let planned = show.plan.index_of(seat).and_then(|index| show.plan.seat(index));
        planned.map(|p| PricedSeat { seat: seat.clone(), price: p.price })
    };
    let priced: Vec<PricedSeat> = seats.iter().filter_map(price).collect();
    let amount = Money::sum(show.facts.currency, priced.iter().map(|p| p.price))
        .ok_or_else(|| Fault::Damaged("the prices of the show don't add up".into()))?;
    Ok(BookingOpened {
        booking: attempt.request.booking,
        show: attempt.context.active.id.clone(),
        buyer: attempt.request.buyer.clone(),
        seats: priced,
        amount,
        expires_at: attempt.expires_at(),
        request: attempt.request.request.clone(),
    })
}
