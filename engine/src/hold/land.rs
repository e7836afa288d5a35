//! Bringing a hold into the log: `BookingOpened` and a `SeatLocked` for each seat, together.

use super::Attempt;
use crate::box_office::Hold;
use crate::error::{CommandError, Fault};
use crate::seats::Planned;
use lastseat_domain::booking::{self, BookingCommand};
use lastseat_domain::event::{AbortReason, BookingOpened, Event, PricedSeat};
use lastseat_domain::ports::event_log::{Expected, StreamWrite, WriteOutcome};
use lastseat_domain::rejection::SeatState;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Metadata, Money, Rejection, SeatId, StreamName, codec};

/// Times that the append is made anew because a seat's actor was behind the log.
const TRIES: usize = 4;

/// What became of the append.
pub(super) enum Landing {
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
    /// Appends the hold of `seats`, which are in sorted order.
    pub(super) async fn land(&self, seats: &[SeatId]) -> Result<Landing, CommandError> {
        let opened = self.opening(seats)?;
        let metadata = Metadata::of_booking(self.booking_id(), self.request.buyer.as_str(), self.now);
        for _ in 0..TRIES {
            let mut planned = Vec::with_capacity(seats.len());
            for priced in &opened.seats {
                let command = SeatCommand::Lock {
                    booking: opened.booking,
                    buyer: opened.buyer.clone(),
                    price: priced.price,
                    expires_at: opened.expires_at,
                };
                match self.core.decide_seat(&self.on_sale.id, &priced.seat, &command).await {
                    Ok(decision) => planned.push(decision),
                    Err(CommandError::Rejected(rejection)) => return Ok(Landing::Lost { seat: priced.seat.clone(), rejection }),
                    Err(failed) => return Err(failed),
                }
            }
            // A seat that is this booking's already is left by an earlier try under the same key.
            planned.retain(|p| !p.events.is_empty());
            match self.append(&opened, &planned, &metadata).await? {
                Appended::All => return Ok(Landing::Open(Box::new(self.hold_of(&opened)?))),
                Appended::BookingExists => return self.found_booking(seats, &planned, &metadata).await,
                Appended::Lost(seat) => return Ok(Landing::Lost { rejection: self.why_lost(&seat), seat }),
                Appended::Nothing => {}
            }
        }
        Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
    }

