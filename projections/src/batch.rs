//! Deliveries of the log, decoded.

use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Delivery, Position};
use lastseat_domain::{Envelope, codec};
use std::sync::Arc;

/// An event that this version of the program can't read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub position: Position,
    pub why: String,
}

/// What a part of a subscription has brought.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub events: Vec<Arc<Envelope>>,
    pub skipped: Vec<Skipped>,
    /// Everything up to here is in this batch or was before it.
    pub until: Position,
    /// The log reaches at least this far.
    pub head: Position,
    /// Why the subscription has ended, if it has. What came before is complete.
    pub fault: Option<LogFault>,
}

impl Batch {
    pub fn of(deliveries: Vec<Result<Delivery, LogFault>>) -> Self {
        let mut batch = Self { events: Vec::with_capacity(deliveries.len()), ..Self::default() };
        for delivery in deliveries {
            match delivery {
                Ok(Delivery::Event(recorded)) => {
                    batch.until = batch.until.max(recorded.position);
                    match codec::decode(&recorded) {
                        Ok(Some(envelope)) => batch.events.push(envelope),
                        Ok(None) => {}
                        Err(e) => batch.skipped.push(Skipped { position: recorded.position, why: e.to_string() }),
                    }
                }
                Ok(Delivery::Checkpoint(position)) => batch.until = batch.until.max(position),
                Ok(Delivery::CaughtUp(position)) => {
                    batch.until = batch.until.max(position);
                    batch.head = batch.head.max(position);
                }
                // The log's head shows how many events the views still lack.
                Ok(Delivery::Interrupted(_)) => {}
                Err(fault) => {
                    batch.fault = Some(fault);
                    break;
                }
            }
        }
        batch
    }
}
