//! Where a command comes from. Recorded in the metadata of every event that follows from it.

use lastseat_domain::{CommandId, Metadata};
use uuid::Uuid;

/// Who sent a command, and the trace that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Subject of the caller.
    pub by: String,
    /// Its place in a trace, as the metadata of events has it ([`Trace`](lastseat_domain::Trace)).
    pub trace: Option<String>,
    /// The command, if the caller may repeat it: every repeat has the same id. `None`: it is sent once,
    /// and gets a new id.
    pub command: Option<CommandId>,
    /// Whether the caller has no more than the booking's own token, which a transfer ends.
    pub bearer: bool,
}

impl Origin {
    #[must_use]
    pub fn new(by: &str, trace: Option<String>) -> Self {
        Self { by: by.to_owned(), trace, command: None, bearer: false }
    }

    /// The same for a caller with the booking's own token.
    #[must_use]
    pub fn with_token_of_booking(self, bearer: bool) -> Self {
        Self { bearer, ..self }
    }

    /// The same for a command that may be repeated.
    #[must_use]
    pub fn repeatable(self, command: Option<CommandId>) -> Self {
        Self { command, ..self }
    }
}

impl From<&str> for Origin {
    fn from(by: &str) -> Self {
        Self::new(by, None)
    }
}

/// What causes an event. It is a part of the event's id, as the event's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A caller's command: a rival's events are others.
    Command(CommandId),
    /// The last event of the stream that is appended to: a step of a process.
    LastEvent,
    /// This event or request.
    Named(Uuid),
}

/// What the engine knows about a command besides the command itself.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub by: String,
    pub trace: Option<String>,
    /// What its events belong to: a booking, a block, a campaign; or the command itself.
    pub belongs_to: Uuid,
    pub cause: Cause,
    /// A step of a process carries on the trace of the stream's last event.
    pub carries_on_trace: bool,
    /// The caller has the booking's own token only.
    pub bearer: bool,
}

impl Context {
    /// A caller's command, which belongs to itself until something else is named. `new_id`: for a command without an id.
    pub(crate) fn command(origin: Origin, new_id: impl FnOnce() -> Uuid) -> Self {
        let id = origin.command.unwrap_or_else(|| CommandId::new(new_id().into_bytes()));
        Self {
            by: origin.by,
            trace: origin.trace,
            belongs_to: id.uuid(),
            cause: Cause::Command(id),
            carries_on_trace: false,
            bearer: origin.bearer,
        }
    }

    /// A process's step.
    pub(crate) fn step(by: &str, belongs_to: Uuid) -> Self {
        Self { by: by.to_owned(), trace: None, belongs_to, cause: Cause::LastEvent, carries_on_trace: true, bearer: false }
    }

    /// What follows from an event or request.
    pub(crate) fn following(by: &str, trace: Option<String>, cause: Uuid, belongs_to: Uuid) -> Self {
        Self { by: by.to_owned(), trace, belongs_to, cause: Cause::Named(cause), carries_on_trace: false, bearer: false }
    }

    /// The same for something else that it belongs to.
    pub(crate) fn belonging_to(self, belongs_to: Uuid) -> Self {
        Self { belongs_to, ..self }
    }

    /// The caller's command, if it is one.
    pub(crate) fn command_id(&self) -> Option<CommandId> {
        if let Cause::Command(id) = self.cause { Some(id) } else { None }
    }

    /// Whether the caller's command led to an event with this metadata.
    pub(crate) fn is_cause_of(&self, metadata: &Metadata) -> bool {
        self.command_id().is_some() && metadata.causation.and_then(CommandId::of_cause) == self.command_id()
    }

    /// The steps that follow from this command: each is caused by the event before it.
    pub(crate) fn steps(&self) -> Self {
        Self { cause: Cause::LastEvent, ..self.clone() }
    }
}
