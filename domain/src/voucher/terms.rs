//! The terms of a voucher: which of them make sense, when it is valid, and what it takes off a booking.

use crate::Timestamp;
use crate::booking::Booking;
use crate::event::{Discount, VoucherTerms};
use crate::ids::{CategoryId, SeatId, ShowId};
use crate::rejection::Rejection;

/// Most uses of one voucher: its stream is read whenever it is used.
pub const MAX_USES: u32 = 1_000;
/// Most shows, most categories, and most blocks, that one voucher names.
pub const MAX_NAMES: usize = 100;
/// The longest text that names goods, in bytes.
pub const MAX_GOODS: usize = 200;
/// Most seats that one voucher makes free.
const MAX_FREE_SEATS: u32 = 100;

impl VoucherTerms {
    /// Once, at any time, for any show and seat.
    #[must_use]
    pub fn once(discount: Discount) -> Self {
        Self { discount, uses: 1, valid_from: None, valid_until: None, shows: vec![], categories: vec![], opens: vec![] }
    }

    /// Whether a voucher can have these terms.
    ///
    /// # Errors
    /// [`Rejection::InvalidVoucher`].
    pub fn check(&self) -> Result<(), Rejection> {
        let wrong = |field, why: &str| Err(Rejection::InvalidVoucher { field, why: why.to_owned() });
        match &self.discount {
            Discount::Percent(percent) if !(1..=100).contains(percent) => wrong("discount", "`percent` must be 1 to 100"),
            Discount::Amount(amount) if amount.value < 1 => wrong("discount", "`amount` must be more than nothing"),
            Discount::FreeSeats(seats) if !(1..=MAX_FREE_SEATS).contains(seats) => {
                wrong("discount", &format!("`free_seats` must be 1 to {MAX_FREE_SEATS}"))
            }
            Discount::Goods(goods)
                if goods.trim().is_empty() || goods.len() > MAX_GOODS || goods.chars().any(char::is_control) =>
            {
                wrong("discount", &format!("`goods` must be 1 to {MAX_GOODS} bytes on one line"))
            }
            Discount::Nothing if self.opens.is_empty() => wrong("discount", "a voucher that opens no block needs a `discount`"),
            Discount::Goods(_) if !self.opens.is_empty() => {
                wrong("opens", "goods are handed over at the counter, so a voucher for them opens no block")
            }
            _ if !(1..=MAX_USES).contains(&self.uses) => wrong("uses", &format!("`uses` must be 1 to {MAX_USES}")),
            _ if self.shows.len() > MAX_NAMES => wrong("shows", &format!("it can name at most {MAX_NAMES} shows")),
            _ if self.categories.len() > MAX_NAMES => wrong("categories", &format!("it can name at most {MAX_NAMES} categories")),
            _ if self.opens.len() > MAX_NAMES => wrong("opens", &format!("it can open at most {MAX_NAMES} blocks")),
            _ if self.valid_from.zip(self.valid_until).is_some_and(|(from, until)| from >= until) => {
                wrong("valid_until", "`valid_until` must be after `valid_from`")
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// [`Rejection::VoucherNotUsable`].
    pub fn check_valid_at(&self, now: Timestamp) -> Result<(), Rejection> {
        match (self.valid_from, self.valid_until) {
            (Some(from), _) if now < from => Err(not_usable(format!("it is valid from {from}"))),
            (_, Some(until)) if now >= until => Err(not_usable(format!("it was valid until {until}"))),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// [`Rejection::VoucherNotUsable`].
    pub fn check_is_for(&self, show: &ShowId) -> Result<(), Rejection> {
        if self.shows.is_empty() || self.shows.contains(show) {
            Ok(())
        } else {
            Err(not_usable("it is for another show".to_owned()))
        }
    }

    /// Whether a hold of this show may send it, for the blocks that it opens.
    ///
    /// # Errors
    /// [`Rejection::VoucherNotUsable`].
    pub fn check_opens(&self, show: &ShowId) -> Result<(), Rejection> {
        if self.opens.is_empty() {
            return Err(not_usable("it opens no kept seats; apply it to the booking after the hold".to_owned()));
        }
        self.check_is_for(show)
    }

    /// What it takes off a booking, in minor units; at most the booking's amount, and at least 1 unless the booking was
    /// opened with it. `category_of`: the price category of a seat.
    ///
    /// # Errors
    /// [`Rejection::VoucherNotUsable`] if it is not for this booking.
    pub fn discount_of(&self, booking: &Booking, category_of: impl Fn(&SeatId) -> Option<CategoryId>) -> Result<i64, Rejection> {
        let opened = booking.opened.as_ref().ok_or(Rejection::BookingNotFound)?;
        self.check_is_for(&opened.show)?;
        let is_for = |seat: &SeatId| {
            self.categories.is_empty() || category_of(seat).is_some_and(|category| self.categories.contains(&category))
        };
        let seats = booking.seats();
        let mut costs: Vec<i64> = seats.iter().filter(|s| is_for(&s.seat)).map(|s| s.price.saturating_add(s.fee)).collect();
        if costs.is_empty() {
            return Err(not_usable("it is for seats of another category".to_owned()));
        }
        let sum = |costs: &[i64]| costs.iter().fold(0_i64, |sum, cost| sum.saturating_add(*cost));
        // The booking's own fee goes with its last seat.
        let fee = |of: usize| if of == seats.len() { opened.fee } else { 0 };
        let all = sum(&costs).saturating_add(fee(costs.len()));
        let discount = match &self.discount {
            Discount::Nothing if opened.voucher.is_none() => {
                return Err(not_usable("it opens kept seats; send it when you hold them".to_owned()));
            }
            Discount::Nothing => 0,
            Discount::Percent(percent) => i64::try_from(i128::from(all) * i128::from(*percent) / 100).unwrap_or(all),
            Discount::Amount(amount) if amount.currency != opened.amount.currency => {
                return Err(not_usable(format!("it is in {}", amount.currency)));
            }
            Discount::Amount(amount) => amount.value.min(all),
            Discount::FreeSeats(free) => {
                costs.sort_unstable_by(|a, b| b.cmp(a));
                costs.truncate(usize::try_from(*free).unwrap_or(usize::MAX));
                sum(&costs).saturating_add(fee(costs.len()))
            }
            Discount::Goods(_) => return Err(not_usable("its goods are handed over at the counter".to_owned())),
        };
        let is_worth_it = discount > 0 || opened.voucher.is_some();
        if !is_worth_it { Err(not_usable("the booking costs no less with it".to_owned())) } else { Ok(discount) }
    }
}

fn not_usable(why: String) -> Rejection {
    Rejection::VoucherNotUsable { why }
}
