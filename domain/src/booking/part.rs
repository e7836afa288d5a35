//! A refund of a part of a booking, as its events describe it.

use crate::Timestamp;
use crate::event::PartialRefundRequested;
use serde::{Deserialize, Serialize};

/// A partial refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRefund {
    /// What was requested.
    pub requested: PartialRefundRequested,
    /// When, by the clock of the engine that wrote the event.
    pub at: Timestamp,
    /// How far it has got.
    pub state: PartialRefundState,
}

/// How far a partial refund has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartialRefundState {
    /// The gateway has not confirmed it yet.
    UnderWay,
    /// The gateway has returned the money.
    Made,
    /// The buyer has the money back by another way, as a person says.
    ReturnedElsewhere,
    /// It is not made, as a person says. The booking has kept its seats.
    Abandoned,
}

impl PartialRefund {
    /// Whether the buyer has the money back.
    #[must_use]
    pub fn is_returned(&self) -> bool {
        matches!(self.state, PartialRefundState::Made | PartialRefundState::ReturnedElsewhere)
    }
}
