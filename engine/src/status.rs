//! How the engine is doing, and what it found when it started.

use lastseat_domain::ports::event_log::LogReport;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Status {
    /// Whether this node should get commands: it can write the log, its tasks run, and it is not
    /// stopping. A box office that has been opened knows the whole log.
    pub ready: bool,
    /// Commands in flight.
    pub in_flight: usize,
    /// Positions between what this node has written and what it has read back.
    pub lag: u64,
    /// Actors in memory.
    pub actors: usize,
    pub messages: Messages,
    /// Bookings that are held, being paid for, or still being cleared up.
    pub unfinished: usize,
    /// Sold bookings that are not paid, and whose authorisation ends within 24 hours or has ended.
    pub uncaptured: usize,
    /// Whether the seat guard answers, as far as is known.
    pub guard_answers: bool,
    /// Times that the seat guard did not answer when it was needed, since the start.
    pub guard_failures: u64,
    /// What the log counts of itself.
    pub log: LogReport,
    /// What is missing, in words; empty if all is well.
    pub degraded: Vec<String>,
}

/// Messages that were sent and have not been handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Messages {
    pub seats: usize,
    pub payments: usize,
    /// Of the task that gives and takes back rewards.
    pub rewards: usize,
}

/// What recovery found in the log at the start and finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoverySummary {
    /// Bookings that were due and were carried on, among them those that only had seats to free.
    pub resumed: usize,
    /// Bookings that were aborted because their time was over or they had never opened.
    pub aborted: usize,
    /// Seats of all these that were freed.
    pub seats_freed: usize,
    /// From the start to the last of them.
    pub took: Duration,
}
