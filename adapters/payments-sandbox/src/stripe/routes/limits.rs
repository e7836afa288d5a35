//! Stripe's minimum amounts.

use crate::stripe::error::ApiError;
use lastseat_domain::{Currency, Money};

/// The least that can be charged, in minor units.
fn minimum(currency: Currency) -> i64 {
    match currency.code() {
        "GBP" => 30,
        "BGN" | "MYR" | "AED" | "PLN" | "RON" => 200,
        "DKK" => 250,
        "NOK" | "SEK" => 300,
        "HKD" => 400,
        "MXN" | "THB" => 1_000,
        "CZK" => 1_500,
        "HUF" => 17_500,
        _ => 50,
    }
}

/// Refuses what is too little to be charged.
pub fn check(amount: Money) -> Result<(), ApiError> {
    let least = Money { value: minimum(amount.currency), ..amount };
    if amount.value >= least.value {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Amount must be at least {least}.")).code("amount_too_small").param("amount"))
}
