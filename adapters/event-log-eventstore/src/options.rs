//! Settings of the adapter.

use crate::circuit::CircuitOptions;
use std::time::Duration;

/// Settings of an [`EventStoreLog`](crate::EventStoreLog), in addition to those of the connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Time limit of a read, or of each page of a long read. Default 5 s.
    pub read_deadline: Duration,
    /// Time limit of an append, including the time to find out its outcome. Default 5 s.
    pub append_deadline: Duration,
    /// Whether to use batch sessions if the server has them. A single append call takes some 40 ms
    /// longer with this client. Default yes.
    pub batch: bool,
    /// Batch sessions, at least 1. A stream always uses the same one; a conflict affects only its
    /// session. Default 16.
    pub sessions: usize,
    /// When the circuit breaker opens.
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
