//! What vouchers, exchanges, transfers and partial refunds change in a booking.

use super::state::{Booking, PartialRefund};
use crate::event::Event;

/// The part of [`Decider::evolve`](crate::Decider::evolve) that is about them.
pub(super) fn evolve(booking: &mut Booking, event: &Event) {
    match event {
        Event::VoucherApplied(e) => booking.voucher = Some(e.clone()),
        Event::VoucherRemoved(_) => booking.voucher = None,
        Event::ExchangeRequested(e) => {
            booking.exchanges = e.exchange;
            booking.exchange = Some(e.clone());
        }
        Event::BookingExchanged(_) => {
            if let Some(exchange) = booking.exchange.take() {
                booking.change_seats(&exchange.leaves, &exchange.takes);
            }
        }
        Event::ExchangeAbandoned(_) => booking.exchange = None,
        Event::BookingTransferred(e) => booking.transferred_to = Some(e.buyer.clone()),
        Event::PartialRefundRequested(e) => {
            booking.partial_refunds.push(PartialRefund { requested: e.clone(), made: false });
        }
        Event::PaymentPartlyRefunded(e) => {
            let Some(refund) = booking.partial_refunds.iter_mut().find(|r| r.requested.refund == e.refund) else { return };
            refund.made = true;
            let seats = refund.requested.seats.clone();
            if !seats.is_empty() {
                booking.change_seats(&seats, &[]);
            }
        }
        _ => {}
    }
}
