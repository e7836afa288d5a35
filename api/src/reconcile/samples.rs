//! Values for tests.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use lastseat_domain::{BookingId, Currency, IntentId, Money};

pub fn booking() -> BookingId {
    "11112222-3333-4444-5555-666677770001".parse().unwrap()
}

pub fn intent(name: &str) -> IntentId {
    IntentId::new(name).unwrap()
}

pub fn euros(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}
