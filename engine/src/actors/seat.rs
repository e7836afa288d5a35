//! The actor of one seat: keeps the seat as the log has it, and decides commands on it one after the
//! other. The caller appends the decision, because several seats may have to be written together.

use super::mailbox::Posted;
use crate::error::{CommandError, Fault};
use crate::journal::Journal;
use crate::loaded::Loaded;
use lastseat_domain::decider::Decider;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Expected, Revision};
use lastseat_domain::seat::{self, Seat, SeatCommand, SeatKey};
use lastseat_domain::{BookingId, Timestamp};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

/// What a command leads to.
#[derive(Debug)]
pub(crate) struct Decision {
    /// None if the command's effect has been achieved.
    pub events: Vec<Event>,
    /// What their append has to expect.
    pub expected: Expected,
    /// When the seat's last event was decided.
    pub last_at: Option<Timestamp>,
}

pub(crate) enum SeatMessage {
    Decide(SeatCommand, oneshot::Sender<Result<Decision, CommandError>>),
    /// Does this booking have the seat?
    IsOwned(BookingId, oneshot::Sender<Result<bool, Fault>>),
    /// The caller appended these, decided at this time; the last has this revision.
    Appended(Vec<Event>, Revision, Timestamp),
    /// The stream was not as the decision expected: read it again.
    Forget,
    /// The log's subscription brought an event of this revision, perhaps another node's.
    Seen(Revision),
}

/// What an actor knows of its seat.
#[derive(Debug)]
pub(crate) struct Known {
    loaded: Option<Loaded<Seat>>,
    /// The newest event that the log's subscription has brought. It may bring the seat's own event before the caller says that it
    /// was appended: so what is known counts as outdated only when it is used and still ends before this.
    seen: Option<Revision>,
}

#[derive(Clone)]
pub(crate) struct SeatActor {
    key: SeatKey,
    journal: Journal,
}

impl SeatActor {
    /// `untouched`: no event of the seat is known, so don't read its stream. The append's expected
    /// revision finds out if that is wrong.
    pub(crate) fn new(key: SeatKey, journal: Journal, untouched: bool) -> (Self, Known) {
        let guess = untouched.then(|| Loaded::without_events(Seat::initial()));
        (Self { key, journal }, Known { loaded: guess, seen: None })
    }

    /// The seat as known or else as the log has it; and whether it was known.
    async fn load(&self, known: &mut Known) -> Result<(Loaded<Seat>, bool), Fault> {
        match &mut known.loaded {
            Some(loaded) if !known.seen.is_some_and(|seen| is_older(loaded, seen)) => Ok((loaded.clone(), true)),
            // On the heap, and only while it runs: the actor's task has room for this future twice.
            _ => Ok((known.loaded.insert(Box::pin(self.journal.load::<Seat>(&self.key)).await?).clone(), false)),
        }
    }

    async fn decide(&self, command: SeatCommand, known: &mut Known) -> Result<Decision, CommandError> {
        let (loaded, cached) = self.load(known).await?;
        let decided = Seat::decide(&self.key, &loaded.state, command.clone());
        let appends = decided.as_ref().is_ok_and(|events| !events.is_empty());
        // The log checks what is appended. It can't check "nothing to do" and "no": another node may
        // have changed the seat, so these are never answered from memory. A refused lock is the
        // exception: the log's subscription corrects it within milliseconds.
        if cached && !appends && !matches!(command, SeatCommand::Lock { .. }) {
            known.loaded = None;
            let (loaded, _) = self.load(known).await?;
            let events = Seat::decide(&self.key, &loaded.state, command)?;
            return Ok(Decision { events, expected: loaded.expected, last_at: loaded.at });
        }
        Ok(Decision { events: decided?, expected: loaded.expected, last_at: loaded.at })
    }

    async fn is_owned(&self, booking: BookingId, known: &mut Known) -> Result<bool, Fault> {
        let (loaded, cached) = self.load(known).await?;
        if cached && loaded.state.owner() != Some(booking) {
            known.loaded = None;
            return Ok(self.load(known).await?.0.state.owner() == Some(booking));
        }
        Ok(loaded.state.owner() == Some(booking))
    }
}

/// Whether what is known ends before `revision`.
fn is_older(loaded: &Loaded<Seat>, revision: Revision) -> bool {
    loaded.expected.next_revision() <= revision
}

impl Actor for SeatActor {
    type Msg = Posted<SeatMessage>;
    type State = Known;
    type Arguments = Known;

    async fn pre_start(&self, _myself: ActorRef<Self::Msg>, guess: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(guess)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        Posted { message, counted: _counted }: Self::Msg,
        known: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // A caller who has gone away is no fault of the seat.
            SeatMessage::Decide(command, reply) => drop(reply.send(self.decide(command, known).await)),
            SeatMessage::IsOwned(booking, reply) => drop(reply.send(self.is_owned(booking, known).await)),
            SeatMessage::Appended(events, revision, at) => {
                // Messages of several callers may overtake each other: an older one changes nothing.
                if let Some(loaded) = known.loaded.as_mut().filter(|loaded| is_older(loaded, revision)) {
                    loaded.state = events.iter().fold(loaded.state, seat::evolve);
                    loaded.expected = Expected::Revision(revision);
                    loaded.at = Some(loaded.not_before(at));
                }
            }
            SeatMessage::Seen(revision) => known.seen = known.seen.max(Some(revision)),
            SeatMessage::Forget => known.loaded = None,
        }
        Ok(())
    }
}
