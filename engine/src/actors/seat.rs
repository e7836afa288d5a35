//! The actor of one seat: keeps the seat as the log has it, and decides commands on it one after
//! the other. The append itself is the asker's, for several seats may have to land together.

use crate::error::{CommandError, Fault};
use crate::journal::{Journal, Loaded};
use lastseat_domain::BookingId;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Expected, Revision};
use lastseat_domain::seat::{self, Seat, SeatCommand, SeatKey};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

/// What the rules say, and where it has to be appended.
#[derive(Debug)]
pub(crate) struct Decision {
    /// What to append; nothing if the effect is there already.
    pub events: Vec<Event>,
    /// At which place.
    pub expected: Expected,
}

/// Messages to a seat.
pub(crate) enum SeatMessage {
    /// Decide a command.
    Decide(SeatCommand, oneshot::Sender<Result<Decision, CommandError>>),
    /// Does this booking have the seat?
    IsOwned(BookingId, oneshot::Sender<Result<bool, Fault>>),
    /// The asker appended these; the last has this revision.
    Appended(Vec<Event>, Revision),
    /// The log looks different from what was decided on: read it again.
    Forget,
    /// The log's subscription brought an event of this revision; it may be another node's.
    Seen(Revision),
}

#[derive(Clone)]
pub(crate) struct SeatActor {
    key: SeatKey,
    journal: Journal,
}

impl SeatActor {
    /// `untouched`: nobody is known ever to have had the seat, so don't read; a wrong guess is
    /// found out by the append's expected revision.
    pub(crate) fn new(key: SeatKey, journal: Journal, untouched: bool) -> (Self, Option<Loaded<Seat>>) {
        let guess = untouched.then_some(Loaded { state: Seat::Free, expected: Expected::NoStream, last: None });
        (Self { key, journal }, guess)
    }

    /// The seat as last known, or else as the log has it; and whether it was only known.
    async fn load(&self, known: &mut Option<Loaded<Seat>>) -> Result<(Loaded<Seat>, bool), Fault> {
        match known {
            Some(loaded) => Ok((loaded.clone(), true)),
            None => Ok((known.insert(self.journal.load::<Seat>(&self.key).await?).clone(), false)),
        }
    }

    async fn decide(&self, command: SeatCommand, known: &mut Option<Loaded<Seat>>) -> Result<Decision, CommandError> {
        let (loaded, cached) = self.load(known).await?;
        let decided = seat::decide(&self.key.seat, &loaded.state, command.clone());
        let appends = decided.as_ref().is_ok_and(|events| !events.is_empty());
        // What is appended, the log checks. "Nothing to do" and "no" it can't check: another node
        // may have moved the seat on, so these are never said from memory. A refused lock is the
        // exception: that no is corrected as soon as the log's subscription brings the news.
        if cached && !appends && !matches!(command, SeatCommand::Lock { .. }) {
            *known = None;
            let (loaded, _) = self.load(known).await?;
            let events = seat::decide(&self.key.seat, &loaded.state, command)?;
            return Ok(Decision { events, expected: loaded.expected });
        }
        Ok(Decision { events: decided?, expected: loaded.expected })
    }

    async fn is_owned(&self, booking: BookingId, known: &mut Option<Loaded<Seat>>) -> Result<bool, Fault> {
        let (loaded, cached) = self.load(known).await?;
        if cached && loaded.state.owner() != Some(booking) {
            *known = None;
            return Ok(self.load(known).await?.0.state.owner() == Some(booking));
        }
        Ok(loaded.state.owner() == Some(booking))
    }
}

/// Whether what is known ends before `revision`.
fn is_behind(loaded: &Loaded<Seat>, revision: Revision) -> bool {
    loaded.expected.next_revision() <= revision
}

impl Actor for SeatActor {
    type Msg = SeatMessage;
    type State = Option<Loaded<Seat>>;
    type Arguments = Option<Loaded<Seat>>;

    async fn pre_start(&self, _myself: ActorRef<SeatMessage>, guess: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(guess)
    }

    async fn handle(
        &self,
        _myself: ActorRef<SeatMessage>,
        message: SeatMessage,
        known: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // Nobody listening any more is no fault of the seat.
            SeatMessage::Decide(command, reply) => drop(reply.send(self.decide(command, known).await)),
            SeatMessage::IsOwned(booking, reply) => drop(reply.send(self.is_owned(booking, known).await)),
            SeatMessage::Appended(events, revision) => {
                // Messages of several askers may overtake each other: older news change nothing.
                if let Some(loaded) = known.as_mut().filter(|loaded| is_behind(loaded, revision)) {
                    loaded.state = events.iter().fold(loaded.state, seat::evolve);
                    loaded.expected = Expected::Revision(revision);
                }
            }
            SeatMessage::Seen(revision) => {
                if known.as_ref().is_some_and(|loaded| is_behind(loaded, revision)) {
                    *known = None;
                }
            }
            SeatMessage::Forget => *known = None,
        }
        Ok(())
    }
}
