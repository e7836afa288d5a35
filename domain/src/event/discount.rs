//! What a voucher is worth: a part of its terms, and of a show's rewards.

use crate::money::Money;
use serde::{Deserialize, Serialize};

/// What a voucher is worth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Nothing off: it only opens blocks. The log and the API then name no discount.
    #[default]
    Nothing,
    /// So many per cent of what its seats cost, 1 to 100.
    Percent(u32),
    /// So much, or what its seats cost if that is less.
    Amount(Money),
    /// So many of its seats free of charge, the dearest first.
    FreeSeats(u32),
    /// Goods that staff hand over, 1 to 200 bytes. No booking costs less for them.
    Goods(String),
}
