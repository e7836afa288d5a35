//! The voucher of a booking: one at a time, and only before the first attempt to pay. From then on the gateway may know
//! the amount.
//!
//! Each application has a number, so that one that was removed, or never took place, stays so: only then may the
//! voucher be freed, and applied again under the next number.
//!
//! A booking that was opened with a voucher, because its seats are of a block that this opens, is paid for with that voucher
//! or not at all. So a voucher sells as many bookings from a block as it has uses, whatever crashes in between.

use super::checks::check_alive;
use super::state::{Booking, Phase};
use crate::Timestamp;
use crate::event::{Event, VoucherApplied, VoucherRemoved};
use crate::ids::VoucherHash;
use crate::rejection::Rejection;

/// Most applications of vouchers to one booking. Each adds events to its stream, and every command reads all of them.
pub const MAX_VOUCHER_APPLICATIONS: u32 = 20;

impl Booking {
    /// Whether a voucher can be applied at `now`, whichever it is.
    ///
    /// # Errors
    /// The [`Rejection`] that says why not.
    pub fn check_takes_voucher(&self, now: Timestamp) -> Result<(), Rejection> {
        check_unpaid(self, now)?;
        if self.voucher.is_some() {
            return Err(Rejection::BookingHasVoucher);
        }
        let most = MAX_VOUCHER_APPLICATIONS;
        if self.voucher_applications >= most { Err(Rejection::TooManyVoucherChanges { most }) } else { Ok(()) }
    }

    /// The voucher that it was opened with.
    #[must_use]
    pub fn required_voucher(&self) -> Option<&VoucherHash> {
        self.opened.as_ref().and_then(|opened| opened.voucher.as_ref())
    }

    /// Whether the voucher is applied, whichever application that is.
    #[must_use]
    pub fn has_applied(&self, voucher: &VoucherHash) -> bool {
        self.voucher.as_ref().is_some_and(|has| has.voucher == *voucher)
    }

    /// Whether the voucher lowers the amount, by this application.
    #[must_use]
    pub fn has_voucher(&self, voucher: &VoucherHash, application: u32) -> bool {
        self.voucher.as_ref().is_some_and(|has| has.voucher == *voucher && has.application == application)
    }
}

fn check_unpaid(booking: &Booking, now: Timestamp) -> Result<(), Rejection> {
    check_alive(booking, now)?;
    if booking.attempts.is_empty() { Ok(()) } else { Err(Rejection::PaymentBegun) }
}

/// A payment may begin: the booking has the voucher that it was opened with.
pub(super) fn check_has_own(booking: &Booking) -> Result<(), Rejection> {
    if booking.required_voucher().is_none_or(|own| booking.has_applied(own)) { Ok(()) } else { Err(Rejection::VoucherMissing) }
}

pub(super) fn apply(
    booking: &Booking,
    now: Timestamp,
    voucher: VoucherHash,
    application: u32,
    discount: i64,
) -> Result<Vec<Event>, Rejection> {
    if booking.has_voucher(&voucher, application) {
        return Ok(vec![]);
    }
    booking.check_takes_voucher(now)?;
    let own = booking.required_voucher();
    if own.is_some_and(|own| *own != voucher) {
        return Err(Rejection::BookingKeepsVoucher);
    }
    let whole = booking.opened.as_ref().map_or(0, |opened| opened.amount.value);
    // What opens seats may take nothing off.
    let least = i64::from(own.is_none());
    if application != booking.voucher_applications + 1 || !(least..=whole).contains(&discount) {
        return Err(Rejection::OutOfOrder { step: "Applying this voucher" });
    }
    Ok(vec![VoucherApplied { booking: booking.id, voucher, application, discount }.into()])
}

pub(super) fn remove(booking: &Booking, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    check_unpaid(booking, now)?;
    if booking.required_voucher().is_some() {
        return Err(Rejection::BookingKeepsVoucher);
    }
    let removed = |applied: &VoucherApplied| {
        let VoucherApplied { booking, voucher, application, .. } = applied.clone();
        VoucherRemoved { booking, voucher, application }.into()
    };
    Ok(booking.voucher.iter().map(removed).collect())
}

/// No event where it can't be applied any more: an application with this number or a later one is there, or the
/// booking is over.
pub(super) fn fence(booking: &Booking, voucher: VoucherHash, application: u32) -> Vec<Event> {
    let over = matches!(booking.phase, Phase::Aborted { .. } | Phase::Refunded);
    if over || application <= booking.voucher_applications {
        return vec![];
    }
    vec![VoucherRemoved { booking: booking.id, voucher, application }.into()]
}

pub(super) fn evolve(booking: &mut Booking, event: &Event) {
    match event {
        Event::VoucherApplied(e) => {
            booking.voucher_applications = booking.voucher_applications.max(e.application);
            booking.voucher = Some(e.clone());
        }
        Event::VoucherRemoved(e) => {
            booking.voucher_applications = booking.voucher_applications.max(e.application);
            if booking.has_voucher(&e.voucher, e.application) {
                booking.voucher = None;
            }
        }
        _ => {}
    }
}
