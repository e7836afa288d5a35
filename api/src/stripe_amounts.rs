//! Which prices Stripe can charge. A show that it would refuse to charge for is refused when it is scheduled, not when
//! its buyers pay.
//!
//! The figures are those of <https://docs.stripe.com/currencies>, read in November 2026.

use lastseat_domain::event::ShowScheduled;
use lastseat_domain::{Money, Rejection};

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

/// Currencies of which Stripe takes whole units.
const WITHOUT_DECIMALS: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies with three decimals; the last one has to be 0.
const THREE_DECIMALS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// Checks the prices of a show that is to be paid through Stripe. What costs nothing never reaches Stripe.
///
/// # Errors
/// [`Rejection::InvalidShow`].
pub fn check(show: &ShowScheduled) -> Result<(), Rejection> {
    let code = show.currency.code();
    let priced: Vec<i64> = show.categories.iter().map(|category| category.price).filter(|price| *price > 0).collect();
    let decimals = match code {
        _ if WITHOUT_DECIMALS.contains(&code) => 0,
        _ if THREE_DECIMALS.contains(&code) => 3,
        _ => 2,
    };
    if show.currency.exponent() != decimals && !priced.is_empty() {
        let why = format!(
            "Stripe counts {code} in other units than ISO 4217, so a price could be charged wrongly; use another currency"
        );
        return Err(Rejection::InvalidShow { field: "currency", why });
    }
    let refused = |why: String| Err(Rejection::InvalidShow { field: "categories", why });
    let money = |value| Money { value, currency: show.currency };
    let least = LEAST.iter().find(|(currency, _)| *currency == code).map_or(1, |(_, least)| *least);
    if let Some(price) = priced.iter().find(|price| **price < least) {
        let (price, least) = (money(*price), money(least));
        return refused(format!("a seat costs {price}, and Stripe charges at least {least}; raise the price, or set it to 0"));
    }
    if let Some(price) = priced.iter().find(|price| decimals == 3 && **price % 10 != 0) {
        return refused(format!("a seat costs {}, and Stripe needs a 0 as the last digit in this currency", money(*price)));
    }
    let dearest = priced.iter().max().copied().unwrap_or(0);
    let seats = show.max_seats_per_booking;
    if dearest.saturating_mul(seats.into()) > MOST {
        let most = money(MOST);
        return refused(format!(
            "{seats} seats of the dearest category cost more than {most}, which is the most that Stripe charges; allow fewer seats in a booking"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::Currency;

    fn refusal(currency: &str, prices: &[i64], seats: u32) -> Option<String> {
        let mut show = crate::demo::show(std::time::Duration::from_secs(600)).unwrap();
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
            ("ISK", &[0]),
        ] {
            assert_eq!(refusal(currency, prices, 10), None, "{currency} {prices:?}");
        }
        assert_eq!(refusal("EUR", &[9_999_999], 10), None);
    }

    #[test]
    fn prices_that_stripe_refuses_are_refused_with_the_reason() {
        for (currency, prices, seats, part) in [
            ("EUR", &[4500, 49][..], 10, "categories: a seat costs 0.49 EUR, and Stripe charges at least 0.50 EUR"),
            ("JPY", &[49], 10, "a seat costs 49 JPY"),
            ("USD", &[1], 1, "at least 0.50 USD"),
            ("KWD", &[5124], 10, "0 as the last digit"),
            ("EUR", &[10_000_000], 10, "more than 999999.99 EUR"),
            ("EUR", &[i64::MAX], 2, "more than 999999.99 EUR"),
            // 1,000 krónur would be charged as 10.
            ("ISK", &[1000], 10, "currency: Stripe counts ISK in other units"),
            ("UGX", &[1000], 10, "currency: "),
        ] {
            let why = refusal(currency, prices, seats).unwrap();
            assert!(why.contains(part), "{why}");
        }
    }

    /// What ISO 4217 and Stripe count differently is refused, so that nobody has to know the list.
    #[test]
    fn every_currency_is_counted_as_stripe_counts_it_or_refused() {
        let codes = WITHOUT_DECIMALS.iter().chain(&THREE_DECIMALS).chain(LEAST.iter().map(|(code, _)| code));
        let refused: Vec<_> = codes.filter(|code| refusal(code, &[100_000], 1).is_some()).collect();
        assert!(refused.iter().all(|code| **code == "MGA"), "{refused:?}");
    }
}
