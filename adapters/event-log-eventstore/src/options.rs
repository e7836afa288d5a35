//! What can be set.

use crate::circuit::CircuitOptions;
use std::time::Duration;

/// Settings of an [`EventStoreLog`](crate::EventStoreLog), beside those of the connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a read may take, and how long one page of a long read. Default 5 s.
    pub read_deadline: Duration,
    /// How long an append may take, with everything that is done to find out what became of it.
    /// Default 5 s.
    pub append_deadline: Duration,
    /// Whether appends go through batch sessions where the server has them. Without, each append is
    /// a call of its own, which takes some 40 ms longer with this client. Default yes.
    pub batch: bool,
    /// Number of batch sessions, at least 1. A stream always goes through the same one; a conflict
    /// disturbs only what is under way in its session. Default 16.
    pub sessions: usize,
    /// When the store is given a rest.
    pub circuit: CircuitOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_deadline: Duration::from_secs(5),
            append_deadline: Duration::from_secs(5),
            batch: true,
            sessions: 16,
            circuit: CircuitOptions::default(),
        }
    }
}
