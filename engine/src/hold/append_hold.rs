//! Bringing a hold into the log: `BookingOpened` and a `SeatLocked` for each seat, together.

use super::Attempt;
use super::repair_hold::{kept_seats, lock_of};
use crate::box_office::Hold;
use crate::error::{CommandError, Fault};
use crate::seats::Planned;
use lastseat_domain::booking::{self, Phase};
use lastseat_domain::event::{AbortReason, BookingOpened, Event, PricedSeat};
use lastseat_domain::ports::event_log::{Expected, StreamWrite, WriteOutcome};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, Money, Rejection, SeatId, StreamName, codec};

/// Times that the append is made anew because a seat's actor was behind the log.
const TRIES: usize = 4;

/// What became of the append.
pub(super) enum HoldOutcome {
    /// The booking is open.
    Open(Box<Hold>),
    /// Another has a seat; nothing of this booking is left on any.
    Lost {
        /// Which seat.
        seat: SeatId,
        /// In the rules' words.
        rejection: Rejection,
    },
}

impl Attempt<'_> {
    /// Appends the hold of `seats`, which are in sorted order. `others_would_do`: if one of them is
    /// lost, the booking goes on with others.
    pub(super) async fn append_hold(&self, seats: &[SeatId], others_would_do: bool) -> Result<HoldOutcome, CommandError> {
        let opened = self.opening(seats)?;
        let metadata = Metadata {
            trace: self.request.trace.clone(),
            ..Metadata::of_booking(self.booking_id(), self.request.buyer.as_str(), self.target.now)
        };
        for _ in 0..TRIES {
            let mut planned = Vec::with_capacity(seats.len());
            for priced in &opened.seats {
                let command = lock_of(&opened, priced, opened.expires_at);
                match self.core.decide_seat(&self.target.active_show.id, &priced.seat, &command).await {
                    Ok(decision) => planned.push(decision),
                    Err(CommandError::Rejected(rejection)) => {
                        return Ok(HoldOutcome::Lost { seat: priced.seat.clone(), rejection });
                    }
                    Err(failed) => return Err(failed),
                }
            }
            // A seat that is this booking's already is left by an earlier try under the same key.
            planned.retain(|p| !p.events.is_empty());
            let appended = if self.core.ports.log.atomic_across_streams() {
                self.append_together(&opened, &planned, &metadata).await?
            } else if others_would_do {
                self.append_seats_first(&opened, &planned, &metadata).await?
            } else {
                self.append_each(&opened, &planned, &metadata).await?
            };
            match appended {
                Appended::All => return Ok(HoldOutcome::Open(Box::new(self.hold_of(&opened)?))),
                Appended::BookingExists => return self.found_booking(seats, &planned, &metadata).await,
                Appended::Lost(seat, rejection) => return Ok(HoldOutcome::Lost { seat, rejection }),
                Appended::Nothing => {}
            }
        }
        Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
    }

    fn opening(&self, seats: &[SeatId]) -> Result<BookingOpened, CommandError> {
        let price = |seat: &SeatId| {
            let planned = self.target.show.plan.index_of(seat).and_then(|i| self.target.show.plan.seat(i));
            planned.map(|p| PricedSeat { seat: seat.clone(), price: p.price })
        };
        let priced: Vec<PricedSeat> = seats.iter().filter_map(price).collect();
        let amount = Money::sum(self.target.show.facts.currency, priced.iter().map(|p| p.price))
            .ok_or_else(|| Fault::Damaged("the prices of the show don't add up".into()))?;
        Ok(BookingOpened {
            booking: self.booking_id(),
            show: self.target.active_show.id.clone(),
            buyer: self.request.buyer.clone(),
            seats: priced,
            amount,
            expires_at: self.expires_at(),
            request: self.request.request.clone(),
        })
    }

    fn hold_of(&self, opened: &BookingOpened) -> Result<Hold, CommandError> {
        let seats = u32::try_from(opened.seats.len()).unwrap_or(u32::MAX);
        self.core.buyers.opened(&opened.show, &opened.buyer, opened.booking, seats);
        let booking = booking::evolve(None, &Event::BookingOpened(opened.clone()), self.target.now);
        let booking = booking.ok_or_else(|| Fault::Damaged("an opened booking has no state".into()))?;
        Ok(Hold { booking, replayed: false })
    }

    fn opening_write(&self, opened: &BookingOpened, metadata: &Metadata) -> Result<StreamWrite, Fault> {
        let opening = [Event::BookingOpened(opened.clone())];
        Ok(codec::encode(StreamName::booking(opened.booking), Expected::NoStream, &opening, metadata)?)
    }

    /// Takes the outcomes of the seats' writes. Gives those that had a conflict.
    fn conflicts(&self, planned: &[Planned], outcomes: &[WriteOutcome]) -> Vec<SeatId> {
        let mut conflicts = Vec::new();
        for (planned, outcome) in planned.iter().zip(outcomes) {
            if !self.core.seat_outcome(&self.target.active_show.id, planned, *outcome) {
                conflicts.push(planned.seat.clone());
            }
        }
        conflicts
    }

    /// All or nothing.
    async fn append_together(
        &self,
        opened: &BookingOpened,
        planned: &[Planned],
        metadata: &Metadata,
    ) -> Result<Appended, CommandError> {
        let seats = planned.iter().map(|p| p.write(&self.target.active_show.id, metadata));
        let writes = std::iter::once(self.opening_write(opened, metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
        let outcomes = self.core.journal.append(writes).await?;
        let Some((booking, seats)) = outcomes.split_first() else {
            return Err(Fault::Damaged("the log gave no outcome".into()).into());
        };
        self.conflicts(planned, seats);
        Ok(match booking {
            WriteOutcome::Written { position, .. } => {
                self.core.saw_position(position.0);
                Appended::All
            }
            WriteOutcome::Conflict { .. } => Appended::BookingExists,
            // Decide anew on what the log has now.
            WriteOutcome::Withheld => Appended::Nothing,
        })
    }

    /// At once, but each stream's write stands alone. A booking that is open without having got all
    /// of its seats is closed.
    async fn append_each(
        &self,
        opened: &BookingOpened,
        planned: &[Planned],
        metadata: &Metadata,
    ) -> Result<Appended, CommandError> {
        let seats = planned.iter().map(|p| p.write(&self.target.active_show.id, metadata));
        let writes = std::iter::once(self.opening_write(opened, metadata)).chain(seats).collect::<Result<Vec<_>, _>>()?;
        let outcomes = self.core.journal.append(writes).await?;
        let Some((booking, seats)) = outcomes.split_first() else {
            return Err(Fault::Damaged("the log gave no outcome".into()).into());
        };
        let conflicts = self.conflicts(planned, seats);
        let WriteOutcome::Written { position, .. } = booking else { return Ok(Appended::BookingExists) };
        self.core.saw_position(position.0);
        for seat in conflicts {
            match self.lock_again(opened, &seat, metadata).await {
                Ok(()) => {}
                Err(CommandError::Rejected(rejection)) => {
                    self.core.close_lost(opened, metadata).await.map_err(CommandError::begun)?;
                    return Ok(Appended::Lost(seat, rejection));
                }
                Err(failed) => return Err(failed.begun()),
            }
        }
        Ok(Appended::All)
    }

    /// The seats, and the booking once it has them: a booking that lost a seat is over, and could
    /// not go on with another.
    async fn append_seats_first(
        &self,
        opened: &BookingOpened,
        planned: &[Planned],
        metadata: &Metadata,
    ) -> Result<Appended, CommandError> {
        if !planned.is_empty() {
            let writes = planned.iter().map(|p| p.write(&self.target.active_show.id, metadata)).collect::<Result<Vec<_>, _>>()?;
            let outcomes = self.core.journal.append(writes).await?;
            let conflicts = self.conflicts(planned, &outcomes);
            let mut ours: Vec<SeatId> = planned.iter().map(|p| p.seat.clone()).filter(|seat| !conflicts.contains(seat)).collect();
            for seat in conflicts {
                // The same request on another node has it for this very booking, and may open with it.
                if self
                    .core
                    .is_owner(&opened.show, &seat, opened.booking)
                    .await
                    .map_err(|fault| CommandError::from(fault).begun())?
                {
                    continue;
                }
                match self.lock_again(opened, &seat, metadata).await {
                    Ok(()) => ours.push(seat),
                    Err(CommandError::Rejected(rejection)) => {
                        self.give_back(&ours, opened.booking, metadata).await.map_err(CommandError::begun)?;
                        return Ok(Appended::Lost(seat, rejection));
                    }
                    Err(failed) => return Err(failed.begun()),
                }
            }
        }
        let write = self.opening_write(opened, metadata)?;
        match self.core.journal.append(vec![write]).await.map_err(|fault| CommandError::from(fault).begun())?.first() {
            Some(WriteOutcome::Written { position, .. }) => {
                self.core.saw_position(position.0);
                Ok(Appended::All)
            }
            _ => Ok(Appended::BookingExists),
        }
    }

    /// The same request opened the booking before: its answer is the answer. Seats that only this
    /// try locked (units of an area, another choice) are given back.
    async fn found_booking(
        &self,
        seats: &[SeatId],
        planned: &[Planned],
        metadata: &Metadata,
    ) -> Result<HoldOutcome, CommandError> {
        let hold = self.core.replay(self.request).await;
        let booking = self.core.journal.booking(self.booking_id()).await?.state;
        let kept = kept_seats(booking.as_ref());
        let extra: Vec<SeatId> = seats.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
        let written: Vec<SeatId> = planned.iter().map(|p| p.seat.clone()).filter(|seat| extra.contains(seat)).collect();
        let release = SeatCommand::Release { booking: self.booking_id(), reason: AbortReason::SeatLost };
        self.core.change_seats(&self.target.active_show.id, &written, &release, metadata).await?;
        self.core.unlock_in_guard(&self.target.active_show.id, &extra, self.booking_id()).await;
        match hold? {
            Some(hold) => Ok(HoldOutcome::Open(Box::new(hold))),
            None => match booking.map(|b| b.phase) {
                Some(Phase::Aborted { reason }) => Err(Rejection::BookingOver { reason }.into()),
                _ => Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into()),
            },
        }
    }
}

/// What the log made of an append.
enum Appended {
    /// All of it.
    All,
    /// There is such a booking already.
    BookingExists,
    /// Not this seat, for this reason; what was won is given back.
    Lost(SeatId, Rejection),
    /// None of it.
    Nothing,
}
