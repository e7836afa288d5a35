//! Settings of the adapter.

use crate::circuit::CircuitOptions;
use std::time::Duration;

/// Settings of an [`EventStoreLog`](crate::EventStoreLog), in addition to those of the connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Time limit of a read, or of each page of a long read. Default 10 s. See [`Options::one_try`].
    pub read_deadline: Duration,
    /// Time limit of an append, including the time to find out its outcome. Default 10 s. Before it, the append waits for its
    /// permit for half of that at most.
    pub append_deadline: Duration,
    /// Whether to use batch sessions if the server has them. A single append call takes some 40 ms
    /// longer with this client. Default yes.
    pub batch: bool,
    /// Batch sessions, at least 1. A stream always uses the same one; a conflict affects only its
    /// session. Default 16.
    pub sessions: usize,
    /// When calls are suspended, and how the store is tried again.
    pub circuit: CircuitOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_deadline: Duration::from_secs(10),
            append_deadline: Duration::from_secs(10),
            batch: true,
            sessions: 16,
            circuit: CircuitOptions::default(),
        }
    }
}

impl Options {
    /// How long an append waits for a permit, before its own deadline begins.
    pub(crate) fn permit_deadline(&self) -> Duration {
        self.append_deadline / 2
    }

    /// Longest time that one append takes.
    pub(crate) fn longest_append(&self) -> Duration {
        self.permit_deadline() + self.append_deadline
    }

    /// Time limit of one try of a call that has `deadline` in all. Long enough for a store that is slow for a moment, and short
    /// enough for a second try on another connection, and for reading what became of the first.
    pub(crate) fn one_try(deadline: Duration) -> Duration {
        deadline * 2 / 5
    }
}
