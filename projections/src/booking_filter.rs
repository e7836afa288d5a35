//! Which bookings a list is about.

use crate::bookings::{BookingStatus, BookingView};
use lastseat_domain::{BuyerId, SeatId, ShowId, Timestamp, VoucherHash};

/// Which bookings a list is about: those that everything which is given here applies to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookingFilter {
    pub show: Option<ShowId>,
    pub status: Option<BookingStatus>,
    pub buyer: Option<BuyerId>,
    /// A seat of the show. Without a show it applies to nothing.
    pub seat: Option<SeatId>,
    /// The voucher that lowers its amount.
    pub voucher: Option<VoucherHash>,
    /// The shop's reference.
    pub reference: Option<String>,
    /// Names and values of the shop's metadata; all of them have to be there.
    pub metadata: Vec<(String, String)>,
    /// Whether a person has to look at the payment.
    pub under_review: Option<bool>,
    /// When the hold began.
    pub opened: TimeSpan,
    /// When the payment was captured.
    pub confirmed: TimeSpan,
}

/// A span of time; without a beginning or an end, it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSpan {
    /// The first moment.
    pub from: Option<Timestamp>,
    /// The first moment after it.
    pub to: Option<Timestamp>,
}

impl TimeSpan {
    /// Whether it is all of time.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// In milliseconds, like the columns that a list is looked up by.
    fn has(&self, at: Option<Timestamp>) -> bool {
        let milliseconds = |at: Timestamp| at.timestamp_millis();
        let is_from = |at: Timestamp| self.from.is_none_or(|from| milliseconds(from) <= milliseconds(at));
        let is_before = |at: Timestamp| self.to.is_none_or(|to| milliseconds(at) < milliseconds(to));
        self.is_everything() || at.is_some_and(|at| is_from(at) && is_before(at))
    }
}

impl BookingFilter {
    /// Whether it applies to a booking.
    #[must_use]
    pub fn applies_to(&self, view: &BookingView) -> bool {
        let has_seat = |seat: &SeatId| self.show.is_some() && view.seats.iter().any(|priced| priced.seat == *seat);
        self.show.as_ref().is_none_or(|show| view.show == *show)
            && self.status.is_none_or(|status| view.status == status)
            && self.buyer.as_ref().is_none_or(|buyer| view.buyer == *buyer)
            && self.seat.as_ref().is_none_or(has_seat)
            && self.voucher.as_ref().is_none_or(|voucher| view.voucher.as_ref() == Some(voucher))
            && self.reference.as_ref().is_none_or(|reference| view.shop.reference.as_ref() == Some(reference))
            && self.metadata.iter().all(|(name, value)| view.shop.metadata.get(name) == Some(value))
            && self.under_review.is_none_or(|under_review| view.flagged == under_review)
            && self.opened.has(Some(view.opened_at))
            && self.confirmed.has(view.confirmed_at)
    }
}
