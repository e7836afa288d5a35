//! Values for tests.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use lastseat_domain::event::{
    BookingCommitted, BookingOpened, Event, PaymentAuthorised, PaymentCaptured, PaymentRefunded, PaymentStarted, PricedSeat,
    RefundRequested, ShopData,
};
use lastseat_domain::{BookingId, Currency, IntentId, Money, SeatId, ShowId, Timestamp};

pub fn booking() -> BookingId {
    "11112222-3333-4444-5555-666677770001".parse().unwrap()
}

pub fn intent(name: &str) -> IntentId {
    IntentId::new(name).unwrap()
}

pub fn euros(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

/// Opened, started, authorised, committed, captured, refund requested, refunded.
pub fn history(length: usize) -> Vec<Event> {
    let (booking, amount) = (booking(), euros(100));
    let at = Timestamp::UNIX_EPOCH;
    let all: Vec<Event> = vec![
        BookingOpened {
            booking,
            show: ShowId::new("gala").unwrap(),
            buyer: "ann".parse().unwrap(),
            seats: vec![PricedSeat::new(SeatId::new("A-1").unwrap(), 100)],
            amount,
            expires_at: at,
            show_revision: 0,
            fee: 0,
            channel: None,
            access_code: None,
            voucher: None,
            shop: ShopData::default(),
            request: None,
        }
        .into(),
        PaymentStarted {
            booking,
            attempt: 1,
            payment_method: Some("pm_card_visa".into()),
            tender: None,
            return_url: None,
            request: None,
        }
        .into(),
        PaymentAuthorised { booking, attempt: 1, intent: intent("pi_1"), amount, capture_before: None }.into(),
        BookingCommitted { booking }.into(),
        PaymentCaptured { booking, intent: intent("pi_1"), amount, draw: None }.into(),
        RefundRequested { booking, by: "admin".into() }.into(),
        PaymentRefunded { booking, intent: intent("pi_1"), amount }.into(),
    ];
    all.into_iter().take(length).collect()
}
