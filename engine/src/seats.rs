//! Commands on the seats of a booking: asks each seat's actor for its decision, appends the decisions
//! together, and passes the outcome on to the actors and the seat table.

use crate::actors::registry::Registry;
use crate::actors::seat::{Decision, SeatActor, SeatMessage};
use crate::error::{CommandError, Fault};
use crate::journal::Journal;
use crate::show_registry::ShowRegistry;
use lastseat_domain::decider::Decider;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Expected, Revision, StreamWrite, WriteOutcome};
use lastseat_domain::seat::{Seat, SeatCommand, SeatKey};
use lastseat_domain::{BookingId, Metadata, SeatId, ShowId, Timestamp, codec};
use ractor::ActorCell;
use tokio::sync::oneshot;

/// Times that seats are decided again because another writer was faster. Each time one append has
/// succeeded, so somebody always makes progress.
const TRIES: usize = 16;

/// A seat's decision, not yet appended.
pub(crate) struct SeatDecision {
    pub key: SeatKey,
    pub events: Vec<Event>,
    pub expected: Expected,
    /// When the seat's last event was decided.
    last_at: Option<Timestamp>,
}

impl SeatDecision {
    pub(crate) fn write(&self, metadata: &Metadata) -> Result<StreamWrite, Fault> {
        // Clocks of nodes differ, but time never goes back within a stream.
        let at = self.last_at.map_or(metadata.at, |last| last.max(metadata.at));
        let metadata = Metadata { at, ..metadata.clone() };
        Ok(codec::encode(Seat::stream(&self.key), self.expected, &self.events, &metadata)?)
    }
}

/// All seats of all shows, by their actors.
pub(crate) struct Seats {
    actors: Registry<SeatKey, SeatActor>,
    journal: Journal,
    shows: ShowRegistry,
}

impl Seats {
    /// `most_awake`: seats whose actors are in memory without work.
    pub(crate) fn new(journal: Journal, shows: ShowRegistry, supervisor: ActorCell, most_awake: usize) -> Self {
        Self { actors: Registry::new(supervisor, most_awake), journal, shows }
    }

    async fn ask<R: Send + 'static>(
        &self,
        key: &SeatKey,
        message: impl Fn(oneshot::Sender<R>) -> SeatMessage,
    ) -> Result<R, Fault> {
        let untouched = || self.shows.get(&key.show).is_some_and(|show| show.is_untouched(&key.seat));
        let spawn = || SeatActor::new(key.clone(), self.journal.clone(), untouched());
        self.actors.ask(key, self.journal.now(), spawn, message).await
    }

    /// What a command on a seat leads to. No events: its effect has been achieved.
    pub(crate) async fn decide(&self, key: &SeatKey, command: &SeatCommand) -> Result<SeatDecision, CommandError> {
        let Decision { events, expected, last_at } = self.ask(key, |reply| SeatMessage::Decide(command.clone(), reply)).await??;
        Ok(SeatDecision { key: key.clone(), events, expected, last_at })
    }

    /// What a command on several seats leads to; only the seats on which something has to be appended.
    ///
    /// # Errors
    /// The first rejection; faults.
    pub(crate) async fn decide_all(
        &self,
        show: &ShowId,
        seats: impl IntoIterator<Item = &SeatId>,
        command: &SeatCommand,
    ) -> Result<Vec<SeatDecision>, CommandError> {
        let mut decisions = vec![];
        for seat in seats {
            let key = SeatKey { show: show.clone(), seat: seat.clone() };
            let decision = self.decide(&key, command).await?;
            if !decision.events.is_empty() {
                decisions.push(decision);
            }
        }
        Ok(decisions)
    }

    /// Whether the booking has the seat in the log.
    pub(crate) async fn is_owner(&self, show: &ShowId, seat: &SeatId, booking: BookingId) -> Result<bool, Fault> {
        let key = SeatKey { show: show.clone(), seat: seat.clone() };
        self.ask(&key, |reply| SeatMessage::IsOwned(booking, reply)).await?
    }

    /// Passes the outcome of an append on to the seat's actor and the seat table. Returns whether it
    /// was written. `at`: when it was decided.
    pub(crate) fn take_outcome(&self, decision: &SeatDecision, outcome: WriteOutcome, at: Timestamp) -> bool {
        match outcome {
            WriteOutcome::Written { last_revision, position } => {
                self.actors.tell(&decision.key, SeatMessage::Appended(decision.events.clone(), last_revision, at));
                // Sold, which it mostly stays.
                if let Some(Event::SeatBooked(_)) = decision.events.last() {
                    self.actors.stop_if_idle(&decision.key);
                }
                if let (Some(show), Some(event)) = (self.shows.get(&decision.key.show), decision.events.last()) {
                    show.apply_seat_event(&decision.key.seat, event, position);
                }
                true
            }
            WriteOutcome::Conflict { .. } => {
                self.actors.tell(&decision.key, SeatMessage::Forget);
                false
            }
            WriteOutcome::Withheld => false,
        }
    }

    /// Executes a command on each of `seats`. Seats for which another writer was faster are decided
    /// again, until all of them are done.
    ///
    /// # Errors
    /// The first rejection; faults.
    pub(crate) async fn execute(
        &self,
        show: &ShowId,
        seats: &[SeatId],
        command: &SeatCommand,
        metadata: &Metadata,
    ) -> Result<(), CommandError> {
        let mut left = seats.to_vec();
        for _ in 0..TRIES {
            let decisions = self.decide_all(show, &left, command).await?;
            if decisions.is_empty() {
                return Ok(());
            }
            let writes = decisions.iter().map(|p| p.write(metadata)).collect::<Result<Vec<_>, _>>()?;
            let outcomes = self.journal.append(writes).await?;
            left.clear();
            for (decision, outcome) in decisions.into_iter().zip(outcomes) {
                if !self.take_outcome(&decision, outcome, metadata.at) {
                    left.push(decision.key.seat);
                }
            }
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
    }

    /// The log's subscription brought an event of a seat, perhaps written by another node.
    pub(crate) fn saw_event(&self, key: &SeatKey, revision: Revision) {
        self.actors.tell(key, SeatMessage::Seen(revision));
    }

    /// Stops the actors that were not used since `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        self.actors.passivate(before);
    }

    /// Starts no actor any more.
    pub(crate) fn close(&self) {
        self.actors.close();
    }

    pub(crate) fn awake(&self) -> usize {
        self.actors.len()
    }

    pub(crate) fn messages(&self) -> usize {
        self.actors.messages()
    }
}