    fn opening(&self, seats: &[SeatId]) -> Result<BookingOpened, CommandError> {
        let price = |seat: &SeatId| {
            let planned = self.show.plan.index_of(seat).and_then(|i| self.show.plan.seat(i));
            planned.map(|p| PricedSeat { seat: seat.clone(), price: p.price })
        };
        let priced: Vec<PricedSeat> = seats.iter().filter_map(price).collect();
        let amount = Money::sum(self.show.facts.currency, priced.iter().map(|p| p.price))
            .ok_or_else(|| Fault::Damaged("the prices of the show don't add up".into()))?;
        Ok(BookingOpened {
            booking: self.booking_id(),
            show: self.on_sale.id.clone(),
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
        let booking = booking::evolve(None, &Event::BookingOpened(opened.clone()), self.now);
        let booking = booking.ok_or_else(|| Fault::Damaged("an opened booking has no state".into()))?;
        Ok(Hold { booking, replayed: false })
    }

    async fn append(&self, opened: &BookingOpened, planned: &[Planned], metadata: &Metadata) -> Result<Appended, CommandError> {
        let opening = [Event::BookingOpened(opened.clone())];
        let booking =
            codec::encode(StreamName::booking(opened.booking), Expected::NoStream, &opening, metadata).map_err(Fault::from)?;
        let seats = planned.iter().map(|p| p.write(&self.on_sale.id, metadata));
        let writes: Vec<StreamWrite> = std::iter::once(Ok(booking)).chain(seats).collect::<Result<_, Fault>>()?;
        let outcomes = self.core.journal.append(writes).await?;
        let Some((booking, seats)) = outcomes.split_first() else {
            return Err(Fault::Damaged("the log gave no outcome".into()).into());
        };
        let mut lost = None;
        let mut won = Vec::new();
        for (planned, outcome) in planned.iter().zip(seats) {
            if self.core.seat_outcome(&self.on_sale.id, planned, *outcome) {
                won.push(planned.seat.clone());
            } else if matches!(outcome, WriteOutcome::Conflict { .. }) {
                lost = lost.or(Some(planned.seat.clone()));
            }
        }
        match (booking, lost) {
            (WriteOutcome::Written { position, .. }, None) => {
                self.core.saw_position(position.0);
                Ok(Appended::All)
            }
            (WriteOutcome::Conflict { .. }, _) => Ok(Appended::BookingExists),
            // All or nothing, and it was nothing: decide anew on what the log has now.
            (WriteOutcome::Withheld, _) => Ok(Appended::Nothing),
            (WriteOutcome::Written { .. }, Some(seat)) => {
                self.undo(opened, metadata).await?;
                Ok(Appended::Lost(seat))
            }
        }
    }

    /// A log without appends across streams wrote the booking but not every seat: close it, then
    /// free what it won. The other way round, a crash in between would leave an open booking that
    /// could be paid.
    async fn undo(&self, opened: &BookingOpened, metadata: &Metadata) -> Result<(), CommandError> {
        let state = booking::evolve(None, &Event::BookingOpened(opened.clone()), self.now);
        let events = booking::decide(state.as_ref(), BookingCommand::Cancel { reason: AbortReason::SeatLost })?;
        let abort =
            codec::encode(StreamName::booking(opened.booking), Expected::Revision(0), &events, metadata).map_err(Fault::from)?;
        // A conflict means that somebody else closed it first, which is as good.
        self.core.journal.append(vec![abort]).await?;
        let seats: Vec<SeatId> = opened.seats.iter().map(|p| p.seat.clone()).collect();
        let release = SeatCommand::Release { booking: opened.booking, reason: AbortReason::SeatLost };
        self.core.change_seats(&self.on_sale.id, &seats, &release, metadata).await
    }

    /// The same request opened the booking before: its answer is the answer. Seats that only this
    /// try locked (units of an area, another choice) are given back.
    async fn found_booking(&self, seats: &[SeatId], planned: &[Planned], metadata: &Metadata) -> Result<Landing, CommandError> {
        let hold = self.core.replay(self.request).await;
        let booking = self.core.journal.booking(self.booking_id()).await?.state;
        let kept: Vec<SeatId> = booking.iter().flat_map(|b| b.seats()).map(|p| p.seat.clone()).collect();
        let extra: Vec<SeatId> = seats.iter().filter(|seat| !kept.contains(seat)).cloned().collect();
        let written: Vec<SeatId> = planned.iter().map(|p| p.seat.clone()).filter(|seat| extra.contains(seat)).collect();
        let release = SeatCommand::Release { booking: self.booking_id(), reason: AbortReason::SeatLost };
        self.core.change_seats(&self.on_sale.id, &written, &release, metadata).await?;
        if self.core.ports.guard.release(&self.on_sale.id, &extra, self.booking_id()).await.is_err() {
            self.core.saw_guard_fail();
        }
        match hold? {
            Some(hold) => Ok(Landing::Open(Box::new(hold))),
            None => Err(Rejection::BookingOver { reason: AbortReason::Fenced }.into()),
        }
    }

    fn why_lost(&self, seat: &SeatId) -> Rejection {
        let index = self.show.plan.index_of(seat);
        let state = index.map_or(SeatState::Locked, |i| self.on_sale.board.state(i));
        let state = if state == SeatState::Available { SeatState::Locked } else { state };
        Rejection::SeatUnavailable { seat: seat.clone(), state, free_at: index.and_then(|i| self.on_sale.board.free_at(i)) }
    }
}

/// What the log made of an append.
enum Appended {
    /// All of it.
    All,
    /// There is such a booking already.
    BookingExists,
    /// The booking, but not this seat; what was won is given back.
    Lost(SeatId),
    /// None of it.
    Nothing,
}
