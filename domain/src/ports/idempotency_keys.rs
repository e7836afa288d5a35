//! The idempotency keys that payment adapters send. They follow from the booking alone, so any node
//! can repeat a call with the same key after a crash.
//!
//! A gateway has one list of keys for all its operations, so each key begins with its operation.
//!
//! A gateway stores a key's first answer, errors of its own (5xx) included. So a step has numbered
//! tries, counted from 1 by every process from the start: while the outcome is unknown, the same key again; after
//! a stored 5xx, and only if the intent shows that the step did not happen, the next try's key.

use crate::{BookingId, IntentId};

/// Key for creating the booking's intent.
#[must_use]
pub fn create(booking: BookingId, try_number: u32) -> String {
    format!("create-{booking}-{try_number}")
}

/// Key for one attempt to pay. An attempt has one try: what follows it is the next attempt. It names the intent: were
/// there a second one of the booking, its confirmation must not get the first one's answer.
#[must_use]
pub fn confirm(intent: &IntentId, booking: BookingId, attempt: u32) -> String {
    format!("confirm-{intent}-{booking}-{attempt}")
}

/// Key for taking the money.
#[must_use]
pub fn capture(booking: BookingId, try_number: u32) -> String {
    format!("capture-{booking}-{try_number}")
}

/// Key for cancelling the reservation. It names the intent: a booking may have another one, which nobody uses and which
/// has to be cancelled as well.
#[must_use]
pub fn cancel(intent: &IntentId, try_number: u32) -> String {
    format!("cancel-{intent}-{try_number}")
}

/// Key for the booking's refund of that number.
#[must_use]
pub fn refund(booking: BookingId, number: u32, try_number: u32) -> String {
    format!("refund-{booking}-{number}-{try_number}")
}
