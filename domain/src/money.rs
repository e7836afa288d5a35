//! Money: integer minor units plus ISO 4217 currency. No floats, no silent overflow.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 4217 currency code, checked against the list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Checks an upper-case code such as `EUR`.
    ///
    /// # Errors
    /// [`InvalidCurrency`] if no such currency is in ISO 4217.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        match (iso_currency::Currency::from_code(code), <[u8; 3]>::try_from(code.as_bytes())) {
            (Some(_), Ok(bytes)) => Ok(Self(bytes)),
            _ => Err(InvalidCurrency(code.chars().take(16).collect())),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Number of decimal digits of an amount in major units (2 for EUR, 0 for JPY).
    #[must_use]
    pub fn exponent(&self) -> u16 {
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).unwrap_or(0)
    }
}

/// The text is not an ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 4217 currency code; write it like EUR")]
pub struct InvalidCurrency(pub String);

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units (cents) of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units; never negative in lastseat.
    pub value: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// The sum of prices in one currency. `None` if it does not fit in an `i64`.
    #[must_use]
    pub fn sum(currency: Currency, prices: impl IntoIterator<Item = i64>) -> Option<Self> {
        let value = prices.into_iter().try_fold(0_i64, i64::checked_add)?;
        Some(Self { value, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        if digits == 0 {
            return write!(f, "{} {}", self.value, self.currency);
        }
        let unit = 10_i64.saturating_pow(u32::from(self.currency.exponent()));
        write!(f, "{}.{:0digits$} {}", self.value / unit, (self.value % unit).abs(), self.currency)
    }
}
