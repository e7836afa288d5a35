//! What vouchers, exchanges, transfers and partial refunds change in a booking.

use super::part::{PartialRefund, PartialRefundState};
use super::state::{self, Booking, PastExchange};
use super::vouchers;
use crate::Timestamp;
use crate::event::{Event, ReviewOutcome};

/// See [`Decider::evolve`](crate::Decider::evolve).
#[must_use]
pub fn evolve(state: Option<Booking>, event: &Event, at: Timestamp) -> Option<Booking> {
    let mut booking = state::evolve(state, event, at)?;
    apply(&mut booking, event, at);
    Some(booking)
}

/// The part of it that is about them.
fn apply(booking: &mut Booking, event: &Event, at: Timestamp) {
    match event {
        Event::VoucherApplied(_) | Event::VoucherRemoved(_) => vouchers::evolve(booking, event),
        Event::ExchangeRequested(e) => {
            booking.exchanges = e.exchange;
            booking.exchange = Some(e.clone());
        }
        Event::BookingExchanged(_) => {
            if let Some(requested) = booking.exchange.take() {
                booking.change_seats(&requested.leaves, &requested.takes);
                booking.past_exchanges.push(PastExchange { requested, made: true });
            }
        }
        Event::ExchangeAbandoned(_) => {
            let over = booking.exchange.take().map(|requested| PastExchange { requested, made: false });
            booking.past_exchanges.extend(over);
        }
        Event::BookingTransferred(e) => {
            booking.transferred_to = Some(e.buyer.clone());
            booking.transfers = booking.transfers.saturating_add(1);
        }
        Event::PartialRefundRequested(e) => {
            booking.partial_refunds.push(PartialRefund { requested: e.clone(), at, state: PartialRefundState::UnderWay });
        }
        Event::PaymentPartlyRefunded(e) => booking.end_refund(e.refund, PartialRefundState::Made),
        Event::PaymentReturnedElsewhere(e) => {
            if let Some(number) = e.refund {
                booking.end_refund(number, PartialRefundState::ReturnedElsewhere);
                booking.flagged = false;
            }
        }
        Event::PaymentReviewed(e) if e.outcome == ReviewOutcome::Abandoned => {
            if let Some(number) = booking.refund_under_way().map(|refund| refund.requested.refund) {
                booking.end_refund(number, PartialRefundState::Abandoned);
            }
        }
        _ => {}
    }
}
