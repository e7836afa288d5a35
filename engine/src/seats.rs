//! Seat commands: ask each seat's actor for its decision, append the decisions together, then report
//! the outcome to the actors and the seat table.

use crate::actors::registry::Registry;
use crate::actors::seat::{Decision, SeatActor, SeatMessage};
use crate::error::{CommandError, Fault};
use crate::journal::Journal;
use crate::show_registry::{ActiveShow, ShowRegistry};
use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::ports::event_log::{Expected, Position, Revision, StreamWrite, WriteOutcome};
use lastseat_domain::seat::{SeatCommand, SeatKey};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{BookingId, Metadata, SeatId, ShowId, StreamName, Timestamp, codec};
use tokio::sync::oneshot;

/// Times that a decision is made again because the log looked different. Every time some append
/// succeeded, so the system as a whole moves on.
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

/// The seats of all shows, an actor for each that is being worked on.
pub(crate) struct Seats {
    actors: Registry<SeatKey, SeatActor>,
    journal: Journal,
    shows: ShowRegistry,
}

impl Seats {
    pub(crate) fn new(journal: Journal, shows: ShowRegistry, supervisor: ractor::ActorCell) -> Self {
        Self { actors: Registry::new(supervisor), journal, shows }
    }

    async fn ask<R: Send + 'static>(
        &self,
        show: &ShowId,
        seat: &SeatId,
        message: impl Fn(oneshot::Sender<R>) -> SeatMessage,
    ) -> Result<R, Fault> {
        let key = SeatKey { show: show.clone(), seat: seat.clone() };
        let untouched = || {
            let active = self.shows.get(show);
            active.is_some_and(|s| s.show.load().plan.index_of(seat).is_some_and(|index| s.seats.is_untouched(index)))
        };
        self.actors
            .ask(&key, self.journal.now(), || SeatActor::new(key.clone(), self.journal.clone(), untouched()), message)
            .await
    }

    /// What a seat's actor decides. Empty events: nothing to do.
    pub(crate) async fn decide(&self, show: &ShowId, seat: &SeatId, command: &SeatCommand) -> Result<Planned, CommandError> {
        let Decision { events, expected } = self.ask(show, seat, |reply| SeatMessage::Decide(command.clone(), reply)).await??;
        Ok(Planned { seat: seat.clone(), events, expected })
    }

    /// Whether the booking has the seat, as the log says.
    pub(crate) async fn is_owner(&self, show: &ShowId, seat: &SeatId, booking: BookingId) -> Result<bool, Fault> {
        self.ask(show, seat, |reply| SeatMessage::IsOwned(booking, reply)).await?
    }

    /// Reports the outcome of an append to the seat's actor and the seat table. Returns whether it was
    /// written.
    pub(crate) fn record_outcome(&self, show: &ShowId, planned: &Planned, outcome: WriteOutcome) -> bool {
        let key = SeatKey { show: show.clone(), seat: planned.seat.clone() };
        match outcome {
            WriteOutcome::Written { last_revision, position } => {
                self.actors.tell(&key, SeatMessage::Appended(planned.events.clone(), last_revision));
                if let (Some(active), Some(event)) = (self.shows.get(show), planned.events.last()) {
                    apply_seat_event(&active, &planned.seat, event, position);
                }
                true
            }
            WriteOutcome::Conflict { .. } => {
                self.actors.tell(&key, SeatMessage::Forget);
                false
            }
            WriteOutcome::Withheld => false,
        }
    }

    /// Carries out a command on each of `seats`; decides again wherever another append came first.
    ///
    /// # Errors
    /// The first rejection; faults.
    pub(crate) async fn change(
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
                let decision = self.decide(show, seat, command).await?;
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
                if !self.record_outcome(show, &planned, outcome) {
                    left.push(planned.seat);
                }
            }
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("too many changes to these seats at once; try again".into()).into())
    }

    /// The log's subscription delivered an event of a seat; another node may have written it.
    pub(crate) fn saw_event(&self, show: &ShowId, seat: &SeatId, revision: Revision) {
        let key = SeatKey { show: show.clone(), seat: seat.clone() };
        self.actors.tell(&key, SeatMessage::Seen(revision));
    }

    /// Seats whose actor is awake.
    pub(crate) fn awake(&self) -> usize {
        self.actors.len()
    }

    /// Stops the actors that were last used before `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        self.actors.passivate(before);
    }

    pub(crate) fn close(&self) {
        self.actors.close();
    }
}

/// Applies an event of a seat to the seat table.
pub(crate) fn apply_seat_event(active: &ActiveShow, seat: &SeatId, event: &Event, position: Position) {
    let Some(state) = SeatState::after_seat_event(event) else { return };
    let until = if let Event::SeatLocked(e) = event { Some(e.expires_at) } else { None };
    active.seat_is(seat, state, position, until);
}

/// Applies an event of an undecided booking to the seat table: what it means for the booking's seats.
pub(crate) fn apply_booking_event(
    shows: &ShowRegistry,
    opened: &BookingOpened,
    event: &Event,
    position: Position,
    until: Option<Timestamp>,
) {
    let state = SeatState::after_booking_event(event);
    // An extended hold stays as it is, locked or in process, but for longer.
    if state.is_none() && !matches!(event, Event::HoldExtended(_)) {
        return;
    }
    let Some(active) = shows.get(&opened.show) else { return };
    for seat in opened.seats.iter().map(|priced| &priced.seat) {
        match state {
            Some(state) => active.seat_is(seat, state, position, until),
            None => active.seat_is_held_until(seat, position, until),
        }
    }
}
