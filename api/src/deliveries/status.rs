//! What this node knows of an endpoint: for the list of endpoints and for metrics.

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::webhook_endpoint::Receipt;
use parking_lot::Mutex;

/// What this node knows of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Everything up to here was taken or given up, as far as this node knows. `None`: nobody has sent to it yet.
    pub reached: Option<Position>,
    /// Whether this node sends.
    pub is_sender: bool,
    /// Messages that this node has read and the endpoint has not taken.
    pub waiting: u64,
    /// Tries in a row that failed.
    pub failures_in_a_row: u32,
    /// Messages that the endpoint has taken from this node.
    pub taken: u64,
    /// Tries of this node that failed.
    pub failed: u64,
    /// Messages that this node has given up.
    pub given_up: u64,
    pub last_taken_at: Option<Timestamp>,
    /// When the last try failed, and why.
    pub last_failure: Option<(Timestamp, String)>,
}

#[derive(Debug, Default)]
pub(super) struct Status(Mutex<EndpointStatus>);

impl Status {
    pub(super) fn now(&self) -> EndpointStatus {
        self.0.lock().clone()
    }

    pub(super) fn reached(&self, position: Option<Position>) {
        self.0.lock().reached = position;
    }

    /// This node sends, until [`Self::leaves`].
    pub(super) fn sends(&self, waiting: usize, failures_in_a_row: u32) {
        let mut status = self.0.lock();
        status.is_sender = true;
        status.waiting = waiting as u64;
        status.failures_in_a_row = failures_in_a_row;
    }

    pub(super) fn leaves(&self) {
        let mut status = self.0.lock();
        (status.is_sender, status.waiting, status.failures_in_a_row) = (false, 0, 0);
    }

    pub(super) fn taken(&self, now: Timestamp) {
        let mut status = self.0.lock();
        status.taken += 1;
        status.last_taken_at = Some(now);
    }

    pub(super) fn failed(&self, receipt: &Receipt, now: Timestamp) {
        let mut status = self.0.lock();
        status.failed += 1;
        status.last_failure = Some((now, receipt.to_string()));
    }

    pub(super) fn given_up(&self) {
        self.0.lock().given_up += 1;
    }
}
