//! Proves the guarantees from the log alone.

use lastseat_domain::ports::event_log::RecordedEvent;
use serde::Serialize;

/// What an audit came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Events seen.
    pub events: u64,
}

/// An audit under way.
#[derive(Debug, Default)]
pub struct Audit {
    events: u64,
}

impl Audit {
    /// An audit of a log from its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event of the log, in position order.
    pub fn observe(&mut self, _event: &RecordedEvent) {
        self.events += 1;
    }

    /// What it came to.
    #[must_use]
    pub fn finish(self) -> Report {
        Report { events: self.events }
    }
}
