//! Which prices Stripe can charge. A show that it would refuse to charge for is refused when it is scheduled, not when
//! its buyers pay.
//!
//! The figures are those of <https://docs.stripe.com/currencies>, read in November 2026.

use lastseat_domain::event::ShowScheduled;
use lastseat_domain::{Currency, Money, Rejection};

/// An amount has at most eight digits.
const MOST: i64 = 99_999_999;

/// The least that can be charged, in minor units.
const LEAST: [(&str, i64); 24] = [
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1000),
    ("USD", 50),
];

/// Currencies that Stripe counts in whole units. The adapter converts what ISO 4217 counts otherwise.
const WHOLE: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies that Stripe counts in thousandths; the last digit has to be 0.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Checks the prices of a show that is to be paid through Stripe. What costs nothing never reaches Stripe.
///
/// # Errors
/// [`Rejection::InvalidShow`].
pub fn check(show: &ShowScheduled) -> Result<(), Rejection> {
    let (code, fees) = (show.currency.code(), show.fees);
    let prices = || {
        show.categories
            .iter()
            .flat_map(|category| std::iter::once(category.price).chain(category.price_types.iter().map(|known| known.price)))
    };
    let money = |value| Money { value, currency: show.currency };
    let refused = |why: String| Err(Rejection::InvalidShow { field: "categories", why });

    let least = LEAST.iter().find(|(currency, _)| *currency == code).map_or(1, |(_, least)| *least);
    // A booking of one seat is the cheapest that has to be paid.
    let of_one = |price: i64| price.saturating_add(fees.per_seat).saturating_add(fees.per_booking);
    if let Some(amount) = prices().map(of_one).find(|amount| *amount > 0 && *amount < least) {
        let (amount, least) = (money(amount), money(least));
        return refused(format!("a seat costs {amount}, and Stripe charges at least {least}; raise the price, or set it to 0"));
    }
    let step = step(show.currency);
    if let Some(price) = prices().chain([fees.per_seat, fees.per_booking]).find(|price| price % step != 0) {
        let (price, step) = (money(price), money(step));
        return refused(format!("a price is {price}, and Stripe charges multiples of {step} in this currency"));
    }
    let (seats, most) = (show.max_seats_per_booking, most(show.currency));
    let dearest = prices().max().unwrap_or(0).saturating_add(fees.per_seat);
    if dearest.saturating_mul(seats.into()).saturating_add(fees.per_booking) > most {
        let most = money(most);
        return refused(format!(
            "{seats} seats of the dearest category cost more than {most}, which is the most that Stripe charges; \
             allow fewer seats in a booking"
        ));
    }
    Ok(())
}

/// Whether Stripe charges an amount: what is left of a booking's after a discount.
#[must_use]
pub fn can_charge(amount: Money) -> bool {
    let least = LEAST.iter().find(|(currency, _)| *currency == amount.currency.code()).map_or(1, |(_, least)| *least);
    amount.value >= least && amount.value % step(amount.currency) == 0
}

/// Decimal digits of Stripe's amounts.
fn digits(currency: Currency) -> u32 {
    match currency.code() {
        code if WHOLE.contains(&code) => 0,
        code if THOUSANDTHS.contains(&code) => 3,
        _ => 2,
    }
}

/// Minor units that every amount has to be a multiple of.
fn step(currency: Currency) -> i64 {
    let (theirs, ours) = (digits(currency), u32::from(currency.exponent()));
    let last_digit = if theirs == 3 { 10 } else { 1 };
    10_i64.pow(ours.saturating_sub(theirs)) * last_digit
}

