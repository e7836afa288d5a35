//! Where a command comes from. Recorded in the metadata of every event that follows from it.

use lastseat_domain::BookingId;
use uuid::Uuid;

/// Who sent a command, and the trace that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Subject of the caller.
    pub by: String,
    /// W3C trace id, if the caller sent one.
    pub trace: Option<String>,
}

impl Origin {
    #[must_use]
    pub fn new(by: &str, trace: Option<String>) -> Self {
        Self { by: by.to_owned(), trace }
    }
}

impl From<&str> for Origin {
    fn from(by: &str) -> Self {
        Self::new(by, None)
    }
}

/// What the engine knows about a command besides the command itself.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub origin: Origin,
    /// The booking that the command belongs to.
    pub booking: Option<BookingId>,
    /// The event or request that caused the command. `None`: the last event of the stream that is
    /// appended to.
    pub cause: Option<Uuid>,
    /// A step of a process carries on the trace of the stream's last event.
    pub carries_on_trace: bool,
}

impl Context {
    /// A caller's command.
    pub(crate) fn command(origin: Origin) -> Self {
        Self { origin, booking: None, cause: None, carries_on_trace: false }
    }

    /// A process's step.
    pub(crate) fn step(by: &str) -> Self {
        Self { origin: by.into(), booking: None, cause: None, carries_on_trace: true }
    }

    pub(crate) fn of_booking(self, booking: BookingId) -> Self {
        Self { booking: Some(booking), ..self }
    }
}
