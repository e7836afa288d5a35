//! What a booking costs, by the audit's own reading of a show.

use super::code::Code;
use super::facts::{Edition, Opened, ShowFacts};
use super::report::{Findings, Place};
use lastseat_domain::event::{BookingOpened, PricedSeat, ShowScheduled};
use lastseat_domain::plan::Category;
use lastseat_domain::{CategoryId, PriceTypeId};

/// What a seat of this category costs as this price type. `None`: there is no such price. A category with price types
/// has no price without one.
pub(super) fn price_of(facts: &ShowScheduled, category: &CategoryId, price_type: Option<&PriceTypeId>) -> Option<i64> {
    let category = category_of(facts, category)?;
    match price_type {
        Some(named) => category.price_types.iter().find(|known| known.price_type == *named).map(|known| known.price),
        None => category.price_types.is_empty().then_some(category.price),
    }
}

fn category_of<'a>(facts: &'a ShowScheduled, category: &CategoryId) -> Option<&'a Category> {
    facts.categories.iter().find(|known| known.category == *category)
}

impl Edition {
    /// All prices that a seat may have, by the plan's index.
    pub fn prices_of(&self, seat: u32) -> Vec<i64> {
        let Some(category) = self.category_of(seat).and_then(|category| category_of(&self.facts, category)) else {
            return vec![];
        };
        match category.price_types.as_slice() {
            [] => vec![category.price],
            types => types.iter().map(|known| known.price).collect(),
        }
    }
}

impl Opened {
    /// What the booking was opened for a seat at.
    pub fn price_of(&self, seat: u32) -> Option<i64> {
        let place = self.seats.iter().position(|known| *known == seat)?;
        self.prices.get(place).copied()
    }
}

/// Checks a seat's price and fee. `index`: the plan's.
pub(super) fn check_seat(
    priced: &PricedSeat,
    index: u32,
    edition: &Edition,
    revision: u64,
    findings: &mut Findings,
    place: &Place,
) {
    let category = edition.category_of(index);
    let price = category.and_then(|category| price_of(&edition.facts, category, priced.price_type.as_ref()));
    findings.check(Code::PriceDiffers, price == Some(priced.price), place, || {
        let (seat, of) = (&priced.seat, priced.price_type.as_ref().map_or_else(String::new, |name| format!(" as `{name}`")));
        let planned = price.map_or_else(|| "no price".to_owned(), |price| price.to_string());
        format!("{seat} costs {}{of} in it, {planned} in the plan at revision {revision}", priced.price)
    });
    let fee = edition.facts.fees.per_seat;
    findings.check(Code::FeeDiffers, fee == priced.fee, place, || {
        format!("the fee of {} is {} in it, {fee} in the show at revision {revision}", priced.seat, priced.fee)
    });
}

/// Checks each seat's price and fee, the booking's fee, and that the amount is their sum. `edition`: the show as it was at
/// the revision that the booking names, if it was ever so. `seats`: of the event's seats, the plan's indexes.
pub(super) fn check(
    e: &BookingOpened,
    show: Option<&ShowFacts>,
    edition: Option<&Edition>,
    seats: &[Option<u32>],
    findings: &mut Findings,
    place: &Place,
) {
    for (priced, index) in e.seats.iter().zip(seats) {
        if let (Some(edition), Some(index)) = (edition, *index) {
            check_seat(priced, index, edition, e.show_revision, findings, place);
        }
    }
    let fee = edition.map(|edition| edition.facts.fees.per_booking);
    findings.check(Code::FeeDiffers, fee.is_none_or(|fee| fee == e.fee), place, || {
        format!("its fee is {}, that of the show {}", e.fee, fee.unwrap_or_default())
    });
    let mut parts = e.seats.iter().flat_map(|seat| [seat.price, seat.fee]).chain([e.fee]);
    let sum = parts.try_fold(0_i64, i64::checked_add);
    let currency = show.is_none_or(|s| s.latest().facts.currency == e.amount.currency);
    findings.check(Code::AmountDiffers, sum == Some(e.amount.value) && currency, place, || {
        let sum = sum.map_or_else(|| "too much".to_owned(), |sum| sum.to_string());
        format!("it costs {}, its prices and fees come to {sum}", e.amount)
    });
}