/// The greatest amount, in minor units: eight of Stripe's digits.
fn most(currency: Currency) -> i64 {
    let (theirs, ours) = (digits(currency), u32::from(currency.exponent()));
    MOST.saturating_mul(10_i64.pow(ours.saturating_sub(theirs))) / 10_i64.pow(theirs.saturating_sub(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::event::Fees;
    use lastseat_domain::plan::PriceType;

    fn refusal(currency: &str, prices: &[i64], seats: u32) -> Option<String> {
        let mut show = crate::demo::show(std::time::Duration::from_secs(600), lastseat_domain::Timestamp::UNIX_EPOCH).unwrap();
        show.currency = Currency::new(currency).unwrap();
        show.max_seats_per_booking = seats;
        for (category, price) in show.categories.iter_mut().zip(prices) {
            category.price = *price;
        }
        show.categories.truncate(prices.len());
        match check(&show) {
            Ok(()) => None,
            Err(Rejection::InvalidShow { field, why }) => Some(format!("{field}: {why}")),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn prices_that_stripe_charges_and_free_seats_pass() {
        for (currency, prices) in [
            ("EUR", &[50, 0][..]),
            ("EUR", &[0]),
            ("GBP", &[30]),
            ("JPY", &[50, 12_000]),
            ("HUF", &[17_500]),
            ("KWD", &[5120]),
            ("PHP", &[1]),
            ("ISK", &[99_999]),
            ("MGA", &[100_000]),
        ] {
            assert_eq!(refusal(currency, prices, 10), None, "{currency} {prices:?}");
        }
        assert_eq!(refusal("EUR", &[9_999_999], 10), None);
    }

    #[test]
    fn what_a_discount_leaves_is_charged_or_refused() {
        let can = |value, code| can_charge(Money { value, currency: Currency::new(code).unwrap() });
        assert!(can(50, "EUR") && can(100_000, "MGA") && can(5120, "KWD") && can(1, "PHP"));
        assert!(!can(49, "EUR") && !can(100_001, "MGA") && !can(5124, "KWD") && !can(49, "JPY"));
    }

    #[test]
    fn price_types_and_fees_count() {
        let check_with = |types: &[i64], fees: Fees| {
            let mut show =
                crate::demo::show(std::time::Duration::from_secs(600), lastseat_domain::Timestamp::UNIX_EPOCH).unwrap();
            let price_type =
                |(n, price): (usize, &i64)| PriceType { price_type: format!("type-{n}").parse().unwrap(), price: *price };
            show.categories[0].price = types[0];
            show.categories[0].price_types = types.iter().enumerate().map(price_type).collect();
            show.fees = fees;
            check(&show).map_err(|refused| refused.to_string())
        };
        let fees = |per_seat, per_booking| Fees { per_seat, per_booking };
        assert_eq!(check_with(&[4000, 0], fees(0, 0)), Ok(()));
        assert!(check_with(&[4000, 49], fees(0, 0)).unwrap_err().contains("a seat costs 0.49 EUR"));
        assert_eq!(check_with(&[4000, 49], fees(1, 0)), Ok(()));
        assert!(check_with(&[4000, 0], fees(0, 49)).unwrap_err().contains("at least 0.50 EUR"));
        assert_eq!(check_with(&[4000, 9_999_900], fees(99, 9)), Ok(()));
        assert!(check_with(&[4000, 9_999_900], fees(99, 10)).unwrap_err().contains("more than 999999.99 EUR"));
    }

    #[test]
    fn prices_that_stripe_refuses_are_refused_with_the_reason() {
        for (currency, prices, seats, part) in [
            ("EUR", &[4500, 49][..], 10, "categories: a seat costs 0.49 EUR, and Stripe charges at least 0.50 EUR"),
            ("JPY", &[49], 10, "a seat costs 49 JPY"),
            ("USD", &[1], 1, "at least 0.50 USD"),
            ("KWD", &[5124], 10, "multiples of 0.010 KWD"),
            ("EUR", &[10_000_000], 10, "more than 999999.99 EUR"),
            ("EUR", &[i64::MAX], 2, "more than 999999.99 EUR"),
            // Stripe counts krónur in hundredths.
            ("ISK", &[100_000], 10, "more than 999999 ISK"),
            ("MGA", &[100_001], 1, "multiples of"),
        ] {
            let why = refusal(currency, prices, seats).unwrap();
            assert!(why.contains(part), "{why}");
        }
    }
}
