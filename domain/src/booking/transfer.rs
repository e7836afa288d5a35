//! The transfer of a sold booking to another buyer.

use super::checks::check_changeable;
use super::state::Booking;
use crate::event::{BookingTransferred, Event};
use crate::ids::BuyerId;
use crate::rejection::Rejection;

/// Only what is sold can be transferred: a hold may be anybody's limit and ends by itself. The buyer who paid keeps the points,
/// and the seats stay on the limit of the buyer who bought them.
pub(super) fn transfer(state: &Booking, buyer: BuyerId, by: String) -> Result<Vec<Event>, Rejection> {
    check_changeable(state)?;
    if state.buyer() == Some(&buyer) {
        return Ok(vec![]);
    }
    Ok(vec![BookingTransferred { booking: state.id, buyer, by }.into()])
}
