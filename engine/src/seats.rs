//! Commands on several seats of a booking at once: ask each seat's actor for its decision, append
//! them together, tell the actors and the seat table.

use crate::actors::seat::{Decision, SeatActor, SeatMessage};
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::show_registry::{ActiveShow, ShowRegistry};
use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::ports::event_log::{Expected, Position, StreamWrite, WriteOutcome};
use lastseat_domain::rejection::SeatState;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{BookingId, Metadata, SeatId, ShowId, StreamName, Timestamp, codec};
use tokio::sync::oneshot;

/// Times that a decision is made anew because the log looked different. Every time another's
/// append landed, so some command always gets on.
const TRIES: usize = 16;

/// A seat's decision on its way into the log.
pub(crate) struct Planned {
    pub seat: SeatId,
    pub events: Vec<Event>,
    pub expected: Expected,
}

impl Planned {
    pub(crate) fn write(&self, show: &ShowId, metadata: &Metadata) -> Result<StreamWrite, Fault> {
        Ok(codec::encode(StreamName::seat(show, &self.seat), self.expected, &self.events, metadata)?)
    }
}

impl Core {
    async fn ask_seat<R: Send + 'static>(
        &self,
        show: &ShowId,
        seat: &SeatId,
        message: impl Fn(oneshot::Sender<R>) -> SeatMessage,
    ) -> Result<R, Fault> {
        let key = Self::seat_key(show, seat);
        let untouched = || {
            let active_show = self.shows.get(show);
            active_show.is_some_and(|s| s.show.load().plan.index_of(seat).is_some_and(|index| s.seats.is_untouched(index)))
        };
        self.seats.ask(&key, self.now(), || SeatActor::new(key.clone(), self.journal.clone(), untouched()), message).await
    }

    /// What a seat's actor decides. Empty events: nothing to do.
    pub(crate) async fn decide_seat(&self, show: &ShowId, seat: &SeatId, command: &SeatCommand) -> Result<Planned, CommandError> {
        let Decision { events, expected } =
            self.ask_seat(show, seat, |reply| SeatMessage::Decide(command.clone(), reply)).await??;
        Ok(Planned { seat: seat.clone(), events, expected })
    }

    /// Whether the booking has the seat, as the log says.
    pub(crate) async fn is_owner(&self, show: &ShowId, seat: &SeatId, booking: BookingId) -> Result<bool, Fault> {
        self.ask_seat(show, seat, |reply| SeatMessage::IsOwned(booking, reply)).await?
    }

    /// Takes the outcome of an append to a seat: tells its actor and the seat table. Says whether it
    /// landed.
    pub(crate) fn seat_outcome(&self, show: &ShowId, planned: &Planned, outcome: WriteOutcome) -> bool {
        let key = Self::seat_key(show, &planned.seat);
        match outcome {
            WriteOutcome::Written { last_revision, position } => {
                self.seats.tell(&key, SeatMessage::Appended(planned.events.clone(), last_revision));
                self.saw_position(position.0);
                if let (Some(active_show), Some(event)) = (self.shows.get(show), planned.events.last()) {
                    update_table(&active_show, &planned.seat, event, position);
                }
                true
            }
            WriteOutcome::Conflict { .. } => {
                self.seats.tell(&key, SeatMessage::Forget);
                false
            }
            WriteOutcome::Withheld => false,
        }
    }

    /// Carries out a command on each of `seats`, deciding anew wherever the log looked different,
    /// until all of them are through.
    ///
    /// # Errors
    /// The first rejection; faults.
    pub(crate) async fn change_seats(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        command: &SeatCommand,
        metadata: &Metadata,
    ) -> Result<(), CommandError> {
        let mut left: Vec<SeatId> = seats.to_vec();
        for _ in 0..TRIES {
            let mut planned = Vec::with_capacity(left.len());
            for seat in &left {
                let decision = self.decide_seat(show, seat, command).await?;
                if !decision.events.is_empty() {
                    planned.push(decision);
                }
            }
            if planned.is_empty() {
                return Ok(());
            }
            let writes = planned.iter().map(|p| p.write(show, metadata)).collect::<Result<Vec<_>, _>>()?;
            let outcomes = self.journal.append(writes).await?;
            left.clear();
            for (planned, outcome) in planned.into_iter().zip(outcomes) {
                if !self.seat_outcome(show, &planned, outcome) {
                    left.push(planned.seat);
                }
            }
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
    }
}

/// Tells the seat table what an event of a seat means.
pub(crate) fn update_table(active_show: &ActiveShow, seat: &SeatId, event: &Event, position: Position) {
    let (state, until): (SeatState, Option<Timestamp>) = match event {
        Event::SeatLocked(e) => (SeatState::Locked, Some(e.expires_at)),
        Event::SeatBooked(_) => (SeatState::Booked, None),
        Event::SeatReleased(_) => (SeatState::Available, None),
        _ => return,
    };
    active_show.seat_is(seat, state, position, until);
}

/// Tells the seat table what an event of an undecided booking means for its seats.
pub(crate) fn update_table_from_booking(
    shows: &ShowRegistry,
    opened: &BookingOpened,
    event: &Event,
    position: Position,
    until: Option<Timestamp>,
) {
    let state = match event {
        Event::PaymentStarted(_) => Some(SeatState::InProcess),
        Event::PaymentDeclined(_) => Some(SeatState::Locked),
        // Prolonged: locked or being paid for, as before.
        Event::HoldExtended(_) => None,
        _ => return,
    };
    let Some(active_show) = shows.get(&opened.show) else { return };
    for seat in opened.seats.iter().map(|priced| &priced.seat) {
        match state {
            Some(state) => active_show.seat_is(seat, state, position, until),
            None => active_show.seat_is_held_until(seat, position, until),
        }
    }
}
