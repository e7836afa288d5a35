//! The idempotency keys that payment adapters send. They follow from the booking alone, so any node
//! can repeat a call with the same key after a crash.
//!
//! A gateway has one list of keys for all its operations, so each key begins with its operation.

use crate::BookingId;

/// Key for creating the booking's intent.
#[must_use]
pub fn create(booking: BookingId) -> String {
    format!("create-{booking}")
}

/// Key for one attempt to pay.
#[must_use]
pub fn confirm(booking: BookingId, attempt: u32) -> String {
    format!("confirm-{booking}-{attempt}")
}

/// Key for taking the money.
#[must_use]
pub fn capture(booking: BookingId) -> String {
    format!("capture-{booking}")
}

/// Key for cancelling the reservation.
#[must_use]
pub fn cancel(booking: BookingId) -> String {
    format!("cancel-{booking}")
}

/// Key for returning the money.
#[must_use]
pub fn refund(booking: BookingId) -> String {
    format!("refund-{booking}")
}
