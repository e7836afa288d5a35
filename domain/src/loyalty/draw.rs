//! Which voucher a booking leads to. It follows from the booking and its show's reward table, which never change.

use crate::event::{Reward, VoucherCause};
use crate::ids::{BookingId, NAMESPACE, VoucherId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Seats that a booking needs for a voucher of its own.
pub const BOOKING_VOUCHER_SEATS: u32 = 3;

/// The voucher that a paid booking of so many seats draws from its show's reward table, and the line that it is from.
#[must_use]
pub fn drawn(booking: BookingId, seats: u32, rewards: &[Reward]) -> Option<(VoucherId, &Reward)> {
    let reward = draw(booking, rewards).filter(|_| seats >= BOOKING_VOUCHER_SEATS)?;
    Some((voucher_id(booking, VoucherCause::Booking, 0), reward))
}

/// Draws from the table by weight. The booking's id is the random number, so a repeat draws the same.
fn draw(booking: BookingId, rewards: &[Reward]) -> Option<&Reward> {
    let total: u64 = rewards.iter().map(|r| u64::from(r.weight)).sum();
    let digest = Sha256::digest(booking.0.as_bytes());
    let ticket = digest.iter().take(8).fold(0_u64, |n, byte| (n << 8) | u64::from(*byte)).checked_rem(total)?;
    let mut passed = 0;
    rewards.iter().find(|r| {
        passed += u64::from(r.weight);
        ticket < passed
    })
}

/// The id of the voucher that a booking leads to; always the same for the same booking. `ordinal`
/// counts the milestone vouchers of one booking, from 0.
#[must_use]
pub fn voucher_id(booking: BookingId, cause: VoucherCause, ordinal: u32) -> VoucherId {
    let cause = match cause {
        VoucherCause::Booking => "booking",
        VoucherCause::Milestone => "milestone",
    };
    VoucherId(Uuid::new_v5(&NAMESPACE, format!("voucher|{booking}|{cause}|{ordinal}").as_bytes()))
}
