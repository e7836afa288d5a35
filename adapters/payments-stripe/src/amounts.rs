//! Amounts as Stripe counts them. It counts most currencies in their minor unit, as we do, and a few otherwise:
//! <https://docs.stripe.com/currencies#special-cases>.

use lastseat_domain::{Currency, Money};

/// How Stripe counts a currency, compared with its minor unit (ISO 4217).
enum Counted {
    Alike,
    /// In hundredths, although the currency has none.
    InHundredths,
    /// In whole units, although the currency has minor ones.
    InWhole,
    /// In thousandths, of which the last digit must be zero.
    InTens,
}

fn counted(currency: Currency) -> Counted {
    match currency.code() {
        "ISK" | "UGX" => Counted::InHundredths,
        "MGA" => Counted::InWhole,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Counted::InTens,
        _ => Counted::Alike,
    }
}

/// The amount as Stripe takes it.
///
/// # Errors
/// Why Stripe can't charge this amount.
pub(crate) fn to_stripe(money: Money) -> Result<i64, String> {
    let (value, code) = (money.value, money.currency.code());
    match counted(money.currency) {
        Counted::Alike => Ok(value),
        Counted::InHundredths => value.checked_mul(100).ok_or_else(|| format!("{value} {code} is too much")),
        Counted::InWhole if value % 100 == 0 => Ok(value / 100),
        Counted::InWhole => Err(format!("Stripe charges whole units of {code} only")),
        Counted::InTens if value % 10 == 0 => Ok(value),
        Counted::InTens => Err(format!("Stripe charges multiples of ten minor units of {code} only")),
    }
}

/// What Stripe's number means.
pub(crate) fn from_stripe(value: i64, currency: Currency) -> i64 {
    match counted(currency) {
        Counted::Alike | Counted::InTens => value,
        Counted::InHundredths => value / 100,
        Counted::InWhole => value.saturating_mul(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(value: i64, code: &str) -> Money {
        Money { value, currency: Currency::new(code).unwrap() }
    }

    #[test]
    fn amounts_are_counted_as_stripe_does() {
        for (value, code, stripe) in
            [(4_250, "EUR", 4_250), (500, "JPY", 500), (500, "ISK", 50_000), (200, "MGA", 2), (1_230, "KWD", 1_230)]
        {
            let money = money(value, code);
            assert_eq!(to_stripe(money), Ok(stripe), "{code}");
            assert_eq!(from_stripe(stripe, money.currency), value, "{code}");
        }
        for (value, code) in [(1_234, "KWD"), (150, "MGA"), (i64::MAX, "UGX")] {
            assert!(to_stripe(money(value, code)).is_err(), "{code}");
        }
    }

    #[test]
    fn an_amount_that_is_sent_is_read_back() {
        for code in ["EUR", "USD", "JPY", "KRW", "CLP", "HUF", "TWD", "KWD", "TND", "ISK", "UGX", "MGA", "XAF", "VND"] {
            for value in [0, 1, 10, 100, 999, 1_000, 123_450, 10_000_000] {
                let money = money(value, code);
                if let Ok(theirs) = to_stripe(money) {
                    assert_eq!(from_stripe(theirs, money.currency), value, "{money}");
                }
            }
        }
    }

    /// What is assumed of ISO 4217's digits.
    #[test]
    fn currencies_have_the_digits_that_the_rules_assume() {
        for (digits, codes) in [
            (
                0,
                &["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF", "ISK"]
                    [..],
            ),
            (2, &["EUR", "USD", "HUF", "TWD", "MGA"][..]),
            (3, &["BHD", "JOD", "KWD", "OMR", "TND"][..]),
        ] {
            for code in codes {
                assert_eq!(money(1, code).currency.exponent(), digits, "{code}");
            }
        }
    }
}
