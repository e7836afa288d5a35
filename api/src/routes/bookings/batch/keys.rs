//! Keys of the holds of a batch: what makes a repeated batch give the same bookings.
//!
//! The key of a hold names one booking and one request. The place in the batch is part of both, because
//! one batch may have the same hold twice. The content of the batch is part of the request, and not of
//! the booking's id: a changed batch under the same key meets the bookings of the first one, and is refused.

use crate::auth::{Auth, Caller};
use crate::idempotency::{Keyed, hash_of};
use lastseat_domain::{BookingId, ShowId};
use sha2::{Digest, Sha256};

/// The key of the hold at this place of a batch that has an `Idempotency-Key`.
pub fn of_place(batch: &Keyed, place: usize) -> Keyed {
    let slot = hash_of([b"place", &batch.slot, &place.to_be_bytes()]);
    Keyed { key: format!("{place}|{}", batch.key), slot, body: batch.body }
}

/// The key of a hold that has one of its own: the same in any batch and at any place.
pub fn of_hold(caller: &Caller, show: &ShowId, key: &str, hold: &str) -> Keyed {
    let slot = hash_of([b"hold", caller.scope().as_bytes(), show.as_str().as_bytes(), key.as_bytes()]);
    Keyed { key: format!("own|{key}"), slot, body: Sha256::digest(hold).into() }
}

/// The booking of a hold's key.
pub fn booking_of(auth: &Auth, caller: &Caller, show: &ShowId, key: &Keyed) -> BookingId {
    // No scope of a single hold begins so.
    auth.booking_for_key(&format!("batch|{}|{show}", caller.scope()), &key.key)
}
