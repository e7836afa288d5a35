//! Which voucher a booking leads to. It follows from the booking, its show's reward table, and a number that was made when
//! it was paid. None of them ever changes, and the buyer could not know the last before.

use crate::event::{Reward, VoucherCause};
use crate::ids::{BookingId, NAMESPACE, VoucherId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Seats that a booking needs for a voucher of its own.
pub const BOOKING_VOUCHER_SEATS: u32 = 3;

/// The voucher that a paid booking of so many seats draws from its show's reward table, and the line that it is from.
/// `draw` is that of its [`PaymentCaptured`](crate::event::PaymentCaptured).
#[must_use]
pub fn drawn(booking: BookingId, draw: Uuid, seats: u32, rewards: &[Reward]) -> Option<(VoucherId, &Reward)> {
    let reward = line(draw, rewards).filter(|_| draws(seats, rewards))?;
    Some((voucher_id(booking, VoucherCause::Booking, 0), reward))
}

/// Whether a booking of so many seats draws a voucher once it is paid, whichever it will be.
pub(super) fn draws(seats: u32, rewards: &[Reward]) -> bool {
    seats >= BOOKING_VOUCHER_SEATS && rewards.iter().any(|reward| reward.weight > 0)
}

/// Draws from the table by weight. A repeat draws the same.
fn line(draw: Uuid, rewards: &[Reward]) -> Option<&Reward> {
    let total: u64 = rewards.iter().map(|r| u64::from(r.weight)).sum();
    let digest = Sha256::digest(draw.as_bytes());
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
