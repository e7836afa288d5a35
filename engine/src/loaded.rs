//! An aggregate as the log has it, and what the next event of its stream has to say of its origin.

use crate::error::Fault;
use crate::origin::{Cause, Context};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::Event;
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::ports::event_log::{Expected, RecordedEvent};
use lastseat_domain::{CommandId, Metadata, StreamName, Timestamp, codec};
use std::sync::Arc;
use uuid::Uuid;

/// An aggregate as the log has it.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<S> {
    pub state: S,
    /// What the next append to its stream has to expect.
    pub expected: Expected,
    /// Id of the last event.
    pub last: Option<Uuid>,
    /// The `trace` of the last event's metadata.
    pub trace: Option<String>,
    /// When the last event was decided.
    pub at: Option<Timestamp>,
    /// Whether another writer was faster: what follows the last known event has to be read first.
    pub outdated: bool,
    /// Whether the log may have more: an append at this revision finds out, but nothing may be answered without one.
    pub unconfirmed: bool,
    /// The callers' commands that led to events of the stream; of what is loaded from its last event alone, that event's.
    commands: Vec<CommandId>,
}

impl<S> Loaded<S> {
    pub(crate) fn without_events(state: S) -> Self {
        let expected = Expected::NoStream;
        Self { state, expected, last: None, trace: None, at: None, outdated: false, unconfirmed: false, commands: vec![] }
    }

    /// After the first event of its stream, which others may have followed.
    pub(crate) fn first_event(state: S, id: Uuid, at: Timestamp, trace: Option<String>, command: Option<CommandId>) -> Self {
        let (last, at, commands) = (Some(id), Some(at), command.into_iter().collect());
        Self { state, expected: Expected::Revision(0), last, trace, at, outdated: false, unconfirmed: true, commands }
    }

    /// Metadata of what follows from a command on this aggregate.
    pub(crate) fn metadata(&self, stream: &StreamName, context: &Context, now: Timestamp) -> Metadata {
        let trace = if context.carries_on_trace { self.trace.clone() } else { None };
        let cause = match context.cause {
            Cause::Command(id) => id.uuid(),
            Cause::Named(cause) => cause,
            Cause::LastEvent => self.last.unwrap_or_else(|| first_command(stream)),
        };
        Metadata {
            correlation: Some(context.belongs_to),
            causation: Some(cause),
            trace: context.trace.clone().or(trace),
            ..Metadata::new(&context.by, self.not_before(now))
        }
    }

    /// The time of what is decided now. Clocks of nodes differ, but time never goes back within a stream.
    pub(crate) fn not_before(&self, now: Timestamp) -> Timestamp {
        self.at.map_or(now, |last| last.max(now))
    }

    /// Whether the stream has the events of this very command: it was sent before, perhaps to another
    /// process, and its answer was lost.
    pub(crate) fn has_effect_of(&self, context: &Context) -> bool {
        context.command_id().is_some_and(|command| self.commands.contains(&command))
    }

    /// After these events, which have just been appended.
    pub(crate) fn followed_by<D: Decider<State = S>>(
        self,
        events: &[Event],
        expected: Expected,
        last: Option<Uuid>,
        context: &Context,
        metadata: Metadata,
    ) -> Self {
        let Self { state, mut commands, .. } = self;
        let first = expected.next_revision().saturating_sub(events.len() as u64);
        let numbered = (first..).zip(events);
        let state = numbered.fold(state, |state, (revision, e)| D::evolve_at(state, e, metadata.at, revision));
        let command = context.command_id();
        commands.extend(command);
        let (trace, at) = (metadata.trace, Some(metadata.at));
        Self { state, expected, last, trace, at, outdated: false, unconfirmed: false, commands }
    }

    /// After another writer was faster: what follows its last known event has to be read first.
    pub(crate) fn outdated(self) -> Self {
        Self { outdated: true, ..self }
    }

    /// Applies events of its stream from its last known event on. `None` if that event is not what the
    /// stream has there.
    pub(crate) fn caught_up<D: Decider<State = S>>(mut self, events: &[Arc<RecordedEvent>]) -> Result<Option<Self>, Fault> {
        let Some((_, new)) = events.split_first().filter(|(last, _)| Some(last.id) == self.last) else { return Ok(None) };
        (self.outdated, self.unconfirmed) = (false, false);
        self.fold::<D>(new).map(Some)
    }

    /// Applies events of its stream, oldest first.
    pub(crate) fn fold<D: Decider<State = S>>(mut self, events: &[Arc<RecordedEvent>]) -> Result<Self, Fault> {
        for recorded in events {
            if let Some(envelope) = codec::decode(recorded)? {
                let at = envelope.metadata.at;
                self.state = D::evolve_at(self.state, &envelope.event, at, recorded.revision);
                self.trace = envelope.metadata.trace.clone();
                self.at = Some(self.at.map_or(at, |last| last.max(at)));
                self.commands.extend(envelope.metadata.causation.and_then(CommandId::of_cause));
            }
            self.expected = Expected::Revision(recorded.revision);
            self.last = Some(recorded.id);
        }
        Ok(self)
    }
}

/// The id of the command that began a stream, where nothing else names it.
fn first_command(stream: &StreamName) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}|command", stream.as_str()).as_bytes())
}
