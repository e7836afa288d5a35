//! The deliveries of an endpoint: how far it has received what happened, and who sends.
//!
//! Many nodes read the same log, and one of them sends: the one whose claim got into the endpoint's stream first. A claim ends
//! by itself, so another node goes on where the last checkpoint is if the sender has died. What was sent after that
//! checkpoint is sent again: at least once, never less.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{DeliveriesCheckpointed, DeliveriesReplayed, DeliveryAbandoned, Event, Pending};
use crate::ids::EndpointId;
use crate::position::Position;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use uuid::Uuid;

/// Events that may be recorded as not taken, beside what was taken after them.
pub const MAX_PENDING: usize = 100;

/// The deliveries of an endpoint, as its events describe them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deliveries {
    /// Everything up to here was delivered or given up. `None`: nobody has sent to it yet.
    pub position: Option<Position>,
    /// But for these.
    pub pending: Vec<Pending>,
    /// Who sends, and until when.
    pub sender: Option<(Uuid, Timestamp)>,
    /// When messages were requested again.
    pub replayed_at: Option<Timestamp>,
}

/// What can be requested of an endpoint's deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveriesCommand {
    /// Send from now on.
    Claim {
        /// Who.
        sender: Uuid,
        /// The current time.
        now: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Where to begin if nobody has sent to it yet.
        begin: Position,
    },
    /// Record that everything up to a position was delivered or given up.
    Checkpoint {
        /// Who sends.
        sender: Uuid,
        /// The position.
        position: Position,
        /// Up to it, these were not taken.
        pending: Vec<Pending>,
        /// Until when it goes on.
        until: Timestamp,
    },
    /// Record that a message is given up.
    Abandon {
        /// Who sends.
        sender: Uuid,
        /// The message: the id of its event.
        message: Uuid,
        /// That event.
        event: Pending,
        /// Its position.
        position: Position,
        /// How often it was tried.
        tries: u32,
        /// What came of the last try.
        reason: String,
    },
    /// Send everything after a position again.
    Replay {
        /// The position.
        position: Position,
        /// Subject of the manager's token.
        by: String,
    },
}

impl Deliveries {
    /// Whether this sender may send at that time.
    #[must_use]
    pub fn is_free_for(&self, sender: Uuid, now: Timestamp) -> bool {
        self.sender.is_none_or(|(owner, until)| owner == sender || until <= now)
    }

    /// Whether it was the last to claim: nobody has claimed since, and nothing was requested again.
    #[must_use]
    pub fn is_sent_by(&self, sender: Uuid) -> bool {
        self.sender.is_some_and(|(owner, _)| owner == sender)
    }

    fn checkpoint(
        &self,
        endpoint: &EndpointId,
        (position, pending): (Position, Vec<Pending>),
        claim: (Uuid, Timestamp),
    ) -> Event {
        let ((sender, until), endpoint, replayed_at) = (claim, endpoint.clone(), self.replayed_at);
        DeliveriesCheckpointed { endpoint, position, pending, sender, until, replayed_at }.into()
    }
}

impl Decider for Deliveries {
    type Id = EndpointId;
    type State = Self;
    type Command = DeliveriesCommand;

    const LAST_EVENT_SUFFICES: bool = true;

    fn stream(id: &EndpointId) -> StreamName {
        StreamName::webhook(id)
    }

    fn initial() -> Self {
        Self::default()
    }

    fn decide(id: &EndpointId, state: &Self, command: DeliveriesCommand) -> Result<Vec<Event>, Rejection> {
        const ANOTHERS: Rejection = Rejection::OutOfOrder { step: "Sending to an endpoint that another node sends to" };
        match command {
            DeliveriesCommand::Claim { sender, now, .. } if !state.is_free_for(sender, now) => Err(ANOTHERS),
            DeliveriesCommand::Claim { sender, until, .. } if state.sender == Some((sender, until)) => Ok(vec![]),
            DeliveriesCommand::Claim { sender, until, begin, .. } => {
                let reached = (state.position.unwrap_or(begin), state.pending.clone());
                Ok(vec![state.checkpoint(id, reached, (sender, until))])
            }
            DeliveriesCommand::Checkpoint { sender, .. } | DeliveriesCommand::Abandon { sender, .. }
                if !state.is_sent_by(sender) =>
            {
                Err(ANOTHERS)
            }
            // A slow repeat takes nothing back.
            DeliveriesCommand::Checkpoint { position, .. } if state.position.is_some_and(|reached| position < reached) => {
                Ok(vec![])
            }
            DeliveriesCommand::Checkpoint { sender, position, pending, until } => {
                let is_known =
                    (state.position, state.sender) == (Some(position), Some((sender, until))) && state.pending == pending;
                Ok(if is_known { vec![] } else { vec![state.checkpoint(id, (position, pending), (sender, until))] })
            }
            DeliveriesCommand::Abandon { message, event, position, tries, reason, .. } => {
                let (Some(reached), Some(claim)) = (state.position, state.sender) else { return Err(ANOTHERS) };
                let (of_it, others): (Vec<_>, Vec<_>) = state.pending.iter().cloned().partition(|pending| *pending == event);
                if position <= reached && of_it.is_empty() {
                    return Ok(vec![]);
                }
                let abandoned = DeliveryAbandoned { endpoint: id.clone(), message, position, tries, reason };
                // The last event says all there is to know.
                Ok(vec![abandoned.into(), state.checkpoint(id, (reached, others), claim)])
            }
            DeliveriesCommand::Replay { position, by } => {
                // What the endpoint has not been sent yet is not passed over.
                let position = position.min(state.position.unwrap_or(position));
                let pending = state.pending.clone();
                let is_known = state.position == Some(position) && state.sender.is_none();
                let replayed = DeliveriesReplayed { endpoint: id.clone(), position, pending, by };
                Ok(if is_known { vec![] } else { vec![replayed.into()] })
            }
        }
    }

    fn evolve(state: Self, event: &Event, at: Timestamp) -> Self {
        match event {
            Event::DeliveriesCheckpointed(e) => Self {
                position: Some(e.position),
                pending: e.pending.clone(),
                sender: Some((e.sender, e.until)),
                replayed_at: e.replayed_at,
            },
            Event::DeliveriesReplayed(e) => {
                Self { position: Some(e.position), pending: e.pending.clone(), sender: None, replayed_at: Some(at) }
            }
            _ => state,
        }
    }
}
