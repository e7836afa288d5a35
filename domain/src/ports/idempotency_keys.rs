//! Idempotency keys, made of the booking alone: any node, after any crash, repeats a call under
//! the key of the first. A gateway keeps one list of keys for all operations, so each names its own.

use crate::BookingId;

/// Key of creating the booking's intent.
#[must_use]
pub fn create(booking: BookingId) -> String {
    format!("create-{booking}")
}

/// Key of one attempt to pay.
#[must_use]
pub fn confirm(booking: BookingId, attempt: u32) -> String {
    format!("confirm-{booking}-{attempt}")
}

/// Key of taking the money.
#[must_use]
pub fn capture(booking: BookingId) -> String {
    format!("capture-{booking}")
}

/// Key of lifting the reservation.
#[must_use]
pub fn cancel(booking: BookingId) -> String {
    format!("cancel-{booking}")
}

/// Key of returning the money.
#[must_use]
pub fn refund(booking: BookingId) -> String {
    format!("refund-{booking}")
}
