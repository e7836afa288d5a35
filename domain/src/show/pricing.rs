//! What seats cost: the price of their category, or of the price type that the buyer has chosen, and the show's
//! fees. The client never says what anything costs.

use super::Show;
use crate::event::{BookingOpened, PricedSeat};
use crate::ids::{CategoryId, PriceTypeId, SeatId};
use crate::money::{Currency, Money};
use crate::plan::{Category, PriceTypeNames};
use crate::rejection::Rejection;

impl Category {
    /// The price type with this name, and its price. Without a name: the first type, or the only price.
    #[must_use]
    pub fn price_of(&self, chosen: Option<&PriceTypeId>) -> Option<(Option<PriceTypeId>, i64)> {
        let Some(chosen) = chosen else {
            let first = self.price_types.first();
            return Some(first.map_or((None, self.price), |first| (Some(first.price_type.clone()), first.price)));
        };
        let found = self.price_types.iter().find(|known| known.price_type == *chosen)?;
        Some((Some(found.price_type.clone()), found.price))
    }
}

impl Show {
    /// A category of the show.
    #[must_use]
    pub fn category(&self, category: &CategoryId) -> Option<&Category> {
        self.facts.categories.iter().find(|known| known.category == *category)
    }

    /// The category of a seat.
    #[must_use]
    pub fn category_of(&self, seat: &SeatId) -> Option<&Category> {
        let planned = self.plan.index_of(seat).and_then(|index| self.plan.seat(index))?;
        self.category(&self.plan.area_of(planned)?.category)
    }

    /// Checks that a category has a price type. `of`: whose it is, as the buyer named it: a seat, an area or a category.
    ///
    /// # Errors
    /// [`Rejection::UnknownPriceType`].
    pub fn check_price_type(&self, category: Option<&Category>, chosen: &PriceTypeId, of: &str) -> Result<(), Rejection> {
        if category.is_some_and(|category| category.price_of(Some(chosen)).is_some()) {
            return Ok(());
        }
        let known = category.map_or(&[][..], |category| &category.price_types);
        Err(Rejection::UnknownPriceType {
            of: of.to_owned(),
            price_type: chosen.clone(),
            known: PriceTypeNames(known.iter().map(|known| known.price_type.clone()).collect()),
        })
    }

    /// A seat as it is sold: at the price of the chosen type, or of the first, and with the show's fee.
    ///
    /// # Errors
    /// [`Rejection::UnknownSeat`], [`Rejection::UnknownPriceType`].
    pub fn priced(&self, seat: &SeatId, chosen: Option<&PriceTypeId>) -> Result<PricedSeat, Rejection> {
        let category = self.category_of(seat).ok_or_else(|| Rejection::UnknownSeat { seat: seat.to_string() })?;
        if let Some(chosen) = chosen {
            self.check_price_type(Some(category), chosen, seat.as_str())?;
        }
        let (price_type, price) = category.price_of(chosen).unwrap_or((None, category.price));
        Ok(PricedSeat { seat: seat.clone(), price, price_type, fee: self.facts.fees.per_seat })
    }
}

impl PricedSeat {
    /// Sum of their prices and fees and of a booking's own fee; `None` if it does not fit in an `i64`.
    #[must_use]
    pub fn total(seats: &[Self], booking_fee: i64, currency: Currency) -> Option<Money> {
        Money::sum(currency, seats.iter().flat_map(|seat| [seat.price, seat.fee]).chain([booking_fee]))
    }
}

impl BookingOpened {
    /// Whether its amount is the sum of its prices and fees, and none of them is less than nothing.
    pub(crate) fn adds_up(&self) -> bool {
        let negative = self.fee < 0 || self.seats.iter().any(|seat| seat.price < 0 || seat.fee < 0);
        !negative && PricedSeat::total(&self.seats, self.fee, self.amount.currency) == Some(self.amount)
    }
}
