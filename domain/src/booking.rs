//! One booking with its payment: from hold to confirmed, aborted or refunded.
//!
//! The decision is [`BookingCommitted`](struct@crate::event::BookingCommitted) or
//! [`BookingAborted`](struct@crate::event::BookingAborted). Both are appended to this one stream at
//! an exact revision, so exactly one of them succeeds. Money is taken only after the first, and seats
//! are released only after the second or after the money was
//! returned.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::Event;
use crate::ids::BookingId;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;

mod after_sales;
mod checks;
mod command;
mod decide;
mod exchange;
mod part;
mod partial_refund;
mod review;
mod state;
mod till;
mod transfer;
mod vouchers;

pub use after_sales::evolve;
pub use checks::MAX_PAYMENT_ATTEMPTS;
pub use command::{BookingCommand, Review};
pub use decide::decide;
pub use part::{PartialRefund, PartialRefundState};
pub use state::{Attempt, Booking, PastExchange, Phase};
pub use vouchers::MAX_VOUCHER_APPLICATIONS;

impl Decider for Booking {
    type Id = BookingId;
    type State = Option<Self>;
    type Command = BookingCommand;

    fn stream(id: &BookingId) -> StreamName {
        StreamName::booking(*id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(_id: &BookingId, state: &Option<Self>, command: BookingCommand) -> Result<Vec<Event>, Rejection> {
        decide(state.as_ref(), command)
    }

    fn not_before(command: BookingCommand, last: Timestamp) -> BookingCommand {
        command.not_before(last)
    }

    fn evolve(state: Option<Self>, event: &Event, at: Timestamp) -> Option<Self> {
        evolve(state, event, at)
    }
}
